import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { isRetryable } from '#primitives/errors';
import type { Fields, Key, Table } from '#primitives/table';

export interface CachedReadsOptions {
  readonly table: Table;
  readonly clock: Clock;
  /** A record is read again when it is needed and what is known of it is as old as this. 0..3_600_000 ms. */
  readonly refreshMs: number;
  /**
   * What was read is good for so long while the table does not answer. At least `refreshMs`, at most a day: who does not
   * change often is better known late than not at all.
   */
  readonly staleMs: number;
  /** So many records are remembered, the one that was used longest ago is forgotten first. 1..10_000. */
  readonly maxCount: number;
}

/**
 * Reads of a table that a host remembers for a while. That there is no such record is not remembered: whoever has just
 * made it, by another host, expects to find it.
 */
export interface CachedReads {
  /** One read a record and `refreshMs`, however many ask at once. Throws what the table throws when nothing is known. */
  get(key: Key): Promise<Fields | undefined>;
  /** The next `get` reads. */
  forget(key: Key): void;
}

interface Entry {
  fields: Fields | undefined;
  readAtMs: number;
  reading: Promise<Fields | undefined> | undefined;
}

const CACHED_READS_OPTIONS: readonly string[] = ['table', 'clock', 'refreshMs', 'staleMs', 'maxCount'];
const DAY_MS = 86_400_000;

const nameOf = ({ partition, sort }: Key): string => `${partition}\n${sort}`;

/** @throws {@link InvalidArgumentError} when an option is out of its range */
export const cachedReads = (options: CachedReadsOptions): CachedReads => {
  checkNames(options, CACHED_READS_OPTIONS);
  const { table, clock, refreshMs, staleMs, maxCount } = options;
  checkInteger('refreshMs', refreshMs, 0, 3_600_000);
  checkInteger('staleMs', staleMs, refreshMs, DAY_MS);
  checkInteger('maxCount', maxCount, 1, 10_000);
  const entries = new Map<string, Entry>();

  const entryOf = (name: string): Entry => {
    const entry = entries.get(name) ?? { fields: undefined, readAtMs: -Infinity, reading: undefined };
    entries.delete(name);
    entries.set(name, entry);
    const [oldest] = entries.keys();
    if (entries.size > maxCount && oldest !== undefined) entries.delete(oldest);
    return entry;
  };
  const read = async (key: Key, entry: Entry): Promise<Fields | undefined> => {
    try {
      entry.fields = await table.get(key);
      entry.readAtMs = clock.monotonicMs();
    } catch (error) {
      const isKnown = clock.monotonicMs() - entry.readAtMs < staleMs;
      if (!isKnown || !isRetryable(error)) throw error;
    } finally {
      entry.reading = undefined;
    }
    return entry.fields;
  };

  return Object.freeze<CachedReads>({
    get: async (key) => {
      const entry = entryOf(nameOf(key));
      const isKnown = entry.fields !== undefined && clock.monotonicMs() - entry.readAtMs < refreshMs;
      if (isKnown) return entry.fields;
      entry.reading ??= read(key, entry);
      return entry.reading;
    },
    forget: (key) => void entries.delete(nameOf(key)),
  });
};
