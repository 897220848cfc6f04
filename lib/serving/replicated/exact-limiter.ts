import type { Decision } from './gcra.ts';
import { firstWithin, lanes, type Waiting } from './lanes.ts';
import { checkExactOptions, checkTake } from './limiter-options.ts';
import type { ExactLimiterOptions, Limiter } from './limiter-types.ts';
import { sharedBucket, type Claim } from './shared-bucket.ts';

const refusalOf = (claim: Claim & { readonly status: 'refused' }): Decision => claim;

/** Those at the front share what was granted; each is told what is left behind it. */
const shareOut = (waiting: Waiting[], claim: Claim & { readonly status: 'granted' }): void => {
  const { people } = firstWithin(waiting, claim.count);
  let left = claim.remainingCount + claim.count;
  for (const { count, resolve } of waiting.splice(0, people)) {
    left -= count;
    resolve({ status: 'allowed', remainingCount: left, resetMs: claim.resetMs });
  }
};

/**
 * A limit for each key that holds over all hosts together, each decision made on the table: in any window of W seconds
 * at most rate × W + burst are let through, wherever within `maxClockSkewMs` of each other the hosts' clocks are and
 * whatever they do later; and rate × W can be used. At once, after a quiet time, burst − rate × `maxClockSkewMs`. A skew
 * costs the burst and nothing of the rate: hosts follow the one that is ahead.
 *
 * Calls: 1 for a decision, and 0 for a refusal that follows from what this host knows; those of one key who ask at the
 * same time share a call. One more for each time that another host was quicker, up to 16; then the
 * caller is refused, though there may be room.
 *
 * A crash after the write costs the token that nobody got. Nothing to renew, no timers.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const exactLimiter = (options: ExactLimiterOptions): Limiter => {
  const usableCount = checkExactOptions(options);
  const bucket = sharedBucket({ ...options, burstCount: usableCount });
  const tokenMs = 1000 / options.ratePerSecond;

  const decide = async (key: string, waiting: Waiting[]): Promise<void> => {
    const [first] = waiting;
    if (first === undefined) return;
    const wanted = firstWithin(waiting, usableCount);
    const claim = await bucket.claim(key, first.count, wanted.tokens);
    if (claim.status === 'granted') shareOut(waiting, claim);
    // Who wants less than the first may still get it.
    else waiting.shift()?.resolve(refusalOf(claim));
  };
  const full = (): Decision => ({
    status: 'refused',
    remainingCount: 0,
    resetMs: usableCount * tokenMs,
    retryAfterMs: tokenMs,
  });
  const enter = lanes({ maxWaitingCount: options.maxWaitingCount, decide, full });

  return Object.freeze<Limiter>({
    usableCount,
    take: async (key, count = 1) => {
      checkTake(key, count, usableCount);
      return enter(key, count);
    },
  });
};
