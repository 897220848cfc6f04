import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { circuitBreaker } from '#resilience/circuit-breaker';
import { TimeoutError } from '#resilience/errors';
import { policy } from '#resilience/policy';
import type { SharedLevel } from './shared-level.ts';

/**
 * A shared level that is not waited for longer than `timeoutMs`. One that is late is away, and is then left alone for
 * `pauseMs`, but for one call that finds out whether it is back: whoever asks meanwhile hears at once that it is not.
 *
 * Only lateness pauses it. An error is an answer, which came in time.
 */
export const levelInTime = (
  level: SharedLevel,
  options: {
    readonly name: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly timeoutMs: number;
    readonly pauseMs: number;
  },
): SharedLevel => {
  const { name, clock, random, timeoutMs, pauseMs } = options;
  const breaker = circuitBreaker({
    name: `shared level of ${name}`,
    clock,
    openMs: pauseMs,
    // Calls that ended before the first late one began say nothing any more once it has ended.
    windowMs: Math.max(10, 2 * timeoutMs),
    minCallCount: 1,
    failureRatio: 0.5,
    isFailure: (error) => error instanceof TimeoutError,
  });
  const run = policy({ clock, random, breaker, timeoutMs });
  const within = <T>(call: () => Promise<T>): Promise<T> => run(call, { idempotent: false });
  return Object.freeze<SharedLevel>({
    read: (key) => within(() => level.read(key)),
    acquire: (...given) => within(() => level.acquire(...given)),
    store: (...given) => within(() => level.store(...given)),
    fail: (...given) => within(() => level.fail(...given)),
    drop: (key) => within(() => level.drop(key)),
  });
};
