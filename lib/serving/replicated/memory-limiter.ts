import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkParts } from '#primitives/part-checks';
import { checkQuota, type Quota } from '#resilience/quota';
import { tokensAt, waitFor, type Decision } from './gcra.ts';
import { checkLimitedKey } from './limiter-options.ts';

export interface MemoryLimiterOptions extends Quota {
  readonly clock: Clock;
  /** Keys that are told apart. 1..10_000_000. */
  readonly maxKeyCount: number;
}

export interface MemoryLimiter {
  /**
   * @param key 1..1024 bytes.
   * @param count 1..`burstCount`, default 1.
   */
  take(key: string, count?: number): Decision;
  keyCount(): number;
}

/** Keys that are looked at, for each new one, for whether they are still of use. */
const SWEEP_COUNT = 8;

/**
 * A limit for each key, within one host: at most rate × W + burst in any window of W seconds. Measured with the monotonic
 * clock, so that setting the wall clock mints nothing. No timers, no calls.
 *
 * Bounded: keys that owe nothing are forgotten. When `maxKeyCount` others are left, new ones share one limit among them,
 * so that inventing keys lets nobody through; a key that gets a limit of its own again starts with what all of those owed.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const memoryLimiter = (options: MemoryLimiterOptions): MemoryLimiter => {
  checkNames(options, ['clock', 'maxKeyCount', 'ratePerSecond', 'burstCount']);
  checkParts({ clock: options.clock });
  checkQuota(options);
  checkInteger('maxKeyCount', options.maxKeyCount, 1, 10_000_000);
  const { clock, maxKeyCount, ratePerSecond, burstCount } = options;
  const tokenMs = 1000 / ratePerSecond;
  const keys = new Map<string, { tatMs: number }>();
  const strangers = { tatMs: -Infinity };
  let sweep = keys.entries();

  const sweepSome = (nowMs: number): void => {
    for (let looked = 0; looked < SWEEP_COUNT; looked += 1) {
      const next = sweep.next();
      if (next.done === true) {
        sweep = keys.entries();
        return;
      }
      const [key, { tatMs }] = next.value;
      if (tatMs <= nowMs) keys.delete(key);
    }
  };

  const stateOf = (key: string, nowMs: number): { tatMs: number } => {
    const known = keys.get(key);
    if (known !== undefined) return known;
    checkLimitedKey(key);
    sweepSome(nowMs);
    if (keys.size >= maxKeyCount) return strangers;
    const made = { tatMs: strangers.tatMs };
    keys.set(key, made);
    return made;
  };

  return Object.freeze<MemoryLimiter>({
    take: (key, count = 1) => {
      if (!(count >= 1 && count <= burstCount && Number.isInteger(count)))
        throw refuse('count', `an integer from 1 to ${burstCount}`, count);
      const nowMs = clock.monotonicMs();
      const state = stateOf(key, nowMs);
      const { tatMs } = state;
      const tokens = tokensAt(tatMs, nowMs, tokenMs, burstCount);
      if (tokens < count) {
        const retryAfterMs = waitFor(count, { tatMs, nowMs, tokenMs, burstCount });
        return { status: 'refused', remainingCount: tokens, resetMs: tatMs - nowMs, retryAfterMs };
      }
      state.tatMs = (tatMs > nowMs ? tatMs : nowMs) + count * tokenMs;
      return { status: 'allowed', remainingCount: tokens - count, resetMs: state.tatMs - nowMs };
    },
    keyCount: () => keys.size,
  });
};
