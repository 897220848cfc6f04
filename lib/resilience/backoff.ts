import { checkInteger, checkNames } from '#primitives/checks';
import type { Random } from '#primitives/random';

/** How long a failed call is put off. */
export interface Backoff {
  /** The most that the second attempt is put off; each further one up to twice as long. 1..86_400_000 ms. */
  readonly baseMs: number;
  /** No attempt is put off for longer. From `baseMs` to 86_400_000 ms. */
  readonly limitMs: number;
}

const DAY_MS = 86_400_000;
/** Beyond it the power of two only gets too large for what follows. */
const MAX_DOUBLINGS = 30;

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkBackoff = (options: Backoff): void => {
  checkNames(options, ['baseMs', 'limitMs']);
  checkInteger('backoff.baseMs', options.baseMs, 1, DAY_MS);
  checkInteger('backoff.limitMs', options.limitMs, options.baseMs, DAY_MS);
};

/**
 * The wait before the next attempt: exponential with full jitter, capped, so that calls that failed together do not come
 * together again. Uniform from 0 to min(limitMs, baseMs × 2^(attempt − 1)).
 *
 * @param attempt How often the call was tried: 1 and more.
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export const backoffMs = (attempt: number, { baseMs, limitMs }: Backoff, random: Random): number =>
  random.next() * Math.min(limitMs, baseMs * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS));
