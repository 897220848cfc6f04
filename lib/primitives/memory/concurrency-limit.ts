import { checkInteger } from '../checks.ts';
import { MAX_LIMIT, MIN_LIMIT, type ConcurrencyLimit } from '../concurrency-limit.ts';

/** A limit that is only remembered. */
export const memoryConcurrencyLimit = (): ConcurrencyLimit => {
  let current: number | undefined;
  return Object.freeze<ConcurrencyLimit>({
    get: async () => current,
    set: async (limit) => {
      if (limit !== undefined) checkInteger('limit', limit, MIN_LIMIT, MAX_LIMIT);
      current = limit;
    },
  });
};
