import type { Clock } from '#primitives/clock';
import { memoryClock, type MemoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { cache } from '#serving/replicated/cache';
import type { CacheOptions } from '#serving/replicated/cache-types';

/** A policy whose times are easy to tell apart. */
export const policy = {
  name: 'test',
  softTtlMs: 1_000,
  hardTtlMs: 10_000,
  staleIfErrorMs: 100_000,
  negativeTtlMs: 500,
  jitter: 0,
  loadTimeoutMs: 2_000,
  errorPauseMs: 0,
  maxEntryCount: 1_000,
  maxBytes: Infinity,
  maxLoadCount: 1_000,
} as const;

export const sharing = { leaseMs: 3_000, pollMs: 20, maxClockSkewMs: 0, timeoutMs: 1_000, pauseMs: 5_000 } as const;

type Load = (key: string, signal: AbortSignal) => Promise<string | undefined>;

/** Hosts that share a table, a clock and a load that counts. */
export const fleet = (options: {
  readonly load: Load;
  readonly hostCount?: number;
  readonly intercept?: (clock: MemoryClock) => Intercept;
  readonly policy?: Partial<CacheOptions<string>>;
  readonly sharing?: Partial<NonNullable<CacheOptions<string>['shared']>>;
  /** Of each host's wall clock. */
  readonly offsetsMs?: readonly number[];
}) => {
  const { hostCount = 1, offsetsMs = [] } = options;
  const clock = memoryClock();
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept(clock) });
  const table = memoryTable({ name: 'cache', clock, wire });
  const loads: string[] = [];
  const troubles: unknown[] = [];
  const load: Load = (key, signal) => {
    loads.push(key);
    return options.load(key, signal);
  };
  const boot = (index: number, its: Clock = clock.withOffset(offsetsMs[index] ?? 0)) =>
    cache<string>({
      ...policy,
      load,
      clock: its,
      random: seededRandom(index + 1),
      shared: { table, ...sharing, ...options.sharing },
      onTrouble: (error) => troubles.push(error),
      ...options.policy,
    });
  const hosts = Array.from({ length: hostCount }, (_, index) => boot(index));
  return { clock, wire, table, hosts, boot, loads, troubles, first: hosts[0] ?? boot(0) };
};

/** Of a host that dies at the first thing that it waits for. */
export const stopped = (clock: Clock): Clock => ({ ...clock, sleep: () => new Promise(() => undefined) });

/** One host without a shared level. */
export const single = (load: Load, more: Partial<CacheOptions<string>> = {}) => {
  const clock = memoryClock();
  const troubles: unknown[] = [];
  const made = cache<string>({
    ...policy,
    load,
    clock,
    random: seededRandom(1),
    onTrouble: (error) => troubles.push(error),
    ...more,
  });
  return { clock, cache: made, troubles };
};
