import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { circuitBreaker } from './circuit-breaker.ts';
import { TimeoutError } from './errors.ts';
import { policy } from './policy.ts';

/** Runs a call as long as there is patience with what it asks. */
export type InTime = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Gives calls of one place so much time. A place that is late counts as away: it is left alone for `pauseMs`, but for one
 * call that finds out whether it is back, so that not everybody waits for it. Only lateness pauses it: an error is an
 * answer, which came in time.
 *
 * A call that was given up goes on: what it writes, if anything, is written or may be yet.
 *
 * @returns What throws {@link TimeoutError} when the time is over, and {@link CircuitOpenError} at once in the pause.
 */
export const inTime = (options: {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** 1..60_000 ms. */
  readonly timeoutMs: number;
  /** 100..3_600_000 ms. */
  readonly pauseMs: number;
}): InTime => {
  const { name, clock, random, timeoutMs, pauseMs } = options;
  const breaker = circuitBreaker({
    name,
    clock,
    openMs: pauseMs,
    // Calls that ended before the first late one began say nothing any more once it has ended.
    windowMs: Math.max(10, 2 * timeoutMs),
    minCallCount: 1,
    failureRatio: 0.5,
    isFailure: (error) => error instanceof TimeoutError,
  });
  const run = policy({ clock, random, breaker, timeoutMs });
  return (call) => run(call, { idempotent: false });
};
