import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { alarms } from './alarms.ts';
import { isThenable } from './attempt.ts';
import { begin, type Ending } from './bounded.ts';
import type { Pass } from './breaker-step.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { TimeoutError } from './errors.ts';
import { attemptsOf, checkDeadline, checkRetryRules, type Once, type RetryRules, type Run } from './retry.ts';
import { checkTimeout } from './with-timeout.ts';

export interface PolicyOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Left out: one attempt. */
  readonly retry?: RetryRules;
  /** Asked before each attempt, so that a breaker that opens ends the retries. */
  readonly breaker?: CircuitBreaker;
  /** Of each attempt. 1..86_400_000 ms; it ends earlier when the deadline does. */
  readonly timeoutMs?: number;
  /** Of all attempts and the waits between them. 1..86_400_000 ms. */
  readonly deadlineMs?: number;
}

const guarded = (breaker: CircuitBreaker, pass: Pass): Ending => ({
  value: (value) => breaker.exitWithValue(pass, value),
  error: (error) => breaker.exitWithError(pass, error),
  given: () => breaker.exitUndecided(pass),
});

/**
 * Retry around breaker around timeout, as one function: each attempt asks the breaker, is waited for `timeoutMs`, and is
 * counted by the breaker; what fails is tried again by the rules of {@link retry}, in all no longer than `deadlineMs`.
 *
 * The same promises as of the three by themselves, at the price of about one promise.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const policy = (options: PolicyOptions): Run => {
  checkNames(options, ['clock', 'random', 'retry', 'breaker', 'timeoutMs', 'deadlineMs']);
  const { clock, random, retry: rules, breaker, timeoutMs, deadlineMs } = options;
  if (rules !== undefined) checkRetryRules(rules);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  checkDeadline(deadlineMs);
  const limits = alarms(clock);

  const once: Once = (call, attempt, signal, startedAtMs) => {
    const bounds = { attempt, alarms: limits, startedAtMs, signal };
    if (breaker === undefined) return begin(call, { ...bounds, ending: undefined });
    const pass = breaker.enter();
    if (!isThenable(pass)) return begin(call, { ...bounds, ending: guarded(breaker, pass) });
    return pass.then((given) => {
      const isLate = attempt.dueAtMs <= clock.monotonicMs();
      if (!isLate && signal?.aborted !== true) return begin(call, { ...bounds, ending: guarded(breaker, given) });
      // Asking for the probe took all the time there was: nothing is sent that nobody waits for.
      void breaker.exitUndecided(given);
      throw isLate ? new TimeoutError(attempt.dueAtMs - startedAtMs) : signal?.reason;
    });
  };
  const isWorthwhile = breaker === undefined ? undefined : () => breaker.view().status === 'closed';
  return attemptsOf({
    clock,
    random,
    rules,
    deadlineMs,
    timeoutMs,
    once,
    ...(isWorthwhile === undefined ? {} : { isWorthwhile }),
  });
};
