import type { Json } from '#primitives/table';
import { SEVERITIES, type LineParser, type Severity } from '../log-line.ts';
import { nestsDeeper } from './json-depth.ts';
import { rfc3339Time } from './times.ts';

/** How the loggers of the field name what every log has, the most common first. */
const TIME_NAMES = ['time', 'timestamp', '@timestamp', 'ts', 't'];
const LEVEL_NAMES = ['level', 'severity', 'lvl', 'loglevel', 'log.level'];
const MESSAGE_NAMES = ['message', 'msg', 'event', 'text'];

const LEVEL_WORDS: Readonly<Record<string, Severity>> = {
  verbose: 'trace',
  silly: 'trace',
  information: 'info',
  informational: 'info',
  notice: 'info',
  warning: 'warn',
  err: 'error',
  critical: 'fatal',
  crit: 'fatal',
  alert: 'fatal',
  emergency: 'fatal',
  emerg: 'fatal',
  panic: 'fatal',
};

/** What JSON writers, tables and HTTP answers can take. */
const MAX_DEPTH = 16;
/** A time of day in seconds is below it until the year 5138, one in milliseconds above it since 1973. */
const SECONDS_BELOW = 1e11;
const MAX_TIME_MS = 253_402_300_799_999;

type JsonObject = { readonly [name: string]: Json };

const firstOf = (object: JsonObject, names: readonly string[]): Json | undefined => {
  const name = names.find((each) => Object.hasOwn(object, each));
  return name === undefined ? undefined : object[name];
};

const timeOf = (value: Json | undefined): number | undefined => {
  if (typeof value === 'string') return rfc3339Time(value);
  if (typeof value !== 'number') return undefined;
  const ms = Math.round(value < SECONDS_BELOW ? value * 1_000 : value);
  return ms >= 0 && ms <= MAX_TIME_MS ? ms : undefined;
};

/** A word, or the numbers of bunyan and pino: 10, 20, … 60. */
const severityOf = (value: Json | undefined): Severity | undefined => {
  if (typeof value === 'number') return value >= 10 && value < 70 ? SEVERITIES[Math.floor(value / 10) - 1] : undefined;
  if (typeof value !== 'string' || value.length > 20) return undefined;
  const word = value.toLowerCase();
  return SEVERITIES.find((each) => each === word) ?? (Object.hasOwn(LEVEL_WORDS, word) ? LEVEL_WORDS[word] : undefined);
};

const parseJson = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

/** A line that is a JSON object, as most loggers write it. All of it is kept as `fields`. */
export const parseJsonLine: LineParser = (line) => {
  const text = line.trim();
  if (!text.startsWith('{') || nestsDeeper(text, MAX_DEPTH)) return undefined;
  const object = parseJson(text);
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  const fields = object as JsonObject;
  const message = firstOf(fields, MESSAGE_NAMES);
  const severity = severityOf(firstOf(fields, LEVEL_NAMES));
  const timeMs = timeOf(firstOf(fields, TIME_NAMES));
  return {
    message: typeof message === 'string' ? message : text,
    ...(severity === undefined ? {} : { severity }),
    ...(timeMs === undefined ? {} : { timeMs }),
    fields,
  };
};
