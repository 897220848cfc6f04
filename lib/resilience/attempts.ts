import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { alarms } from './alarms.ts';
import { isThenable, type Call, type CallOptions } from './attempt.ts';
import { backoffMs } from './backoff.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { CircuitOpenError } from './errors.ts';
import { leastWaitMs, saysSo, type RetryRules } from './retry-rules.ts';
import { RunningAttempt, type Waiting } from './running-attempt.ts';

/** Runs a call; the outcome is its first success, or its last failure. */
export type Run = <T>(call: Call<T>, how: CallOptions) => Promise<T>;

interface AttemptsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Left out: one attempt. */
  readonly rules?: RetryRules | undefined;
  readonly breaker?: CircuitBreaker | undefined;
  /** Of all attempts and waits. */
  readonly deadlineMs?: number | undefined;
  /** Of one attempt; it ends earlier when the deadline does. */
  readonly timeoutMs?: number | undefined;
}

type Settled<T> = { readonly kind: 'error'; readonly error: unknown } | { readonly kind: 'value'; readonly value: T };

const never = (): boolean => false;

/** As the call ended. */
const outcomeOf = <T>(settled: Settled<T>): T => {
  if (settled.kind === 'error') throw settled.error;
  return settled.value;
};

/**
 * Attempts, one after the other. The first one, which is nearly always the last, costs one promise and one look at the
 * clock (none without timeout, deadline and breaker; two where it may end after the half window of the breaker that
 * runs); whatever comes after it is slow anyhow.
 */
export const attemptsOf = (options: AttemptsOptions): Run => {
  const { clock, random, rules, breaker, deadlineMs = Infinity, timeoutMs = Infinity } = options;
  const { attemptCount = 1, budget, isRetryable = saysSo, isRetryableValue = never, wasNotSent = never } = rules ?? {};
  const isTimed = deadlineMs !== Infinity || timeoutMs !== Infinity;
  const isEachValueGood = rules?.isRetryableValue === undefined;
  const around = { alarms: alarms(clock), breaker };

  const begin = <T>(
    call: Call<T>,
    number: number,
    startedAtMs: number,
    endAtMs: number,
    caller: AbortSignal | undefined,
    waiting: Waiting<T>,
  ): void => {
    const dueAtMs = Math.min(endAtMs, startedAtMs + timeoutMs);
    const attempt = new RunningAttempt<T>({ number, startedAtMs, dueAtMs, around, caller, waiting });
    if (breaker === undefined) return attempt.start(call);
    let pass;
    try {
      pass = breaker.enter();
    } catch (error) {
      return waiting.onError(error);
    }
    if (!isThenable(pass)) return attempt.start(call, pass);
    attempt.watch();
    pass.then(
      (given) => attempt.enter(call, given, clock.monotonicMs()),
      (error: unknown) => attempt.refuse(error),
    );
  };

  const isPausedFor = async (
    number: number,
    failed: unknown,
    endAtMs: number,
    signal?: AbortSignal,
  ): Promise<boolean> => {
    if (rules === undefined || number >= attemptCount || signal?.aborted === true) return false;
    // It would be refused.
    if (breaker !== undefined && breaker.view().status !== 'closed') return false;
    const pauseMs = Math.max(backoffMs(number, rules.backoff, random), leastWaitMs(rules, failed));
    if (endAtMs !== Infinity && clock.monotonicMs() + pauseMs >= endAtMs) return false;
    if (budget !== undefined && !budget.tryTake()) return false;
    await clock.sleep(pauseMs, signal);
    return true;
  };

  /** From the end of the first attempt on. */
  const goOn = async <T>(call: Call<T>, how: CallOptions, endAtMs: number, first: Settled<T>): Promise<T> => {
    const { idempotent, signal } = how;
    let settled = first;
    for (let number = 1; ; number += 1) {
      const isValue = settled.kind === 'value';
      const failed = settled.kind === 'value' ? settled.value : settled.error;
      if (isValue && !(idempotent && isRetryableValue(failed))) break;
      if (!isValue && !(idempotent ? isRetryable(failed) : wasNotSent(failed))) break;
      if (!(await isPausedFor(number, failed, endAtMs, signal))) break;
      const { promise, resolve } = Promise.withResolvers<Settled<T>>();
      begin(call, number + 1, isTimed ? clock.monotonicMs() : 0, endAtMs, signal, {
        onValue: (value) => resolve({ kind: 'value', value }),
        onError: (error) => resolve({ kind: 'error', error }),
      });
      const next = await promise;
      // Opened meanwhile. That nothing was called is not true of a call whose first attempt went out.
      if (next.kind === 'error' && next.error instanceof CircuitOpenError) break;
      settled = next;
    }
    return outcomeOf(settled);
  };

  return <T>(call: Call<T>, how: CallOptions): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const { signal } = how;
      signal?.throwIfAborted();
      budget?.offer();
      const startedAtMs = isTimed ? clock.monotonicMs() : 0;
      const endAtMs = startedAtMs + deadlineMs;
      begin<T>(call, 1, startedAtMs, endAtMs, signal, {
        onValue: isEachValueGood ? resolve : (value) => resolve(goOn(call, how, endAtMs, { kind: 'value', value })),
        onError: rules === undefined ? reject : (error) => resolve(goOn(call, how, endAtMs, { kind: 'error', error })),
      });
    });
};
