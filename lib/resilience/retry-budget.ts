import { checkInteger, checkNames, checkNumber } from '#primitives/checks';

export interface RetryBudgetOptions {
  /** Extra calls per offered call, in the long run. 0..1; 0.2 allows one for every five. */
  readonly ratio: number;
  /** The most that is saved up in quiet times. 1..1_000_000 extra calls. */
  readonly burstCount: number;
  /** What there is at the start. 0..`burstCount`, default 0: the first extra call has to be earned. */
  readonly initialCount?: number;
}

/** What retries and hedges may cost, for all calls to one backend together. Give the same one to all of them. */
export interface RetryBudget {
  /** One more call was offered. */
  offer(): void;
  /** True, and paid for, when one more extra call may be made. */
  tryTake(): boolean;
}

/** Whole numbers: 0.1 earned ten times is one. */
const PARTS = 1_000_000;

/**
 * A token bucket that offered calls fill: calls ≤ offered × (1 + ratio) + initialCount, at every moment, however many
 * fail. So retries cannot multiply the load of a backend that is down.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://sre.google/sre-book/handling-overload/ (Deciding to Retry)
 */
export const retryBudget = (options: RetryBudgetOptions): RetryBudget => {
  const { ratio, burstCount, initialCount = 0 } = options;
  checkNames(options, ['ratio', 'burstCount', 'initialCount']);
  checkNumber('ratio', ratio, 0, 1);
  checkInteger('burstCount', burstCount, 1, 1_000_000);
  checkInteger('initialCount', initialCount, 0, burstCount);
  const earned = Math.floor(ratio * PARTS);
  const limit = burstCount * PARTS;
  let saved = initialCount * PARTS;
  return Object.freeze<RetryBudget>({
    offer: () => {
      saved = Math.min(limit, saved + earned);
    },
    tryTake: () => {
      if (saved < PARTS) return false;
      saved -= PARTS;
      return true;
    },
  });
};
