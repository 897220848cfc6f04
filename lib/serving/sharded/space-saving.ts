import { checkInteger, checkNames } from '#primitives/checks';

/** Counts the most frequent keys of a stream in bounded memory. */
export interface SpaceSaving {
  /** Counts a key, and gives what it has for certain: never more than it really came since the counts were halved. */
  add(key: string): number;
  /** What a key has for certain; 0 for one that is not among the counted. */
  atLeast(key: string): number;
  /** Halves all counts: what was frequent long ago fades. */
  halve(): void;
  /** The counted keys, most frequent first; `error`: so much of `count` may be of others. */
  top(): readonly { readonly key: string; readonly count: number; readonly error: number }[];
}

interface Counter {
  count: number;
  error: number;
}

/**
 * Of n counted keys, each that makes up more than 1/capacityCount of them is among the counters, and no count is too
 * high by more than n / capacityCount. Memory: `capacityCount` keys.
 *
 * @param options `capacityCount`: 1..10_000. An eviction goes through all counters.
 * @see Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams, 2005
 */
export const spaceSaving = (options: { readonly capacityCount: number }): SpaceSaving => {
  checkNames(options, ['capacityCount']);
  const { capacityCount } = options;
  checkInteger('capacityCount', capacityCount, 1, 10_000);
  const counters = new Map<string, Counter>();

  const evictLeast = (): number => {
    let least: { readonly key: string; readonly count: number } | undefined;
    for (const [key, { count }] of counters) if (least === undefined || count < least.count) least = { key, count };
    if (least !== undefined) counters.delete(least.key);
    return least?.count ?? 0;
  };

  return Object.freeze<SpaceSaving>({
    add: (key) => {
      const known = counters.get(key);
      if (known !== undefined) {
        known.count += 1;
        return known.count - known.error;
      }
      const error = counters.size < capacityCount ? 0 : evictLeast();
      counters.set(key, { count: error + 1, error });
      return 1;
    },
    atLeast: (key) => {
      const known = counters.get(key);
      return known === undefined ? 0 : known.count - known.error;
    },
    halve: () => {
      for (const [key, counter] of counters) {
        counter.count = Math.floor(counter.count / 2);
        counter.error = Math.floor(counter.error / 2);
        if (counter.count === 0) counters.delete(key);
      }
    },
    top: () =>
      [...counters]
        .map(([key, { count, error }]) => ({ key, count, error }))
        .toSorted((one, other) => other.count - one.count),
  });
};
