import { checkText } from '#primitives/checks';
import type { Json } from '#primitives/table';
import { checkCacheOptions } from './cache-options.ts';
import { CacheOverloadError, type Cache, type CacheOptions, type Lookup } from './cache-types.ts';
import { cacheCounts } from './cache-counts.ts';
import { clockRing, type RingEntry } from './clock-ring.ts';
import { fleetLoad, type Brought } from './fleet-load.ts';
import { levelInTime } from './level-in-time.ts';
import { loadInTime } from './load-in-time.ts';
import { shareable, type Shareable } from './shareable.ts';
import { sharedLevel, type SharedRecord } from './shared-level.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A value in memory. All instants are of this host's monotonic clock. */
interface Entry<V> extends RingEntry {
  readonly value: V | undefined;
  /** The same, as a promise: who asks for what is fresh gets this one. */
  readonly answer: Promise<V | undefined>;
  readonly loadedAtMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  readonly ifErrorUntilMs: number;
  /** No load before, while a stale value may be given. */
  pausedUntilMs: number;
}

/** Something on its way for a key. After a `drop` its outcome is given to those who wait, and not kept. */
interface Running<T> {
  readonly promise: Promise<T>;
  isKept: boolean;
}

const MAX_KEY_BYTES = 1_024;

/**
 * Values that are dear to come by: asked for in the memory of the host, then on a level that all hosts share, then
 * loaded, once for all who wait, on this host and on the others.
 *
 * A value is fresh for `softTtlMs`. Then it is stale and given at once, while one load replaces it; beyond `hardTtlMs`
 * the load is waited for, and the old value is given only when it fails, for `staleIfErrorMs`. A load that fails reaches
 * everybody who waits and is not kept: the next call loads again. What there is not is remembered for `negativeTtlMs`.
 *
 * Nothing is lost by a crash but a lease: another host loads when it has watched it for `leaseMs`. Time is measured by
 * the monotonic clock of the host; only what another host has loaded is judged by wall clocks, as older by
 * `maxClockSkewMs` than it seems. An expired record on the shared level is never fresh, whether or not the table has
 * removed it.
 *
 * Calls of the table: 0 for what is fresh in memory; 1 for what is fresh on the shared level; 3 for a load; for a host
 * that waits for another one's load 2, and 1 for each look.
 *
 * @example
 * const words = cache({ name: 'words', load: (word) => dictionary.find(word), shared: { table, … }, … });
 * const { value, state } = await words.lookup('house');
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://www.rfc-editor.org/rfc/rfc5861 (stale-while-revalidate, stale-if-error)
 */
export const cache = <V extends Shareable>(options: CacheOptions<V>): Cache<V> => {
  checkCacheOptions(options);
  const { name, clock, random, softTtlMs, hardTtlMs, staleIfErrorMs, negativeTtlMs, jitter, errorPauseMs } = options;
  const { maxEntryCount, maxBytes, maxLoadCount, onTrouble = () => undefined } = options;
  const counts = cacheCounts();
  const ring = clockRing<Entry<V>>({ maxCount: maxEntryCount, maxBytes });
  const flights = new Map<string, Running<Lookup<V>>>();
  const loads = new Map<string, Running<Entry<V>>>();
  const refreshes = new Map<string, Running<void>>();

  const load = loadInTime({ ...options, onLoad: counts.load });
  const level =
    options.shared === undefined
      ? undefined
      : levelInTime(
          sharedLevel({ ...options.shared, name, clock, keepMs: hardTtlMs + staleIfErrorMs + options.shared.leaseMs }),
          { ...options.shared, name, clock, random },
        );
  const loadJson = async (key: string): Promise<Json | undefined> => {
    const value = await load(key);
    return value === undefined ? undefined : shareable('value', value);
  };
  const bring: (key: string, basis: SharedRecord | undefined) => Promise<Brought> =
    options.shared === undefined || level === undefined
      ? // It does not leave this host: whatever it is, it is given back as it is.
        async (key) => ({ value: (await load(key)) as Json | undefined, worstAgeMs: 0 })
      : fleetLoad({ ...options.shared, shared: level, clock, random, load: loadJson, onTrouble });

  const entryOf = (key: string, { value: given, worstAgeMs }: Brought, ageMs: number): Entry<V> => {
    // Loaded by `load`, on this host or another one with the same `name`.
    const value = given as V | undefined;
    const nowMs = clock.monotonicMs();
    const fromMs = nowMs - worstAgeMs;
    const softMs = (value === undefined ? negativeTtlMs : softTtlMs) * (1 - jitter * random.next());
    const staleUntilMs = fromMs + (value === undefined ? softMs : hardTtlMs);
    return {
      key,
      value,
      answer: Promise.resolve(value),
      sizeBytes: maxBytes === Infinity || value === undefined ? 0 : JSON.stringify(value).length,
      loadedAtMs: nowMs - ageMs,
      freshUntilMs: fromMs + softMs,
      staleUntilMs,
      ifErrorUntilMs: value === undefined ? staleUntilMs : staleUntilMs + staleIfErrorMs,
      pausedUntilMs: 0,
      isUsed: false,
      place: -1,
    };
  };

  const keep = (entry: Entry<V>, running: { readonly isKept: boolean }): void => {
    const known = ring.get(entry.key);
    const isNewer = known === undefined || known.freshUntilMs <= entry.freshUntilMs;
    if (!running.isKept || !isNewer) return;
    if (entry.ifErrorUntilMs > clock.monotonicMs()) ring.set(entry);
    // Of no further use itself (that there is none, for a time that is over): what it replaces is no longer true.
    else ring.delete(entry.key);
  };

  const answerOf = (entry: Entry<V>, state: Lookup<V>['state'], refreshed?: Promise<void>): Lookup<V> => ({
    value: entry.value,
    state,
    ageMs: Math.max(0, clock.monotonicMs() - entry.loadedAtMs),
    ...(refreshed === undefined ? {} : { refreshed }),
  });

  /** The record of the shared level; undefined when there is none, or the level is away. */
  const readShared = async (key: string): Promise<SharedRecord | undefined> => {
    try {
      return await level?.read(key);
    } catch (error) {
      onTrouble(error, key);
      return undefined;
    }
  };

  const sharedEntry = (key: string, record: SharedRecord | undefined): Entry<V> | undefined =>
    record?.loaded === undefined || record.loaded.worstAgeMs === Infinity
      ? undefined
      : entryOf(key, record.loaded, record.loaded.ageMs);

  /** Runs `work` as what is on its way for a key, until it has ended. */
  const run = <T>(map: Map<string, Running<T>>, key: string, work: (self: { isKept: boolean }) => Promise<T>) => {
    const ticket = { isKept: true };
    const promise = work(ticket).finally(() => {
      if (map.get(key) === running) map.delete(key);
    });
    const running: Running<T> = Object.assign(ticket, { promise });
    map.set(key, running);
    return promise;
  };

  const loadOnce = (key: string, basis: SharedRecord | undefined): Promise<Entry<V>> => {
    const same = loads.get(key);
    if (same !== undefined) return same.promise;
    if (loads.size >= maxLoadCount) return Promise.reject(new CacheOverloadError(maxLoadCount));
    return run(loads, key, async (self) => {
      const brought = await bring(key, basis);
      const entry = entryOf(key, brought, brought.worstAgeMs);
      keep(entry, self);
      return entry;
    });
  };

  const renew = async (key: string, basis: SharedRecord | undefined, self: { readonly isKept: boolean }) => {
    const record = basis ?? (await readShared(key));
    const known = basis === undefined ? sharedEntry(key, record) : undefined;
    if (known !== undefined && clock.monotonicMs() < known.freshUntilMs) keep(known, self);
    else await loadOnce(key, record);
  };

  /** Replaces a stale value, once for all who get it meanwhile. */
  const refresh = (entry: Entry<V>, basis: SharedRecord | undefined): Promise<void> => {
    const { key } = entry;
    const same = refreshes.get(key);
    if (same !== undefined) return same.promise;
    if (clock.monotonicMs() < entry.pausedUntilMs) return Promise.resolve();
    return run(refreshes, key, async (self) => {
      try {
        await renew(key, basis, self);
      } catch (error) {
        entry.pausedUntilMs = clock.monotonicMs() + errorPauseMs;
        onTrouble(error, key);
      }
    });
  };

  const fly = async (key: string, self: { isKept: boolean }): Promise<Lookup<V>> => {
    const paused = ring.get(key);
    if (paused !== undefined && clock.monotonicMs() < Math.min(paused.pausedUntilMs, paused.ifErrorUntilMs))
      return answerOf(paused, 'stale');
    const record = await readShared(key);
    const found = sharedEntry(key, record);
    if (found !== undefined) {
      keep(found, self);
      const nowMs = clock.monotonicMs();
      if (nowMs < found.freshUntilMs) {
        counts.sharedHit();
        return answerOf(found, 'hit');
      }
      if (nowMs < found.staleUntilMs) return answerOf(found, 'stale', refresh(found, record));
    }
    try {
      return answerOf(await loadOnce(key, record), 'miss');
    } catch (error) {
      const old = ring.get(key);
      if (old?.value === undefined || clock.monotonicMs() >= old.ifErrorUntilMs) throw error;
      old.pausedUntilMs = clock.monotonicMs() + errorPauseMs;
      onTrouble(error, key);
      return answerOf(old, 'stale');
    }
  };

  const seek = async (key: string): Promise<Lookup<V>> => {
    const entry = ring.get(key);
    const nowMs = clock.monotonicMs();
    if (entry !== undefined && nowMs < entry.staleUntilMs) {
      entry.isUsed = true;
      if (nowMs < entry.freshUntilMs) return answerOf(entry, 'hit');
      return answerOf(entry, 'stale', refresh(entry, undefined));
    }
    const same = flights.get(key);
    if (same !== undefined) return same.promise;
    checkText('key', key, 1, MAX_KEY_BYTES);
    if (flights.size >= maxLoadCount) throw new CacheOverloadError(maxLoadCount);
    return run(flights, key, (self) => fly(key, self));
  };

  /** What is on its way goes to those who wait for it, and is not kept. */
  const forget = (key: string): void => {
    for (const map of [flights, loads, refreshes]) {
      const running = map.get(key);
      if (running !== undefined) running.isKept = false;
      map.delete(key);
    }
    ring.delete(key);
  };

  const counted = async (lookup: Promise<Lookup<V>>): Promise<Lookup<V>> => {
    try {
      const answer = await lookup;
      counts.answer(answer.state);
      return answer;
    } catch (error) {
      counts.error();
      throw error;
    }
  };

  const lookup = (key: string, signal?: AbortSignal): Promise<Lookup<V>> =>
    counted(signal === undefined ? seek(key) : unlessAborted(signal, () => seek(key)));

  return Object.freeze<Cache<V>>({
    get: (key) => {
      const entry = ring.get(key);
      if (entry !== undefined && clock.monotonicMs() < entry.freshUntilMs) {
        entry.isUsed = true;
        counts.hit();
        return entry.answer;
      }
      return lookup(key).then(({ value }) => value);
    },
    lookup,
    drop: async (key) => {
      checkText('key', key, 1, MAX_KEY_BYTES);
      forget(key);
      try {
        await level?.drop(key);
      } finally {
        // What was asked for meanwhile may have found the record that was still there.
        forget(key);
      }
    },
    stats: () => ({
      ...counts.read(),
      evictedCount: ring.evictedCount(),
      entryCount: ring.count(),
      sizeBytes: ring.sizeBytes(),
    }),
  });
};
