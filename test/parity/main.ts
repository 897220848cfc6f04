/**
 * `npm run parity -- PLACE [ENDPOINT]`: runs the rows of the parity suite on a place and publishes what was seen: in
 * `test/parity/results/`, and in the table of localstack/README.md. With `--check` nothing is written: the rows that
 * are recorded as passed, and those that are not recorded, are run, and it ends with 1 when one does not pass. A row that
 * fails is tried once more before it counts.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runLimited, seconds, signalOfInterrupt } from '../../scripts/run-limited.ts';
import { GROUPS } from './groups.ts';
import {
  merged,
  PASS,
  PLACES,
  readResults,
  resultsOf,
  writeResults,
  writeTable,
  type JestReport,
  type PlaceName,
  type Results,
} from './results.ts';

const USAGE = `Usage: npm run parity -- PLACE [ENDPOINT] [--check]

Runs the parity rows on a place: embedded (started for it), or localstack or ministack, which must be up at ENDPOINT.
Writes the results and the table of localstack/README.md.

  --check   write nothing; run the rows that are recorded as passed, and new ones, and fail when one does not pass
  --help    this text
`;

const LIMIT_MS = 20 * 60_000;
const DEFAULT_ENDPOINT = 'http://127.0.0.1:4566';
const STACK_DIR = path.resolve(process.env['STACK_DIR'] || '.stack');

interface Wanted {
  readonly place: PlaceName;
  readonly endpoint: string | undefined;
  readonly isCheck: boolean;
}

/** @throws an Error with the usage for what is no place or no option. */
const wanted = (args: readonly string[]): Wanted | 'help' => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) return 'help';
  const place = PLACES.find((each) => each === positionals[0]);
  if (place === undefined || positionals.length > 2)
    throw new Error(`Expected a place (${PLACES.join(', ')}), got '${positionals.join(' ')}'.\n\n${USAGE}`);
  const endpoint = place === 'embedded' ? undefined : (positionals[1] ?? DEFAULT_ENDPOINT);
  return { place, endpoint, isCheck: values.check === true };
};

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`);

const runRows = async (
  { place, endpoint }: Wanted,
  rows: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Results> => {
  mkdirSync(STACK_DIR, { recursive: true });
  const file = path.join(STACK_DIR, `parity-${process.pid}.json`);
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const { end, output } = await runLimited({
    command: [process.execPath, ...jest, 'test/parity/', '--json', `--outputFile=${file}`, '--forceExit'],
    limitMs: LIMIT_MS,
    env: {
      ...process.env,
      PARITY_PLACE: place,
      ...(endpoint === undefined ? {} : { PARITY_ENDPOINT: endpoint }),
      ...(rows === undefined ? {} : { PARITY_ROWS: `^(?:${rows.map(escaped).join('|')})$` }),
    },
    output: 'keep',
    signal,
  });
  try {
    if (end !== 'exited') throw new Error(`The rows were ended: ${end}. They may take ${seconds(LIMIT_MS)}.`);
    return resultsOf(JSON.parse(readFileSync(file, 'utf8')) as JestReport);
  } catch (error) {
    throw new Error(`The rows did not run on ${place}:\n${output}`, { cause: error });
  } finally {
    rmSync(file, { force: true });
  }
};

const failuresIn = (results: Results): readonly string[] =>
  Object.keys(results).filter((name) => results[name] !== PASS);

const NAMES = GROUPS.flatMap(({ subject, rows }) => rows.map(({ title }) => `${subject}: ${title}`));

const checkTitles = (): void => {
  const twice = NAMES.filter((name, index) => NAMES.indexOf(name) !== index);
  if (twice.length > 0) throw new Error(`Rows of the same name: ${twice.join('; ')}`);
};

const main = async (): Promise<number> => {
  const run = wanted(process.argv.slice(2));
  if (run === 'help') {
    console.log(USAGE);
    return 0;
  }
  checkTitles();
  const signal = signalOfInterrupt();
  const startedMs = performance.now();
  const recorded = readResults(run.place);
  const expected = NAMES.filter((name) => (recorded[name] ?? PASS) === PASS);
  const first = await runRows(run, run.isCheck ? expected : undefined, signal);
  const failed = failuresIn(first);
  const second = failed.length === 0 ? {} : await runRows(run, failed, signal);
  const results: Results = { ...first, ...second };
  const broken = failuresIn(results);
  const [count, failedCount] = [Object.keys(results).length, broken.length];
  console.log(`${run.place}: ${count - failedCount} of ${count} rows hold (${seconds(performance.now() - startedMs)})`);
  if (!run.isCheck) {
    writeResults(run.place, merged(recorded, [first, second]));
    writeTable();
    return 0;
  }
  for (const name of broken) console.log(`DOES NOT HOLD  ${name}: ${results[name]}`);
  console.log(`${count - failedCount} passed, ${failedCount} failed`);
  return failedCount === 0 ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  const cause = error instanceof Error && error.cause instanceof Error ? `\n${error.cause.message}` : '';
  console.error(`${error instanceof Error ? error.message : String(error)}${cause}`);
  process.exitCode = 1;
}
