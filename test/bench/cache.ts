/**
 * The cache: a hit of what is in memory, a second, through the promise that a caller gets; and what 1 000 callers who
 * miss at once, and 100 whose load fails, come to.
 */
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import pMemoize from 'p-memoize';
import type { Clock } from '../../lib/primitives/clock.ts';
import { seededRandom } from '../../lib/primitives/memory/random.ts';
import { systemClock } from '../../lib/primitives/system-clock.ts';
import { cache } from '../../lib/serving/replicated/cache.ts';
import { turnClock } from '../../lib/serving/replicated/turn-clock.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, ratio, rounded } from './rounds.ts';

const KEY_COUNT = 1_000;
const ROUND_COUNT = 21;
const MISSING = 1_000;
const FAILING = 100;
const TTL_MS = 600_000;
const MAX_COUNT = 10_000;

type Load = (key: string) => Promise<string>;
type Get = (key: string) => Promise<unknown>;

const lru =
  (ttlResolution: number) =>
  (load: Load): Get => {
    const made = new LRUCache<string, string>({ max: MAX_COUNT, ttl: TTL_MS, ttlResolution, fetchMethod: load });
    return (key) => made.fetch(key);
  };

const ours =
  (clock: Clock) =>
  (load: Load): Get =>
    cache<string>({
      name: 'bench',
      load,
      clock,
      random: seededRandom(1),
      softTtlMs: TTL_MS,
      hardTtlMs: 2 * TTL_MS,
      staleIfErrorMs: 0,
      negativeTtlMs: 0,
      jitter: 0.1,
      loadTimeoutMs: 10_000,
      errorPauseMs: 0,
      maxEntryCount: MAX_COUNT,
      maxBytes: 2 ** 30,
      maxLoadCount: MAX_COUNT,
    }).get;

/** Each with a time to live, since that is what a cache is for; gets a function that loads, gives one that gets. */
const candidates: Readonly<Record<string, (load: Load) => Get>> = {
  // It reads the time once a millisecond, which is the time of a turn of the event loop.
  'lru-cache fetch': lru(1),
  ours: ours(turnClock({ clock: systemClock() })),
  'lru-cache fetch, time read at each': lru(0),
  'ours, time read at each': ours(systemClock()),
  bentocache: (load) => {
    const bento = new BentoCache({
      default: 'memory',
      stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: MAX_COUNT })) },
    });
    return (key) => bento.getOrSet({ key, ttl: TTL_MS, factory: () => load(key) });
  },
  cacheable: (load) => {
    const cacheable = new Cacheable({ ttl: TTL_MS });
    return (key) => cacheable.getOrSet(key, () => load(key));
  },
  'p-memoize': (load) => pMemoize(load),
  dataloader: (load) => {
    const loader = new DataLoader<string, string>((keys) =>
      Promise.all(keys.map((key) => load(key).catch((error: unknown) => error as Error))),
    );
    return (key) => loader.load(key);
  },
};

const keys = Array.from({ length: KEY_COUNT }, (_, index) => `key-${index}`);

const hitsPerSecond = async (make: (load: Load) => Get): Promise<() => Promise<number>> => {
  const get = make(async (key) => `value of ${key}`);
  for (const key of keys) await get(key);
  let callCount = 2_000;
  return async () => {
    for (;;) {
      const startedMs = performance.now();
      for (let call = 0; call < callCount; call += 1) await get(keys[call % KEY_COUNT] ?? '');
      const tookMs = performance.now() - startedMs;
      // Long enough for the clock to tell, for the slowest as for the fastest.
      if (tookMs >= 20) return (callCount * 1000) / tookMs;
      callCount *= 2;
    }
  };
};

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

const loadsOfMisses = async (make: (load: Load) => Get): Promise<number> => {
  let loadCount = 0;
  const get = make(async (key) => {
    loadCount += 1;
    await later();
    return `value of ${key}`;
  });
  await Promise.all(Array.from({ length: MISSING }, () => get('key')));
  return loadCount;
};

const failures = async (make: (load: Load) => Get): Promise<{ readonly loads: number; readonly seen: number }> => {
  let loads = 0;
  const get = make(async () => {
    loads += 1;
    await later();
    throw new Error('planned');
  });
  const outcomes = await Promise.allSettled(Array.from({ length: FAILING }, () => get('key')));
  return { loads, seen: outcomes.filter(({ status }) => status === 'rejected').length };
};

export const benchmark: Benchmark = async (say) => {
  const measured = await Promise.all(
    Object.entries(candidates).map(async ([name, make]) => ({ name, measure: await hitsPerSecond(make) })),
  );
  const rounds = await inRounds({ candidates: measured, roundCount: ROUND_COUNT, say });
  const rows: (readonly (string | number)[])[] = [];
  const our = { misses: 0, loads: 0, seen: 0 };
  for (const [name, make] of Object.entries(candidates)) {
    const misses = await loadsOfMisses(make);
    const { loads, seen } = await failures(make);
    if (name === 'ours') Object.assign(our, { misses, loads, seen });
    const perSecond = rounded(median(rounds[name] ?? []) / 1e6);
    rows.push([name, perSecond, rounded(ratio(rounds, name, 'lru-cache fetch')), misses, loads, seen]);
  }
  return {
    columns: ['candidate', 'hits, M/s', '× lru-cache fetch', '1000 misses: loads', '100 fail: loads', 'see the error'],
    rows,
    goals: [
      {
        figure: 'hit, × lru-cache fetch',
        atLeast: 1.3,
        measured: ratio(rounds, 'ours', 'lru-cache fetch'),
      },
      {
        figure: 'hit, × lru-cache fetch, time read at each',
        atLeast: 1,
        measured: ratio(rounds, 'ours, time read at each', 'lru-cache fetch, time read at each'),
      },
      { figure: 'loads of 1000 misses at once', atMost: 1, measured: our.misses },
      { figure: 'loads of 100 failing at once', atMost: 1, measured: our.loads },
      { figure: 'of 100 failing, that see the error', atLeast: FAILING, measured: our.seen },
    ],
    remarks: [
      `${KEY_COUNT} keys in memory, asked for in turn, each answer awaited; all with a time to live but p-memoize and`,
      'dataloader, which have none.',
    ],
  };
};
