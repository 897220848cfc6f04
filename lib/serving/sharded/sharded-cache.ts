import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError, isRetryable, OutcomeUnknownError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import type { Json, Table } from '#primitives/table';
import { CircuitOpenError } from '#resilience/errors';
import { copyPolicy, type HotPolicy } from './copy-policy.ts';
import { valueOf, type Entry } from './entry.ts';
import type { Epochs } from './epochs.ts';
import { pauseOf } from './limits.ts';
import type { CacheShard } from './membership.ts';
import type { Route } from './routes.ts';
import { settle } from './settle.ts';
import { checkPatience, isLate, persistInTime, shardPatience, type Patience } from './shard-patience.ts';
import { store, type Found } from './store.ts';
import { checkValue } from './value-limit.ts';

/** A value, and the shard that gave it. */
export interface CacheHit {
  readonly value: Json;
  /** The key's shard, or one that has a copy. */
  readonly shard: string;
}

export interface ShardedCache {
  /**
   * The value that was put last, or no hit: never put, deleted, or expired. `shard` is the one that was asked.
   *
   * While the shard of a key does not answer, a copy on another shard does. Retryable errors: there is none either.
   */
  get(key: string): Promise<{ readonly hit: CacheHit | undefined; readonly shard: string }>;
  /**
   * Puts a value. When it is answered every later `get`, on whatever host, gives it, or a later one. An error that is
   * retryable means that it may have been put, or may be within the hour.
   *
   * @param value At most 396 KiB, as DynamoDB counts: what is larger may find no room where its key moves.
   * @param how `ttlMs`: 1..31_536_000_000; without it the value stays.
   */
  put(key: string, value: Json, how?: { readonly ttlMs?: number }): Promise<{ readonly shard: string }>;
  /** Deletes a value; one that is not there is no error. Promises as `put`. */
  delete(key: string): Promise<{ readonly shard: string }>;
}

export interface ShardedCacheOptions {
  readonly tables: readonly Table[];
  readonly epochs: Epochs;
  readonly clock: Clock;
  readonly random: Random;
  /** Copies of every entry on the shards that are next to its own. 0..3. */
  readonly copyCount: number;
  /** Copies of hot keys: `copyCount` up to 5, `keepMs` 1_000..3_600_000. Left out: no key is hot. */
  readonly hot?: HotPolicy;
  /**
   * When a shard that is late does not answer: then copies are read, and what has none, and each put and delete, is an
   * error at once. Left out: it is waited for as long as its table takes.
   */
  readonly patience?: Patience;
}

/** The sort key of a record. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MAX_KEY_BYTES = 1_024;
const MAX_TTL_MS = 31_536_000_000;
const MAX_COPIES = 5;

const checkOptions = (options: ShardedCacheOptions): void => {
  checkNames(options, ['tables', 'epochs', 'clock', 'random', 'copyCount', 'hot', 'patience']);
  checkInteger('copyCount', options.copyCount, 0, 3);
  if (options.patience !== undefined) checkPatience(options.patience);
  if (options.hot === undefined) return;
  checkNames(options.hot, ['keys', 'copyCount', 'keepMs']);
  checkInteger('hot.copyCount', options.hot.copyCount, options.copyCount, MAX_COPIES);
  checkInteger('hot.keepMs', options.hot.keepMs, 1_000, 3_600_000);
};

type Current = Extract<Found, { status: 'current' }> & { readonly route: Route };

/** What a key is brought to: a value with its time to live, or (without a value) nothing. */
interface Aim {
  readonly value?: Json;
  readonly ttlMs?: number | undefined;
}

/**
 * A cache whose keys are spread over shards, each in a table. Every key behaves as one register: a `get` sees the last
 * `put` that was answered before it began, also while shards are added and removed.
 *
 * Each entry is written under the condition that it is as it was read, so an attempt that comes late changes nothing;
 * and each operation reads the fence of its shard in the same call, or after its write: when the epoch has changed it
 * goes where the key is now. A put that finds another one in its place was overtaken by it: it counts as put just before.
 *
 * API calls: get 1; put and delete 3; 2 more for the one that takes an entry along while its slot moves; 2 more for a
 * host's first sight of an epoch. Copies cost no call: they are in the transaction of the put.
 */
export const shardedCache = (options: ShardedCacheOptions): ShardedCache => {
  checkOptions(options);
  const { tables, epochs, clock, random, copyCount, hot, patience } = options;
  const calls = store({ tables, clock });
  const policy = copyPolicy({ copyCount, hot });
  const pause = pauseOf({ clock, random });
  const within = shardPatience({ patience, tableCount: tables.length, clock, random });

  /** At the shard of a key, as long as there is patience with it. */
  const atHome = async <T>(key: string, call: () => Promise<T>): Promise<T> =>
    within((await epochs.current()).routeOf(key).home.shard, call);

  /** The entry of a key, in the one place where it is in the epoch that holds; undefined: look again. */
  const look = async (key: string): Promise<Current | undefined> => {
    const { routeOf } = await epochs.current();
    const route = routeOf(key);
    const found = await calls.read(route, key);
    if (found.status === 'again') return undefined;
    if (found.status === 'current') {
      const { left } = found;
      if (route.from === undefined || left === undefined) return { ...found, route };
      await settle(calls, { from: route.from, to: route.home, key, entry: left });
      return undefined;
    }
    await epochs.refresh();
    return undefined;
  };

  const fromCopy = async (key: string, shards: readonly CacheShard[]): Promise<CacheHit | undefined> => {
    const { routeOf } = await epochs.current();
    for (const shard of shards) {
      try {
        const value = await within(shard, () => calls.readCopy(routeOf(key), shard, key));
        if (value !== undefined) return { value, shard: shard.name };
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
    }
    return undefined;
  };

  const copyHolders = async (key: string, count: number): Promise<readonly CacheShard[]> =>
    count === 0 ? [] : (await epochs.current()).routeOf(key).next(count);

  /** Of a hot key one in so many reads goes to its own shard, which also sees to it that there are copies. */
  const oneOfCopies = async (key: string): Promise<CacheHit | undefined> => {
    const shards = await copyHolders(key, hot?.copyCount ?? 0);
    const shard = shards[Math.floor(random.next() * (shards.length + 1)) - 1];
    return shard === undefined ? undefined : fromCopy(key, [shard]);
  };

  /** Writes copies of what is there. When that fails nothing is lost but their use. */
  const spread = async ({ route, entry }: Current, key: string, isHot: boolean): Promise<void> => {
    const nowMs = clock.nowMs();
    if (entry === undefined || !policy.lacks(route, entry, isHot, nowMs)) return;
    const { copies: _before, ...rest } = entry;
    const next = { ...rest, revision: entry.revision + 1, ...policy.wanted(route, entry, isHot, nowMs) };
    try {
      await calls.write(route, key, entry, next);
    } catch (error) {
      // An entry that is too large to name its copies has none.
      if (!isRetryable(error) && !(error instanceof InvalidArgumentError)) throw error;
    }
  };

  const getOnce = async (key: string, isHot: boolean) => {
    const found = await look(key);
    if (found === undefined) return undefined;
    const { name: shard } = found.route.home.shard;
    const value = valueOf(found.entry, clock.nowMs());
    if (value === undefined) return { hit: undefined, shard };
    await spread(found, key, isHot);
    return { hit: { value, shard }, shard };
  };

  const getOrCopy = async (key: string, isHot: boolean) => {
    try {
      return await atHome(key, () => getOnce(key, isHot));
    } catch (error) {
      if (!isRetryable(error)) throw error;
      const hit = await fromCopy(key, await copyHolders(key, Math.max(copyCount, hot?.copyCount ?? 0)));
      if (hit === undefined) throw error;
      return { hit, shard: hit.shard };
    }
  };

  const nextEntry = ({ route, entry }: Current, { value, ttlMs }: Aim): Entry => {
    const nowMs = clock.nowMs();
    const counts = { version: (entry?.version ?? 0) + 1, revision: (entry?.revision ?? 0) + 1 };
    if (value === undefined) return counts;
    const expiry = ttlMs === undefined ? {} : { expiresAtMs: nowMs + ttlMs };
    return { ...counts, value, ...expiry, ...policy.wanted(route, entry, false, nowMs) };
  };

  /** Brings an entry to its next version. What it tries again is for what happened meanwhile. */
  const advance = async (key: string, aim: Aim): Promise<{ readonly shard: string }> => {
    let aimed = Number.POSITIVE_INFINITY;
    const attempt = async (): Promise<{ readonly shard: string } | undefined> => {
      const found = await look(key);
      if (found === undefined) return undefined;
      const { entry, route } = found;
      const { name: shard } = route.home.shard;
      // The version that was aimed at has come since: it was ours, or that of another one, which then overtook ours.
      if ((entry?.version ?? 0) >= aimed) return { shard };
      if (aim.value === undefined && valueOf(entry, clock.nowMs()) === undefined) return { shard };
      const next = nextEntry(found, aim);
      aimed = Math.min(aimed, next.version);
      const outcome = await calls.write(route, key, entry, next);
      const isPast = outcome.status === 'refused' && (outcome.entry?.version ?? 0) >= aimed;
      if (outcome.status !== 'written' && !isPast) return undefined;
      if (await calls.holds(route)) return { shard };
      await epochs.refresh();
      return undefined;
    };
    try {
      return await persistInTime(`write '${key}'`, pause, () => atHome(key, attempt));
    } catch (error) {
      // A try that was given up goes on: what it writes, if anything, is written or may be yet.
      const isNothingSent = error instanceof CircuitOpenError && aimed === Number.POSITIVE_INFINITY;
      if (isLate(error) && !isNothingSent) throw new OutcomeUnknownError(`write '${key}'`, error);
      throw error;
    }
  };

  return Object.freeze<ShardedCache>({
    get: async (key) => {
      checkText('key', key, 1, MAX_KEY_BYTES);
      const isHot = hot?.keys.read(key) === true;
      const copy = isHot ? await oneOfCopies(key) : undefined;
      if (copy !== undefined) return { hit: copy, shard: copy.shard };
      return persistInTime(`get '${key}'`, pause, () => getOrCopy(key, isHot));
    },
    put: async (key, value, how = {}) => {
      checkText('key', key, 1, MAX_KEY_BYTES);
      checkValue(value);
      checkNames(how, ['ttlMs']);
      const { ttlMs } = how;
      if (ttlMs !== undefined) checkInteger('ttlMs', ttlMs, 1, MAX_TTL_MS);
      return advance(key, { value, ttlMs });
    },
    delete: async (key) => {
      checkText('key', key, 1, MAX_KEY_BYTES);
      return advance(key, {});
    },
  });
};
