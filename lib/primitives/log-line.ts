import { stripVTControlCharacters } from 'node:util';

const RESET = '\u001b[0m';
const DIM = '\u001b[2m';
const COLORS: ReadonlyMap<string, string> = new Map([
  ['debug', DIM],
  ['info', '\u001b[36m'],
  ['warn', '\u001b[33m'],
  ['error', '\u001b[31m'],
]);

// What stands in a log comes from anywhere; on a terminal it must not be obeyed.
const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');

const valueText = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);

const asObject = (json: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

const stackOf = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string'
    ? value.stack
    : undefined;

/**
 * A line of the JSON log for people: time of day, level, message, fields, then the stack of an error on lines of its
 * own. A line that is not of the log comes back as it is. Control characters never reach the terminal.
 */
export const formatLogLine = (json: string, options: { readonly colors: boolean }): string => {
  const entry = asObject(json);
  if (entry === undefined || typeof entry['level'] !== 'string' || typeof entry['message'] !== 'string') {
    return printable(json);
  }
  const { time, level, message, ...fields } = entry;
  const paint = (color: string | undefined, text: string): string =>
    options.colors && color !== undefined && text !== '' ? `${color}${text}${RESET}` : text;
  const stacks = Object.values(fields).flatMap((value) => stackOf(value) ?? []);
  const pairs = Object.entries(fields).map(([name, value]) => {
    const text = stackOf(value) === undefined ? value : { ...(value as object), stack: undefined };
    return printable(`${name}=${valueText(text)}`);
  });
  return [
    [
      paint(DIM, printable(String(time)).slice(11, 23)),
      paint(COLORS.get(level), printable(level).toUpperCase().padEnd(5)),
      printable(message),
      paint(DIM, pairs.join(' ')),
    ]
      .filter((part) => part !== '')
      .join(' '),
    ...stacks.flatMap((stack) => stack.split('\n')).map((line) => paint(DIM, printable(line))),
  ].join('\n');
};
