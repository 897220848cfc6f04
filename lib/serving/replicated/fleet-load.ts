import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Json } from '#primitives/table';
import { LoadFailedElsewhereError } from './cache-types.ts';
import type { SharedLevel, SharedRecord } from './shared-level.ts';

/** What a load brought, its own or another host's, and how old that may be at most. */
export interface Brought {
  readonly value: Json | undefined;
  readonly worstAgeMs: number;
}

export interface FleetLoadOptions {
  readonly shared: SharedLevel;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly load: (key: string) => Promise<Json | undefined>;
  readonly onTrouble: (error: unknown, key: string) => void;
}

/** The lease of another host, and since when we know it, by our own monotonic clock. */
interface Watch {
  readonly lease: string;
  readonly sinceMs: number;
}

/** What we know of the record that we want to replace. */
interface Seen {
  readonly basis: SharedRecord | undefined;
  readonly watch: Watch | undefined;
}

/**
 * One load for all hosts: whoever gets the lease loads, the others look for what it brings. An error of that load reaches
 * them as well. When the holder of the lease dies, another one loads a lease later. While the table is away, every host
 * loads for itself.
 *
 * Calls: 2 for the host that loads (lease, value); for a host that waits 1, and 1 for each look.
 */
export const fleetLoad = (options: FleetLoadOptions) => {
  const { shared, clock, random, leaseMs, pollMs, load, onTrouble } = options;

  const holdAndLoad = async (key: string, token: string): Promise<Brought> => {
    const startedMs = clock.monotonicMs();
    let value: Json | undefined;
    try {
      value = await load(key);
    } catch (error) {
      await shared.fail(key, token, error).catch((trouble: unknown) => onTrouble(trouble, key));
      throw error;
    }
    const worstAgeMs = clock.monotonicMs() - startedMs;
    await shared.store(key, token, value, worstAgeMs).catch((trouble: unknown) => onTrouble(trouble, key));
    return { value, worstAgeMs };
  };

  const watchOf = (record: SharedRecord | undefined, former: Watch | undefined): Watch | undefined => {
    const lease = record?.lease;
    if (lease === undefined) return undefined;
    return former?.lease === lease ? former : { lease, sinceMs: clock.monotonicMs() };
  };

  /** What another host has brought since `seen`; undefined when there is nothing yet. */
  const broughtBy = (record: SharedRecord | undefined, seen: Seen, startedMs: number): Brought | undefined => {
    const loaded = record?.loaded;
    // A version that was not there when we began to wait: its load has ended since, and began a lease before that at most,
    // wherever its host's clock is.
    if (loaded !== undefined && loaded.version !== seen.basis?.loaded?.version) {
      const waitedMs = clock.monotonicMs() - startedMs;
      return { value: loaded.value, worstAgeMs: Math.min(Math.max(loaded.worstAgeMs, waitedMs), waitedMs + leaseMs) };
    }
    const failure = record?.failure;
    if (failure !== undefined && failure.lease === seen.watch?.lease)
      throw new LoadFailedElsewhereError(failure.message, failure.retryable);
    return undefined;
  };

  const isOver = (watch: Watch | undefined): watch is Watch =>
    watch !== undefined && clock.monotonicMs() - watch.sinceMs >= leaseMs;

  const orTrouble = async <T>(key: string, call: () => Promise<T>): Promise<T | 'trouble'> => {
    try {
      return await call();
    } catch (error) {
      onTrouble(error, key);
      return 'trouble';
    }
  };

  const alone = async (key: string): Promise<Brought> => {
    const startedMs = clock.monotonicMs();
    return { value: await load(key), worstAgeMs: clock.monotonicMs() - startedMs };
  };

  /** @param basis The record as it was read a moment ago, too old to be used. */
  return async (key: string, basis: SharedRecord | undefined): Promise<Brought> => {
    const startedMs = clock.monotonicMs();
    const token = random.uuid();
    let seen: Seen = { basis, watch: watchOf(basis, undefined) };
    for (;;) {
      const { watch } = seen;
      const mayTake = watch === undefined || isOver(watch);
      const found = await orTrouble(key, () =>
        mayTake ? shared.acquire(key, token, seen.basis, watch?.lease) : shared.read(key),
      );
      if (found === 'trouble') return alone(key);
      if (found === 'mine') return holdAndLoad(key, token);
      const brought = broughtBy(found, seen, startedMs);
      if (brought !== undefined) return brought;
      // A record that was dropped meanwhile, or made anew, has no version to go by.
      seen = { basis: found?.loaded === undefined ? undefined : basis, watch: watchOf(found, watch) };
      if (seen.watch !== undefined && !isOver(seen.watch)) await clock.sleep(pollMs * (0.5 + random.next()));
    }
  };
};
