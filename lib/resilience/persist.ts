import type { Clock } from '#primitives/clock';
import { isRetryable, PatternError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import { backoffMs, type Backoff } from './backoff.ts';

/** Waits before the try after `tries` tries that did not succeed. */
export type Pause = (tries: number) => Promise<void>;

/** Full jitter: writers that met in a conflict do not meet again. */
export const jitteredPauseOf =
  (backoff: Backoff) =>
  ({ clock, random }: { readonly clock: Clock; readonly random: Random }): Pause =>
  (tries) =>
    clock.sleep(backoffMs(tries, backoff, random));

export type Persist = <T>(what: string, pause: Pause, attempt: () => Promise<T | undefined>) => Promise<T>;

/**
 * Makes a call that may be repeated (its repeat changes nothing, or recognises its own first effect) until it gives a
 * value: `undefined` from `attempt` and retryable errors mean "again".
 *
 * @returns What throws a retryable {@link PatternError} with this `code` after `tryCount` tries, the last error its cause.
 */
export const persistence =
  ({ code, tryCount }: { readonly code: string; readonly tryCount: number }): Persist =>
  async (what, pause, attempt) => {
    let cause: unknown;
    for (let tries = 1; tries <= tryCount; tries += 1) {
      try {
        const value = await attempt();
        if (value !== undefined) return value;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        cause = error;
      }
      if (tries < tryCount) await pause(tries);
    }
    throw new PatternError(code, `${what}: gave up after ${tryCount} tries`, { retryable: true, cause });
  };
