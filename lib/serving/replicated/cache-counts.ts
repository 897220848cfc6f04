import type { CacheState, CacheStats } from './cache-types.ts';

/** What the callers of a cache came to. */
export const cacheCounts = () => {
  const counts = { hit: 0, stale: 0, miss: 0 };
  let sharedHitCount = 0;
  let errorCount = 0;
  let loadCount = 0;

  return {
    hit: (): void => {
      counts.hit += 1;
    },
    answer: (state: CacheState): void => {
      counts[state] += 1;
    },
    sharedHit: (): void => {
      sharedHitCount += 1;
    },
    error: (): void => {
      errorCount += 1;
    },
    load: (): void => {
      loadCount += 1;
    },
    read: (): Omit<CacheStats, 'evictedCount' | 'entryCount' | 'sizeBytes'> => {
      const callCount = counts.hit + counts.stale + counts.miss + errorCount;
      return {
        hitCount: counts.hit,
        sharedHitCount,
        staleCount: counts.stale,
        missCount: counts.miss,
        errorCount,
        loadCount,
        hitRate: callCount === 0 ? 0 : (counts.hit + counts.stale) / callCount,
      };
    },
  };
};
