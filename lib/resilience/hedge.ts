import { checkInteger, checkNames, checkNumber } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import { alarmAt, alarms, type Alarm, type Alarms } from './alarms.ts';
import type { Call, CallOptions } from './attempt.ts';
import type { Run } from './attempts.ts';
import type { RetryBudget } from './retry-budget.ts';
import { RunningAttempt } from './running-attempt.ts';

export interface HedgeOptions {
  readonly clock: Clock;
  /**
   * How long an attempt has before another one is sent beside it. 0..86_400_000 ms, or what tells it at each call: best
   * the 95th percentile of late, so that one call of twenty is sent twice.
   */
  readonly delayMs: number | (() => number);
  /** Attempts in all, the first included. 2..10. */
  readonly attemptCount: number;
  /** What the extra attempts may cost; one of its own, unless nothing else offers calls to it. */
  readonly budget: RetryBudget;
}

const DAY_MS = 86_400_000;

/** The first answer to come was another one's. */
const overtaken = (): PatternError => new PatternError('resilience/overtaken', 'Another attempt answered first.');

interface Race extends Omit<HedgeOptions, 'delayMs'> {
  readonly delayMs: number;
  readonly limits: Alarms;
  readonly caller: AbortSignal | undefined;
}

/** One call with its attempts. */
const race = <T>(call: Call<T>, { attemptCount, budget, limits, clock, delayMs, caller }: Race): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const running = new Set<RunningAttempt<T>>();
    const around = { alarms: limits, breaker: undefined };
    let sentCount = 0;
    let isOver = false;
    let firstError: { readonly error: unknown } | undefined;
    let next: Alarm | undefined;

    const end = (reason: unknown, answer: () => void): void => {
      if (isOver) return;
      isOver = true;
      if (next !== undefined) limits.takeOff(next);
      caller?.removeEventListener('abort', giveUp);
      for (const attempt of running) attempt.giveUp(reason);
      answer();
    };
    const giveUp = (): void => end(caller?.reason, () => reject(caller?.reason));
    const send = (): void => {
      const onValue = (value: T): void => {
        running.delete(attempt);
        end(overtaken(), () => resolve(value));
      };
      const onError = (error: unknown): void => {
        running.delete(attempt);
        firstError ??= { error };
        const { error: first } = firstError;
        if (running.size === 0) end(first, () => reject(first));
      };
      const attempt = new RunningAttempt<T>({
        number: (sentCount += 1),
        startedAtMs: 0,
        dueAtMs: Infinity,
        around,
        caller: undefined,
        waiting: { onValue, onError },
      });
      running.add(attempt);
      attempt.start(call);
      // Over while it began: it could not be given up before it ran.
      if (isOver) return attempt.giveUp(caller?.reason);
      if (sentCount >= attemptCount) return;
      next = alarmAt(clock.monotonicMs() + delayMs, sendAnother);
      limits.set(next);
    };
    const sendAnother = (): void => {
      if (budget.tryTake()) send();
    };
    caller?.addEventListener('abort', giveUp, { once: true });
    send();
  });

/**
 * Sends a slow call once more, and takes the answer that comes first: cuts the slowest answers at the price of a few extra
 * calls, which the budget bounds. The attempts that lost are told so by their signals.
 *
 * Only what is late is hedged: a call that fails is not sent again for it, and fails when no other attempt is on its way.
 * A call that is not idempotent is sent once.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://research.google/pubs/the-tail-at-scale/ (Dean, Barroso: hedged requests)
 */
export const hedge = (options: HedgeOptions): Run => {
  checkNames(options, ['clock', 'delayMs', 'attemptCount', 'budget']);
  const { clock, delayMs, attemptCount, budget } = options;
  if (typeof delayMs === 'number') checkNumber('delayMs', delayMs, 0, DAY_MS);
  checkInteger('attemptCount', attemptCount, 2, 10);
  const limits = alarms(clock);
  return async <T>(call: Call<T>, { idempotent, signal }: CallOptions): Promise<T> => {
    signal?.throwIfAborted();
    budget.offer();
    const told = typeof delayMs === 'number' ? delayMs : delayMs();
    checkNumber('delayMs', told, 0, DAY_MS);
    return race(call, {
      clock,
      budget,
      limits,
      caller: signal,
      delayMs: told,
      attemptCount: idempotent ? attemptCount : 1,
    });
  };
};
