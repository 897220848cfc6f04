import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { alarms } from './alarms.ts';
import { isThenable, type Call, type CallOptions, type RunningAttempt } from './attempt.ts';
import { bounded, type Ending } from './bounded.ts';
import type { Pass } from './breaker-step.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
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

/** Throws `error` when the breaker has been told. */
const failed = (told: void | Promise<void>, error: unknown): Promise<never> => {
  if (told === undefined) throw error;
  return told.then(() => {
    throw error;
  });
};

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

  const begin = <T>(
    call: Call<T>,
    attempt: RunningAttempt,
    signal: AbortSignal | undefined,
    startedAtMs: number,
    ending: Ending | undefined,
  ): T | PromiseLike<T> => {
    let begun;
    try {
      begun = call(attempt);
    } catch (error) {
      return failed(ending?.error(error), error);
    }
    if (isThenable(begun)) return bounded(begun, { attempt, alarms: limits, startedAtMs, signal, ending });
    const value = begun;
    const told = ending?.value(value);
    return told === undefined ? value : told.then(() => value);
  };

  const once: Once = <T>(call: Call<T>, attempt: RunningAttempt, { signal }: CallOptions, startedAtMs: number) => {
    if (breaker === undefined) return begin(call, attempt, signal, startedAtMs, undefined);
    const pass = breaker.enter();
    if (!isThenable(pass)) return begin(call, attempt, signal, startedAtMs, guarded(breaker, pass));
    return pass.then((given) => begin(call, attempt, signal, startedAtMs, guarded(breaker, given)));
  };
  return attemptsOf({ clock, random, rules, deadlineMs, timeoutMs, once });
};
