import { checkInteger, checkNumber } from '#primitives/checks';

/**
 * How much is let through: in any window of W seconds at most `ratePerSecond` × W + `burstCount`.
 *
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export interface Quota {
  /** In the long run. 1e-9 (one in 32 years) to 1_000_000. */
  readonly ratePerSecond: number;
  /** At once, after a quiet time. 1..1_000_000. */
  readonly burstCount: number;
}

/** A lower one is nobody's rate, and the time of a burst would leave the numbers that can be counted with. */
const MIN_RATE = 1e-9;

/** @throws {@link InvalidArgumentError} when the quota is out of its range */
export const checkQuota = ({ ratePerSecond, burstCount }: Quota): void => {
  checkNumber('ratePerSecond', ratePerSecond, MIN_RATE, 1_000_000);
  checkInteger('burstCount', burstCount, 1, 1_000_000);
};
