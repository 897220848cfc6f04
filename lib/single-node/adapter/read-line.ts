import { parseJsonLine } from './formats/json-line.ts';
import { parseNginx } from './formats/nginx.ts';
import { parseRedisSlowlog } from './formats/redis-slowlog.ts';
import { parseSyslog } from './formats/syslog.ts';
import type { LineParser, LogFormat, ParsedLine } from './log-line.ts';

const PARSERS: Readonly<Record<LogFormat, LineParser>> = {
  json: parseJsonLine,
  'redis-slowlog': parseRedisSlowlog,
  syslog: parseSyslog,
  nginx: parseNginx,
  text: (line) => ({ message: line }),
};
/** Each begins with another character, or has a time where no other has one: the order decides nothing. */
const DETECTED = ['json', 'redis-slowlog', 'syslog', 'nginx', 'text'] as const;

/** A line, understood or not: nothing is lost. */
export interface ReadLine {
  readonly line: string;
  readonly format: LogFormat | 'message';
  readonly parsed: ParsedLine;
  /** The line is not of the format that it was said to be; `parsed` has it as it is. */
  readonly isUnparsed: boolean;
}

/**
 * Reads a line of a format, or with `auto` of the first that it is of; plain text is the last. What is not of the format
 * that it should be is kept as it is, and marked.
 */
export const readLine = (line: string, format: LogFormat | 'auto', receivedAtMs: number): ReadLine => {
  for (const candidate of format === 'auto' ? DETECTED : [format]) {
    const parsed = PARSERS[candidate](line, receivedAtMs);
    if (parsed !== undefined) return { line, format: candidate, parsed, isUnparsed: false };
  }
  return { line, format: format === 'auto' ? 'text' : format, parsed: { message: line }, isUnparsed: true };
};

/** A message that is no batch of lines, as one line that nobody could read. */
export const readMessage = (body: string): ReadLine => ({
  line: body,
  format: 'message',
  parsed: { message: body },
  isUnparsed: true,
});
