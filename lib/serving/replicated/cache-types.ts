import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';

/** The level that all hosts share. Without it each host loads for itself. */
export interface SharedLevelOptions {
  readonly table: Table;
  /**
   * After so long a host that waits for the load of another one takes that host to be dead, and loads. Measured by each
   * host from when it first saw the other's lease, with its own monotonic clock. Longer than `loadTimeoutMs`, up to
   * 900_000 ms.
   */
  readonly leaseMs: number;
  /** How often a host that waits for another one's load looks for it. 1..60_000 ms. */
  readonly pollMs: number;
  /**
   * By so much the clocks of two hosts may differ. What another host has loaded counts as older by so much; what seems
   * to come from a more distant future is not used. 0 ms and more, less than `softTtlMs`.
   */
  readonly maxClockSkewMs: number;
  /**
   * A call of the table that takes longer is given up, and the level is taken to be away: this host loads for itself. What
   * a lookup may wait for it beside its load is three times as long. An integer, 1..60_000 ms.
   */
  readonly timeoutMs: number;
  /** So long a level that was late is not asked again, but for one call to see whether it is back. 100..3_600_000 ms. */
  readonly pauseMs: number;
}

export interface CacheOptions<V> {
  /** 1..64 bytes. Keeps apart caches that share a table. */
  readonly name: string;
  /**
   * Brings the value; undefined when there is none, which is remembered as well. Called once for all who wait. The signal
   * is aborted after `loadTimeoutMs`, and what comes later is dropped. With a shared level, a value that JSON would change
   * (NaN, a Map, a Date) is a load that failed, with an {@link InvalidArgumentError} that says where.
   */
  readonly load: (key: string, signal: AbortSignal) => Promise<V | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly shared?: SharedLevelOptions;
  /** So long a value is fresh. 1 ms to 30 days. */
  readonly softTtlMs: number;
  /** So long after its load a stale value is given at once, while one new load runs. `softTtlMs` to 30 days. */
  readonly hardTtlMs: number;
  /** So long beyond `hardTtlMs` a value is given when the load fails. 0 ms to 30 days. */
  readonly staleIfErrorMs: number;
  /** So long it is remembered that there is no value. 0 ms (not at all) to `softTtlMs`. */
  readonly negativeTtlMs: number;
  /** Up to this share of `softTtlMs`, drawn for each value, is taken off: what came together goes apart. 0..0.5. */
  readonly jitter: number;
  /** A load that takes longer has failed. 1..600_000 ms. */
  readonly loadTimeoutMs: number;
  /** After a failed load, stale values are given for so long without another try. 0..600_000 ms. */
  readonly errorPauseMs: number;
  /** Values in the memory of this host. 1..10_000_000. */
  readonly maxEntryCount: number;
  /** All of them together, as characters of JSON. 1..2**40. Infinity: sizes are not looked at. */
  readonly maxBytes: number;
  /** Keys that are being loaded at a time: one more is refused with {@link CacheOverloadError}. 1..1_000_000. */
  readonly maxLoadCount: number;
  /** Hears what goes wrong beside an answer: the shared level was away, or a refresh failed. It must not throw. */
  readonly onTrouble?: (error: unknown, key: string) => void;
}

/** `hit`: fresh, no load was waited for. `miss`: fresh, loaded for this call or for one before. `stale`: not fresh. */
export type CacheState = 'hit' | 'miss' | 'stale';

export interface Lookup<V> {
  /** Undefined: there is none. */
  readonly value: V | undefined;
  readonly state: CacheState;
  /** Since the load, as far as this host can tell. */
  readonly ageMs: number;
  /**
   * Of a stale value: settles when its refresh has ended, well or not, and never rejects. A function that is frozen
   * after its answer waits for it.
   */
  readonly refreshed?: Promise<void>;
}

export interface CacheStats {
  readonly hitCount: number;
  /** Of the hits, those that came from the shared level. */
  readonly sharedHitCount: number;
  readonly staleCount: number;
  /** Calls that waited for a load, their own or another one's. */
  readonly missCount: number;
  readonly errorCount: number;
  /** Loads that this host has run. */
  readonly loadCount: number;
  readonly evictedCount: number;
  readonly entryCount: number;
  readonly sizeBytes: number;
  /** (hits + stale ones) ÷ all calls; 0 when there was none. */
  readonly hitRate: number;
}

export interface Cache<V> {
  /**
   * The value of a key, undefined where there is none.
   *
   * @param key 1..1024 bytes.
   * @throws what `load` throws, when no stale value may be given instead: the same for everybody who waits
   * @throws {@link LoadFailedElsewhereError} when the load that failed was another host's
   * @throws {@link CacheOverloadError} when too many keys are being loaded
   */
  get(key: string): Promise<V | undefined>;
  /**
   * The same, with where the value came from. An abort ends the waiting, not the load, which others may wait for; a
   * signal that is aborted already begins nothing.
   */
  lookup(key: string, signal?: AbortSignal): Promise<Lookup<V>>;
  /**
   * Forgets a key on this host and on the shared level; a load that is on its way is not kept. Other hosts give what
   * they have in memory until it is no longer fresh.
   */
  drop(key: string): Promise<void>;
  stats(): CacheStats;
}

/** The load of a key took longer than `loadTimeoutMs`. */
export class LoadTimeoutError extends PatternError {
  constructor(key: string, ms: number) {
    super('cache/load-timeout', `The load of ${JSON.stringify(key.slice(0, 64))} did not end within ${ms} ms`, {
      retryable: true,
    });
  }
}

/** Another host has loaded for us, and its load has failed with this message. */
export class LoadFailedElsewhereError extends PatternError {
  constructor(message: string, retryable: boolean) {
    super('cache/load-failed-elsewhere', message, { retryable });
  }
}

/** So many keys are being loaded that one more is refused: come again. */
export class CacheOverloadError extends PatternError {
  constructor(limit: number) {
    super('cache/overload', `${limit} keys are being loaded already`, { retryable: true });
  }
}
