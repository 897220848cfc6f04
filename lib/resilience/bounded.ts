import type { Alarms } from './alarms.ts';
import type { RunningAttempt } from './attempt.ts';
import { TimeoutError } from './errors.ts';

/** Told how a call ended, before its caller is; the caller waits for what this returns. It must not reject. */
export interface Ending {
  value(value: unknown): void | Promise<void>;
  error(error: unknown): void | Promise<void>;
  /** Nobody waits any more, by the caller's own wish. */
  given(): void | Promise<void>;
}

export interface Bounds {
  readonly attempt: RunningAttempt;
  readonly alarms: Alarms;
  readonly startedAtMs: number;
  readonly signal: AbortSignal | undefined;
  readonly ending: Ending | undefined;
}

/**
 * Waits for `begun` until the attempt is due, or the signal is aborted. Then the attempt's signal is aborted, and what
 * `begun` still comes to is dropped.
 */
export const bounded = <T>(begun: PromiseLike<T>, bounds: Bounds): Promise<T> => {
  const { attempt, alarms, startedAtMs, signal, ending } = bounds;
  return new Promise<T>((resolve, reject) => {
    /** Tells the ending, then the caller. */
    const settle = (told: void | Promise<void>, answer: () => void): void => {
      if (told === undefined) answer();
      else told.then(answer, answer);
    };
    const fail = (error: unknown): void => {
      try {
        settle(ending?.error(error), () => reject(error));
      } catch (broken) {
        reject(broken);
      }
    };
    const late = (): void => {
      signal?.removeEventListener('abort', giveUp);
      const error = new TimeoutError(attempt.dueAtMs - startedAtMs);
      attempt.abort(error);
      fail(error);
    };
    const alarm = alarms.set(attempt.dueAtMs, late);
    const giveUp = (): void => {
      if (!alarms.takeOff(alarm)) return;
      attempt.abort(signal?.reason);
      settle(ending?.given(), () => reject(signal?.reason));
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    begun.then(
      (value) => {
        if (!alarms.takeOff(alarm)) return;
        signal?.removeEventListener('abort', giveUp);
        try {
          settle(ending?.value(value), () => resolve(value));
        } catch (broken) {
          reject(broken);
        }
      },
      (error: unknown) => {
        if (!alarms.takeOff(alarm)) return;
        signal?.removeEventListener('abort', giveUp);
        fail(error);
      },
    );
  });
};
