import type { Quota } from '#resilience/quota';

/**
 * By how much the busiest window exceeds rate × W + burst, over all windows; at most 0 when the limit was kept.
 *
 * @param instants When somebody was let through, ms, rising.
 */
export const excess = (instants: readonly number[], { ratePerSecond, burstCount }: Quota): number => {
  let lowest = Infinity;
  let worst = -Infinity;
  for (const [index, atMs] of instants.entries()) {
    // The window from the i-th to the j-th has j − i + 1 of them.
    const level = index - (ratePerSecond * atMs) / 1000;
    lowest = Math.min(lowest, level);
    worst = Math.max(worst, level - lowest + 1 - burstCount);
  }
  return worst;
};

/** What rounding may make of an excess of 0. */
export const ROUNDING = 2e-3;
