import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Random } from '#primitives/random';

/** How often a call is made before its message is left to come again: the queue is the longer retry. */
export const MAX_TRIES = 6;

const BASE_MS = 20;
const LIMIT_MS = 500;

/** Waits before the try after `tries` tries that did not succeed. */
export type Pause = (tries: number) => Promise<void>;

/**
 * Exponential backoff with full jitter: writers that met in a conflict do not meet again.
 *
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export const jitteredPause =
  ({ clock, random }: { readonly clock: Clock; readonly random: Random }): Pause =>
  (tries) =>
    clock.sleep(random.next() * Math.min(LIMIT_MS, BASE_MS * 2 ** tries));

export const isRetryable = (error: unknown): boolean => error instanceof PatternError && error.retryable;

/**
 * Makes a call that may be repeated (its repeat changes nothing, or recognises its own first effect) until it gives a
 * value: `undefined` from `attempt` and retryable errors mean "again". After {@link MAX_TRIES} the last error is thrown.
 */
export const persist = async <T>(what: string, pause: Pause, attempt: () => Promise<T | undefined>): Promise<T> => {
  let cause: unknown;
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      cause = error;
    }
    if (tries < MAX_TRIES) await pause(tries);
  }
  throw new PatternError('work-queue/gave-up', `${what}: gave up after ${MAX_TRIES} tries`, { retryable: true, cause });
};
