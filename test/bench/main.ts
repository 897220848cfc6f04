/**
 * `npm run bench [-- NAME…]`: runs all benchmarks, or the named ones, each in a process of its own. Prints a table of
 * each, and whether it came to what is asked for; writes the same as JSON to `.stack/bench/`. Ends with 1 when a
 * benchmark broke, never for a figure: machines differ.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { runLimited, seconds, signalOfInterrupt } from '../../scripts/run-limited.ts';
import { isHeld, type BenchmarkResult, type Goal } from './benchmark.ts';
import { installPeers } from './peers.ts';
import { rounded } from './rounds.ts';

/** What there is, and how long each may take on a slow machine. */
const LIMITS_S: Readonly<Record<string, number>> = {
  cache: 180,
  limiter: 180,
  hashing: 600,
  'partial-batch': 120,
  resilience: 120,
  locks: 180,
  decorator: 120,
  idempotency: 120,
  'cold-start': 180,
  'queue-consumption': 300,
  'event-source-runner': 300,
  'local-stack': 900,
  hedging: 900,
};

const STACK_DIR = path.resolve(process.env['STACK_DIR'] || '.stack');

const table = (rows: readonly (readonly (string | number)[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  const line = (row: readonly (string | number)[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
      })
      .join('  ');
  return rows.map((row) => `  ${line(row)}`).join('\n');
};

const goalLine = (goal: Goal): string => {
  const asked = goal.atLeast === undefined ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
  return `  ${isHeld(goal) ? 'reached    ' : 'not reached'}  ${goal.figure}: ${rounded(goal.measured)} (${asked})`;
};

const print = (name: string, { columns, rows, goals, remarks }: BenchmarkResult): void => {
  const parts = [
    table([columns, ...rows]),
    goals.map(goalLine).join('\n'),
    remarks.map((text) => `  ${text}`).join('\n'),
  ];
  console.log(`\n${[name, ...parts.filter(Boolean)].join('\n\n')}`);
};

/** Progress is for whoever looks on; what is kept goes to the standard output. */
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const runOne = async (name: string, signal: AbortSignal): Promise<BenchmarkResult> => {
  let result: BenchmarkResult | undefined;
  const { end, exitCode, output, tookMs } = await runLimited({
    command: [process.execPath, path.join(import.meta.dirname, 'one.ts'), name],
    limitMs: (LIMITS_S[name] ?? 0) * 1000,
    output: 'keep',
    onMessage: (message) => {
      const sent = message as { readonly progress?: string; readonly result?: BenchmarkResult };
      if (sent.progress !== undefined) say(`${name}: ${sent.progress}`);
      result = sent.result ?? result;
    },
    signal,
  });
  if (end !== 'exited' || exitCode !== 0 || result === undefined)
    throw new Error(`${name}: ${end}, code ${exitCode}, after ${seconds(tookMs)}\n${output}`);
  say(`${name}: done in ${seconds(tookMs)}`);
  return result;
};

const main = async (asked: readonly string[], signal: AbortSignal): Promise<number> => {
  const unknown = asked.filter((name) => !Object.hasOwn(LIMITS_S, name));
  if (unknown.length > 0) {
    say(`Expected names of benchmarks (${Object.keys(LIMITS_S).join(', ')}), got ${unknown.join(', ')}.`);
    return 1;
  }
  await installPeers(say, signal);
  const folder = path.join(STACK_DIR, 'bench');
  await mkdir(folder, { recursive: true });
  let brokenCount = 0;
  for (const name of asked.length === 0 ? Object.keys(LIMITS_S) : asked) {
    if (signal.aborted) return 1;
    try {
      const result = await runOne(name, signal);
      print(name, result);
      const file = path.join(folder, `${name}.json`);
      const machine = { cpuCount: availableParallelism(), platform: process.platform, node: process.version };
      await writeFile(file, `${JSON.stringify({ name, machine, ...result }, undefined, 2)}\n`);
    } catch (error) {
      brokenCount += 1;
      say(error instanceof Error ? error.message : String(error));
    }
  }
  return brokenCount === 0 ? 0 : 1;
};

try {
  process.exitCode = await main(process.argv.slice(2), signalOfInterrupt());
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
