import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GROUPS } from './groups.ts';

export type PlaceName = 'embedded' | 'localstack' | 'ministack';

/** By the name of a row: `pass`, or what was seen instead. */
export type Results = Readonly<Record<string, string>>;

export const PASS = 'pass';
/** Before what was seen when a row held at one time and not at another: nobody can rely on it there. */
const AT_TIMES = 'at times: ';
export const PLACES: readonly PlaceName[] = ['embedded', 'localstack', 'ministack'];
const TITLES: Readonly<Record<PlaceName, string>> = {
  embedded: 'embedded',
  localstack: 'LocalStack',
  ministack: 'ministack',
};
const README = path.resolve(import.meta.dirname, '../../localstack/README.md');
const [START, END] = ['<!-- parity:start -->', '<!-- parity:end -->'];
const MAX_SEEN_CHARS = 160;

/** What jest writes with --json, as far as it is read. */
export interface JestReport {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** The lines of a failure that say what was seen, in one line. */
const seenIn = (message: string): string => {
  // eslint-disable-next-line no-control-regex -- jest colours what it compares
  const plain = message.replaceAll(/\u001B\[\d+m/gu, '');
  const lines = plain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^at |^expect\(|^[-+] (Expected|Received)\s+[-+]|^@@/u.test(line));
  const text = lines
    .join(' ')
    .replaceAll(/\s+/gu, ' ')
    .replace(/^Error: /u, '');
  return text.length > MAX_SEEN_CHARS ? `${text.slice(0, MAX_SEEN_CHARS)}…` : text;
};

/** @throws an Error with jest's own words when it ran no row. */
export const resultsOf = (report: JestReport): Results => {
  const rows = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  if (rows.length === 0) throw new Error(report.testResults.map(({ message }) => message).join('\n') || 'No row ran.');
  return Object.fromEntries(
    rows.map(({ title, status, failureMessages = [] }) => [
      title,
      status === 'passed' ? PASS : seenIn(failureMessages.join('\n')) || 'failed',
    ]),
  );
};

const fileOf = (place: PlaceName): string => path.join(import.meta.dirname, 'results', `${place}.json`);

/**
 * What to record when rows ran again. A row that held in one try only, or was recorded so before, holds at times: who
 * wants that forgotten removes the line from the file.
 */
export const merged = (recorded: Results, tries: readonly Results[]): Results => {
  const last = Object.assign({}, ...tries) as Results;
  const entries = Object.entries(last).map(([name, seen]): [string, string] => {
    const before = recorded[name] ?? '';
    const failed = tries.map((results) => results[name] ?? PASS).find((each) => each !== PASS);
    if (seen !== PASS) return [name, seen];
    if (failed !== undefined) return [name, `${AT_TIMES}${failed}`];
    return [name, before.startsWith(AT_TIMES) ? before : seen];
  });
  return Object.fromEntries(entries);
};

/** What was recorded for a place; nothing when it was never run there. */
export const readResults = (place: PlaceName): Results => {
  try {
    return JSON.parse(readFileSync(fileOf(place), 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
};

export const writeResults = (place: PlaceName, results: Results): void =>
  writeFileSync(fileOf(place), `${JSON.stringify(results, null, 2)}\n`);

/** What jest says of every failure says nothing of this one. */
const inShort = (seen: string): string =>
  seen
    .replace(/^expect\(\w+\)[.\w]*\(\w*\)\s*/u, '')
    .replace(/^\/\/ (?:deep equality|Object\.is equality)\s*/u, '')
    .replace(/^Received promise resolved instead of rejected.*$/su, 'accepted');

/** In a cell neither a bar nor a tag may end it. */
const cell = (result: string | undefined): string => {
  if (result === undefined) return 'not run';
  return inShort(result).replaceAll('|', '\\|').replaceAll('<', '&lt;');
};

const nameOf = (subject: string, title: string): string => `${subject}: ${title}`;

/** The table row × place, as Markdown, of all that was recorded. */
const parityTable = (recorded: Readonly<Record<PlaceName, Results>>): string => {
  const names = GROUPS.flatMap(({ subject, rows }) => rows.map(({ title }) => nameOf(subject, title)));
  const passed = PLACES.map((place) => names.filter((name) => recorded[place][name] === PASS).length);
  const head = [
    `| ${names.length} rows | ${PLACES.map((place) => TITLES[place]).join(' | ')} |`,
    '| --- | --- | --- | --- |',
    `| **passed** | ${passed.map((count) => `**${count}**`).join(' | ')} |`,
  ];
  const body = GROUPS.flatMap(({ subject, rows }) => [
    `| **${subject}** | | | |`,
    ...rows.map(
      ({ title }) =>
        `| ${cell(title)} | ${PLACES.map((place) => cell(recorded[place][nameOf(subject, title)])).join(' | ')} |`,
    ),
  ]);
  return [...head, ...body].join('\n');
};

/** @throws an Error when the README has lost the marks between which the table stands. */
export const writeTable = (): void => {
  const text = readFileSync(README, 'utf8');
  const [before, rest] = text.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${README}: expected ${START} and ${END}.`);
  const recorded = {
    embedded: readResults('embedded'),
    localstack: readResults('localstack'),
    ministack: readResults('ministack'),
  };
  writeFileSync(README, `${before}${START}\n\n${parityTable(recorded)}\n\n${END}${after}`);
};
