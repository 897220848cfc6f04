import { checkInteger, checkNames } from '#primitives/checks';
import { isRetryable } from '#primitives/errors';
import { checkBackoff, type Backoff } from './backoff.ts';
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
  /**
   * The least to wait before the next attempt, as the backend told (`Retry-After`), in ms. Gets the error, or the value.
   * What is negative or not finite, e.g. a date that could not be read, counts as 0.
   */
  readonly waitAtLeastMs?: (failed: unknown) => number | undefined;
}

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

/** What the rules have to wait at least; it comes from a backend, so that anything is possible. */
export const leastWaitMs = ({ waitAtLeastMs }: RetryRules, failed: unknown): number => {
  const toldMs = waitAtLeastMs?.(failed) ?? 0;
  return Number.isFinite(toldMs) ? Math.max(0, toldMs) : 0;
};

/** What counts as retryable unless the caller says otherwise. */
export const saysSo = (error: unknown): boolean => isRetryable(error) && !(error instanceof CircuitOpenError);

/** @throws {@link InvalidArgumentError} when a rule is unknown or out of its range */
export const checkRetryRules = (rules: RetryRules, alsoAllowed: readonly string[] = []): void => {
  checkNames(rules, [...RULES, ...alsoAllowed]);
  checkInteger('attemptCount', rules.attemptCount, 1, 100);
  checkBackoff(rules.backoff);
};

export const checkDeadline = (deadlineMs: number | undefined): void => {
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, 1, DAY_MS);
};
