import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import { isThenable, RunningAttempt, type Call, type CallOptions } from './attempt.ts';
import { backoffMs, checkBackoff, type Backoff } from './backoff.ts';
import { CircuitOpenError } from './errors.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What is tried again, how often, and when. */
export interface RetryRules {
  /** Attempts in all, the first included. 1..100. */
  readonly attemptCount: number;
  readonly backoff: Backoff;
  /** What all retries to a backend may cost together. Left out, only `attemptCount` bounds them. */
  readonly budget?: RetryBudget;
  /** Which errors may be gone the next time. Default: errors of this library that say so, but no open breaker. */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Which values may be better the next time, e.g. answers with status 503. Default: none. */
  readonly isRetryableValue?: (value: unknown) => boolean;
  /**
   * Which errors prove that nothing was sent, so that a call that is not idempotent may be tried again, e.g. a refused
   * connection. Default: none.
   */
  readonly wasNotSent?: (error: unknown) => boolean;
  /** The least to wait before the next attempt, as the backend told (`Retry-After`). Gets the error, or the value. */
  readonly waitAtLeastMs?: (failed: unknown) => number | undefined;
}

export interface RetryOptions extends RetryRules {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * No attempt begins later than this after the first, and no wait is begun that would end later. 1..86_400_000 ms. It
   * does not end an attempt that runs: that is what a timeout is for. Default: none.
   */
  readonly deadlineMs?: number;
}

/** Runs a call; the outcome is its first success, or its last failure. */
export type Run = <T>(call: Call<T>, how: CallOptions) => Promise<T>;

/** One attempt, with whatever goes around it. */
export type Once = <T>(
  call: Call<T>,
  attempt: RunningAttempt,
  how: CallOptions,
  startedAtMs: number,
) => T | PromiseLike<T>;

const RULES: readonly (keyof RetryRules)[] = [
  'attemptCount',
  'backoff',
  'budget',
  'isRetryable',
  'isRetryableValue',
  'wasNotSent',
  'waitAtLeastMs',
];
const DAY_MS = 86_400_000;

const saysSo = (error: unknown): boolean =>
  error instanceof PatternError && error.retryable && !(error instanceof CircuitOpenError);
const never = (): boolean => false;

/** @throws {@link InvalidArgumentError} when a rule is unknown or out of its range */
export const checkRetryRules = (rules: RetryRules, alsoAllowed: readonly string[] = []): void => {
  checkNames(rules, [...RULES, ...alsoAllowed]);
  checkInteger('attemptCount', rules.attemptCount, 1, 100);
  checkBackoff(rules.backoff);
};

export const checkDeadline = (deadlineMs: number | undefined): void => {
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, 1, DAY_MS);
};

interface Loop {
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined: one attempt. */
  readonly rules: RetryRules | undefined;
  readonly deadlineMs: number | undefined;
  /** Of one attempt; it ends earlier when the deadline does. */
  readonly timeoutMs: number | undefined;
  readonly once: Once;
}

/** The loop of attempts, which reads the clock once when the first is answered. */
export const attemptsOf = ({ clock, random, rules, deadlineMs = Infinity, timeoutMs = Infinity, once }: Loop): Run => {
  const isTimed = deadlineMs !== Infinity || timeoutMs !== Infinity;
  const { attemptCount = 1, budget, isRetryable = saysSo, isRetryableValue = never, wasNotSent = never } = rules ?? {};

  /** Waits for the next attempt; false when there is none. */
  const isPausedFor = async (
    number: number,
    failed: unknown,
    endAtMs: number,
    signal?: AbortSignal,
  ): Promise<boolean> => {
    if (rules === undefined || number >= attemptCount) return false;
    const pauseMs = Math.max(backoffMs(number, rules.backoff, random), rules.waitAtLeastMs?.(failed) ?? 0);
    if (endAtMs !== Infinity && clock.monotonicMs() + pauseMs >= endAtMs) return false;
    if (budget !== undefined && !budget.tryTake()) return false;
    await clock.sleep(pauseMs, signal);
    return true;
  };

  return async <T>(call: Call<T>, how: CallOptions): Promise<T> => {
    const { idempotent, signal } = how;
    signal?.throwIfAborted();
    budget?.offer();
    let startedAtMs = isTimed ? clock.monotonicMs() : 0;
    const endAtMs = startedAtMs + deadlineMs;
    for (let number = 1; ; number += 1) {
      const attempt = new RunningAttempt(number, Math.min(endAtMs, startedAtMs + timeoutMs));
      try {
        const begun = once(call, attempt, how, startedAtMs);
        const value = isThenable(begun) ? await begun : begun;
        if (!isRetryableValue(value) || !idempotent) return value;
        if (!(await isPausedFor(number, value, endAtMs, signal))) return value;
      } catch (error) {
        if (signal?.aborted === true || !(idempotent ? isRetryable(error) : wasNotSent(error))) throw error;
        if (!(await isPausedFor(number, error, endAtMs, signal))) throw error;
      }
      if (isTimed) startedAtMs = clock.monotonicMs();
    }
  };
};

/**
 * Tries a call again while it fails for reasons that pass, with full jitter between the attempts, within a number of
 * attempts, a deadline and a budget, whichever ends first. The outcome is then the last error or value.
 *
 * A call that is not idempotent is sent once, whatever became of it: only `wasNotSent` can allow a second attempt. A
 * crash in between leaves what the attempts have done.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @example
 * const send = retry({ clock, random, attemptCount: 3, backoff: { baseMs: 100, limitMs: 2_000 } });
 * const answer = await send(() => fetch(url), { idempotent: true });
 */
export const retry = (options: RetryOptions): Run => {
  checkRetryRules(options, ['clock', 'random', 'deadlineMs']);
  checkDeadline(options.deadlineMs);
  const { clock, random, deadlineMs } = options;
  const once: Once = (call, attempt) => call(attempt);
  return attemptsOf({ clock, random, rules: options, deadlineMs, timeoutMs: undefined, once });
};
