/** A caller let through, or not. `refused`: nothing was taken. */
export type Decision =
  | {
      readonly status: 'allowed';
      /** As many may come at once now. */
      readonly remainingCount: number;
      /** Until nothing is taken any more, if nobody comes. */
      readonly resetMs: number;
    }
  | {
      readonly status: 'refused';
      readonly remainingCount: number;
      readonly resetMs: number;
      /** When as many could be had, if nobody else comes. */
      readonly retryAfterMs: number;
    };

/**
 * Rounding may not cost a token: a thousandth of one is given (an instant since the epoch is kept to a quarter of a
 * microsecond). It does not add up: see {@link tokensAt}.
 */
const ROUNDING = 1e-3;

/**
 * How many may be taken at `nowMs`. `tatMs` (the theoretical arrival time) is when all that was taken will have flowed
 * off; taking n tokens moves it to max(tat, now) + n × `tokenMs`, and never more than `burstCount` × `tokenMs` ahead.
 */
export const tokensAt = (tatMs: number, nowMs: number, tokenMs: number, burstCount: number): number => {
  const debtMs = tatMs - nowMs;
  return debtMs <= 0 ? burstCount : Math.max(0, Math.floor(burstCount - debtMs / tokenMs + ROUNDING));
};

/** How long until `count` may be taken. */
export const waitFor = (
  count: number,
  { tatMs, nowMs, tokenMs, burstCount }: { tatMs: number; nowMs: number; tokenMs: number; burstCount: number },
): number => Math.max(0, tatMs - nowMs - (burstCount - count) * tokenMs);
