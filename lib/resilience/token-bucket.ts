import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkQuota, type Quota } from './quota.ts';

export interface TokenBucketOptions extends Quota {
  readonly clock: Clock;
}

export type TokenOutcome =
  | { readonly status: 'taken' }
  /** Nothing was taken. `retryAfterMs`: when as many will be there, if nobody else takes them. */
  | { readonly status: 'refused'; readonly retryAfterMs: number };

export interface TokenBucket {
  /** @param count 1..`burstCount`, default 1: more could never be had. */
  tryTake(count?: number): TokenOutcome;
}

const TAKEN: TokenOutcome = Object.freeze({ status: 'taken' });

/**
 * Lets through `ratePerSecond` in the long run, and at most `burstCount` at once: in any window of W seconds at most
 * rate × W + burst. Starts full; measures with the monotonic clock, so that setting the wall clock mints nothing. Constant
 * in size and without timers.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm (virtual scheduling)
 */
export const tokenBucket = (options: TokenBucketOptions): TokenBucket => {
  checkNames(options, ['clock', 'ratePerSecond', 'burstCount']);
  const { clock, ratePerSecond, burstCount } = options;
  checkQuota(options);
  const tokenMs = 1000 / ratePerSecond;
  /** When the bucket would be full again. */
  let fullAtMs = -Infinity;
  return Object.freeze<TokenBucket>({
    tryTake: (count = 1) => {
      checkInteger('count', count, 1, burstCount);
      const nowMs = clock.monotonicMs();
      const nextFullAtMs = Math.max(fullAtMs, nowMs) + count * tokenMs;
      const retryAfterMs = nextFullAtMs - burstCount * tokenMs - nowMs;
      if (retryAfterMs > 0) return { status: 'refused', retryAfterMs };
      fullAtMs = nextFullAtMs;
      return TAKEN;
    },
  });
};
