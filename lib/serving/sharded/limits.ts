import { jitteredPauseOf, persistence } from '#resilience/persist';

export type { Pause } from '#resilience/persist';

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

export const pauseOf = jitteredPauseOf({ baseMs: 10, limitMs: 500 });

/** Gives up after {@link MAX_TRIES} tries, as `sharded/gave-up`. */
export const persist = persistence({ code: 'sharded/gave-up', tryCount: MAX_TRIES });
