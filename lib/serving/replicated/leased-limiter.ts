import { clockRing, type RingEntry } from './clock-ring.ts';
import type { Decision } from './gcra.ts';
import { firstWithin, lanes, type Waiting } from './lanes.ts';
import { checkLeasedOptions, checkTake } from './limiter-options.ts';
import type { LeasedLimiterOptions, Limiter } from './limiter-types.ts';
import { sharedBucket } from './shared-bucket.ts';

/** What this host has leased of a key, and how much of it was asked for lately. */
interface Lease extends RingEntry {
  tokens: number;
  /** By the monotonic clock of this host, counted from before the lease was asked for. */
  untilMs: number;
  /** As many as were asked for last. */
  size: number;
  /** Decisions since `sinceMs`. */
  askedCount: number;
  sinceMs: number;
  /** What is told without a call until then. */
  refusedUntilMs: number;
}

/**
 * A limit for each key that holds over all hosts together, of which each host leases a part ahead: most decisions are
 * made in memory. In any window of W seconds at most rate × W + burst are let through, wherever within `maxClockSkewMs` of
 * each other the hosts' clocks are.
 *
 * What a host has leased it uses within `leaseMs`, or loses it; so what is let through in a window was leased in it or
 * at most `leaseMs` before, and rate × (`leaseMs` + `maxClockSkewMs`) is taken off the burst: what is left is the bucket.
 * A host that is busy leases half of what the bucket holds, and asks again only when that much may be there: at most
 * 4 × rate ÷ bucket calls a second and host, however many decisions that is. A host that is not busy leases what it has
 * needed lately, and makes a call for each lease: `leaseMs` should be long enough for ten decisions of one host.
 *
 * At once, after a quiet time, the bucket can be had. A crash loses what was leased, and mints nothing.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const leasedLimiter = (options: LeasedLimiterOptions): Limiter => {
  const usableCount = checkLeasedOptions(options);
  const { clock, leaseMs, ratePerSecond, maxKeyCount } = options;
  const maxSize = Math.max(1, Math.floor(usableCount / 2));
  const tokenMs = 1000 / ratePerSecond;
  const bucket = sharedBucket({ ...options, burstCount: usableCount });
  const ring = clockRing<Lease>({ maxCount: maxKeyCount, maxBytes: Infinity });

  const leaseOf = (key: string): Lease => {
    const known = ring.get(key);
    if (known !== undefined) return known;
    const sinceMs = clock.monotonicMs();
    const made: Lease = {
      key,
      sizeBytes: 0,
      isUsed: true,
      place: -1,
      tokens: 0,
      untilMs: 0,
      size: 1,
      askedCount: 0,
      sinceMs,
      refusedUntilMs: -Infinity,
    };
    ring.set(made);
    return made;
  };

  /**
   * As many as were asked for in the last life, and no fewer than last time when those did not last. Not more: what a
   * lease has and nobody asks for is lost to all hosts.
   */
  const nextSize = (lease: Lease, nowMs: number, waitingTokens: number): number => {
    const elapsedMs = nowMs - lease.sinceMs;
    const perLife = (lease.askedCount * leaseMs) / Math.max(elapsedMs, leaseMs);
    const wanted = elapsedMs < leaseMs ? Math.max(lease.size, perLife) : perLife;
    if (elapsedMs >= leaseMs) Object.assign(lease, { sinceMs: nowMs, askedCount: 0 });
    return Math.min(maxSize, Math.max(waitingTokens, Math.ceil(wanted), 1));
  };

  const useLeased = (lease: Lease, waiting: Waiting[]): void => {
    const { people } = firstWithin(waiting, lease.tokens);
    for (const { count, resolve } of waiting.splice(0, people)) {
      lease.tokens -= count;
      resolve({ status: 'allowed', remainingCount: lease.tokens, resetMs: tokenMs });
    }
  };

  const refused = (lease: Lease, nowMs: number): Decision => {
    const retryAfterMs = Math.max(1, lease.refusedUntilMs - nowMs);
    return { status: 'refused', remainingCount: 0, resetMs: retryAfterMs, retryAfterMs };
  };

  const decide = async (key: string, waiting: Waiting[]): Promise<void> => {
    const [first] = waiting;
    if (first === undefined) return;
    const lease = leaseOf(key);
    const nowMs = clock.monotonicMs();
    const size = nextSize(lease, nowMs, firstWithin(waiting, maxSize).tokens);
    const least = Math.max(first.count, Math.ceil(size / 2));
    const claim = await bucket.claim(key, least, size);
    if (claim.status === 'refused') {
      // Others are busy, too: to ask for a whole lease at a time keeps the calls few.
      lease.refusedUntilMs = clock.monotonicMs() + claim.retryAfterMs + (size - least) * tokenMs;
      for (const { resolve } of waiting.splice(0)) resolve(refused(lease, clock.monotonicMs()));
      return;
    }
    Object.assign(lease, { tokens: claim.count, size, untilMs: nowMs + leaseMs });
    if (clock.monotonicMs() < lease.untilMs) useLeased(lease, waiting);
  };

  const full = (): Decision => ({ status: 'refused', remainingCount: 0, resetMs: tokenMs, retryAfterMs: tokenMs });
  const enter = lanes({ maxWaitingCount: options.maxWaitingCount, decide, full });

  return Object.freeze<Limiter>({
    usableCount,
    take: async (key, count = 1) => {
      checkTake(key, count, maxSize);
      const lease = leaseOf(key);
      const nowMs = clock.monotonicMs();
      lease.askedCount += count;
      lease.isUsed = true;
      if (lease.tokens >= count && nowMs < lease.untilMs) {
        lease.tokens -= count;
        return { status: 'allowed', remainingCount: lease.tokens, resetMs: tokenMs };
      }
      return nowMs < lease.refusedUntilMs ? refused(lease, nowMs) : enter(key, count);
    },
  });
};
