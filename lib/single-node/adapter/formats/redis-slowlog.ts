import * as v from 'valibot';
import type { LineParser } from '../log-line.ts';
import { nestsDeeper } from './json-depth.ts';

/** An entry of SLOWLOG GET: since 4.0 with the client's address and name, before without. */
const ENTRY = v.pipe(
  v.array(v.unknown()),
  v.minLength(4),
  v.maxLength(6),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const [id, seconds, microseconds, args, address = '', name = ''] = dataset.value;
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
    const isFine =
      isCount(id) && isCount(seconds) && seconds < 253_402_300_800 && isCount(microseconds) && Array.isArray(args);
    const texts: unknown[] = Array.isArray(args) ? args : [];
    if (!isFine || !texts.every((arg) => typeof arg === 'string')) {
      addIssue({ message: 'Expected an entry of SLOWLOG GET.' });
      return NEVER;
    }
    return { id, seconds, microseconds, command: texts, address: String(address), name: String(name) };
  }),
);
const MAX_DEPTH = 2;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * An entry of Redis' slow log as JSON, as `redis-cli --json SLOWLOG GET` has them in its list:
 * `[14, 1795646813, 20015, ["keys", "*"], "127.0.0.1:58217", ""]`.
 *
 * @see https://redis.io/docs/latest/commands/slowlog-get/
 */
export const parseRedisSlowlog: LineParser = (line) => {
  if (!line.startsWith('[') || nestsDeeper(line, MAX_DEPTH)) return undefined;
  const read = v.safeParse(ENTRY, parseJson(line));
  if (!read.success) return undefined;
  const { id, seconds, microseconds, command, address, name } = read.output;
  return {
    message: command.join(' '),
    severity: 'warn',
    timeMs: seconds * 1_000,
    fields: {
      entry: id,
      tookMs: microseconds / 1_000,
      command,
      ...(address === '' ? {} : { client: address }),
      ...(name === '' ? {} : { clientName: name }),
    },
  };
};
