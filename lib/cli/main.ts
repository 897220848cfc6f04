#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';
import { runCli } from './cli.ts';

// lib/cli and dist/cli lie equally deep in the package.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

const ending = new AbortController();
// The second signal ends the process as if nobody listened: a stop that hangs must not need a kill -9.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ending.abort());
// Whoever read the output may be gone; that is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const write =
  (stream: NodeJS.WriteStream) =>
  (line: string): void =>
    void stream.write(`${line}\n`);

process.exitCode = await runCli(process.argv.slice(2), {
  out: write(process.stdout),
  error: write(process.stderr),
  version: manifest.version,
  env: process.env,
  clock: systemClock(),
  random: systemRandom(),
  signal: ending.signal,
});
// What a late stop left open must not keep the process.
if (ending.signal.aborted || process.exitCode !== 0) process.exit();
