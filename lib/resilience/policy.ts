import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { attemptsOf, type Run } from './attempts.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { checkDeadline, checkRetryRules, type RetryRules } from './retry-rules.ts';
import { checkTimeout } from './with-timeout.ts';

export interface PolicyOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Left out: one attempt. */
  readonly retry?: RetryRules;
  /** Asked before each attempt; when it opens there are no further ones. */
  readonly breaker?: CircuitBreaker;
  /** Of each attempt. 1..86_400_000 ms; it ends earlier when the deadline does. */
  readonly timeoutMs?: number;
  /** Of all attempts and the waits between them. 1..86_400_000 ms. */
  readonly deadlineMs?: number;
}

/**
 * Retry around breaker around timeout, as one function: each attempt asks the breaker, is waited for `timeoutMs`, and is
 * counted by the breaker; what fails is tried again by the rules of {@link retry}, in all no longer than `deadlineMs`.
 *
 * The promises of the three by themselves, at the price of one promise.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const policy = (options: PolicyOptions): Run => {
  checkNames(options, ['clock', 'random', 'retry', 'breaker', 'timeoutMs', 'deadlineMs']);
  const { clock, random, retry: rules, breaker, timeoutMs, deadlineMs } = options;
  if (rules !== undefined) checkRetryRules(rules);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  checkDeadline(deadlineMs);
  return attemptsOf({ clock, random, rules, breaker, deadlineMs, timeoutMs });
};
