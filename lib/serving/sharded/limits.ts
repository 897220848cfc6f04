import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import { backoffMs } from '#resilience/backoff';

/**
 * Fences of each shard: every operation reads one of them, and DynamoDB serves 3 000 consistent reads a second of a
 * record. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
export const FENCE_COUNT = 4;
/** A change of the epoch writes all fences and the record of the members in one transaction, which takes a hundred. */
export const MAX_CACHE_SHARDS = 24;
/** How often an operation is begun anew before its caller is told to come again. */
const MAX_TRIES = 12;
/** A tombstone, and a value that has expired, are kept for so long: no attempt of a call is later than that. */
export const KEEP_MS = 3_600_000;

const BACKOFF = { baseMs: 10, limitMs: 500 };

/** Waits before the next try. */
export type Pause = (tries: number) => Promise<void>;

export const pauseOf =
  ({ clock, random }: { readonly clock: Clock; readonly random: Random }): Pause =>
  (tries) =>
    clock.sleep(backoffMs(tries, BACKOFF, random));

export const isRetryable = (error: unknown): error is PatternError => error instanceof PatternError && error.retryable;

const gaveUp = (what: string, cause?: unknown): PatternError =>
  new PatternError('sharded/gave-up', `${what}: gave up after ${MAX_TRIES} tries`, { retryable: true, cause });

/**
 * Does what may be done again until it gives a value: `undefined` and retryable errors mean "again".
 *
 * @throws `sharded/gave-up`, retryable, after {@link MAX_TRIES} tries
 */
export const persist = async <T>(what: string, pause: Pause, attempt: () => Promise<T | undefined>): Promise<T> => {
  let cause: unknown;
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      cause = error;
    }
    if (tries < MAX_TRIES) await pause(tries);
  }
  throw gaveUp(what, cause);
};
