import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { alarms } from './alarms.ts';
import type { Call, CallOptions } from './attempt.ts';
import { RunningAttempt } from './running-attempt.ts';

export interface TimeoutOptions {
  readonly clock: Clock;
  /** 1..86_400_000 ms. */
  readonly timeoutMs: number;
}

const DAY_MS = 86_400_000;

/** @throws {@link InvalidArgumentError} when it is out of its range */
export const checkTimeout = (timeoutMs: number): void => checkInteger('timeoutMs', timeoutMs, 1, DAY_MS);

/**
 * Waits for a call for so long and no longer. Then the outcome is a {@link TimeoutError}, whether or not the call obeys
 * its signal; what it did is unknown, and what it still comes to is dropped.
 *
 * All calls of one such function share one timer, which is started only for calls that take longer than a moment.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const withTimeout = (
  options: TimeoutOptions,
): (<T>(call: Call<T>, how?: Pick<CallOptions, 'signal'>) => Promise<T>) => {
  checkNames(options, ['clock', 'timeoutMs']);
  const { clock, timeoutMs } = options;
  checkTimeout(timeoutMs);
  const around = { alarms: alarms(clock), breaker: undefined };
  return <T>(call: Call<T>, how: Pick<CallOptions, 'signal'> = {}): Promise<T> =>
    new Promise<T>((onValue, onError) => {
      const { signal: caller } = how;
      caller?.throwIfAborted();
      const startedAtMs = clock.monotonicMs();
      const dueAtMs = startedAtMs + timeoutMs;
      const waiting = { onValue, onError };
      new RunningAttempt<T>({ number: 1, startedAtMs, dueAtMs, around, caller, waiting }).start(call);
    });
};
