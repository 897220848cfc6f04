import { createHash } from 'node:crypto';
import type { Json } from '#primitives/table';
import { SEVERITIES, type LogFormat, type Severity } from './log-line.ts';
import type { ReadLine } from './read-line.ts';

/** What every line becomes: a CloudEvent, version 1.0, with its extensions for severity and tracing. */
export interface LogEntry {
  readonly specversion: '1.0';
  /** The same for the same line whenever it is read again. */
  readonly id: string;
  readonly source: string;
  readonly type: 'distributed-patterns.log';
  /** ISO 8601: when it happened; when the line does not say it, when it came. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Left out where the line says none. */
  readonly severitytext?: Severity;
  /** As OpenTelemetry numbers them: trace 1, debug 5, info 9, warn 13, error 17, fatal 21. */
  readonly severitynumber?: number;
  readonly traceparent?: string;
  readonly data: {
    readonly message: string;
    readonly format: LogFormat | 'message';
    readonly fields?: { readonly [name: string]: Json };
    /** The line is not of its format: `message` is the whole of it. */
    readonly unparsed?: true;
    /** The line was too long: `message` is its begin, and so many characters it had. */
    readonly cutFrom?: number;
  };
}

/** What an entry is besides its line. */
export interface EntryContext {
  readonly source: string;
  /** Within the years 1970 to 9999. */
  readonly receivedAtMs: number;
  readonly traceparent?: string;
  /** What tells this line from all others of its source. */
  readonly identity: readonly string[];
  /** Sorts entries of one instant, e.g. by their place in what was sent. */
  readonly place: number;
}

/** The most that an entry may be as JSON: a record of DynamoDB takes 400 KB. */
const MAX_ENTRY_BYTES = 262_144;
/** JSON writes one unit as at most six bytes: `\u0000`. What is left is for the rest of the entry. */
const MAX_CUT_LENGTH = 40_000;
const MAX_TIME_MS = 253_402_300_799_999;

export const severityNumber = (severity: Severity): number => SEVERITIES.indexOf(severity) * 4 + 1;

/** JSON keeps two different lone surrogates apart, which UTF-8 does not. */
const digestOf = (identity: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(identity)).digest('base64url').slice(0, 22);

const wellFormed = (value: Json): Json => {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => wellFormed(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name.toWellFormed(), wellFormed(item)]));
};

/** An entry that can be stored: of one that is too long the begin of its line, without fields. */
const fitted = (entry: LogEntry, line: string): LogEntry => {
  if (Buffer.byteLength(JSON.stringify(entry)) <= MAX_ENTRY_BYTES) return entry;
  const { fields: _, ...data } = entry.data;
  const message = line.slice(0, MAX_CUT_LENGTH).toWellFormed();
  return { ...entry, data: { ...data, message, cutFrom: line.length } };
};

/** The years 1970 to 9999, in which ISO 8601 is 24 characters and sorts as time goes. */
const isSortable = (ms: number): boolean => ms >= 0 && ms <= MAX_TIME_MS;

/** The entry of a line that was read. It can be stored whatever the line holds: text is well-formed, and not too long. */
export const logEntry = ({ line, format, parsed, isUnparsed }: ReadLine, context: EntryContext): LogEntry => {
  const { source, receivedAtMs, traceparent, identity, place } = context;
  const { message, severity, timeMs, fields } = parsed;
  const atMs = timeMs !== undefined && isSortable(timeMs) ? timeMs : receivedAtMs;
  const entry: LogEntry = {
    specversion: '1.0',
    id: `${String(place).padStart(5, '0')}-${digestOf([source, ...identity])}`,
    source,
    type: 'distributed-patterns.log',
    time: new Date(atMs).toISOString(),
    datacontenttype: 'application/json',
    ...(severity === undefined ? {} : { severitytext: severity, severitynumber: severityNumber(severity) }),
    ...(traceparent === undefined ? {} : { traceparent }),
    data: {
      message: message.toWellFormed(),
      format,
      ...(fields === undefined ? {} : { fields: wellFormed(fields) as NonNullable<LogEntry['data']['fields']> }),
      ...(isUnparsed ? { unparsed: true } : {}),
    },
  };
  return fitted(entry, line);
};
