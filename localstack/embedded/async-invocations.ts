import type { Log } from '#primitives/log';
import type { FunctionInvoker, FunctionOutcome } from './invoke-function.ts';

export interface AsyncInvocations {
  /** Takes an event over and runs it by and by; false when too many wait already. */
  accept(name: string, payload: string): boolean;
  /** Forgets what waits. What runs, runs on. */
  close(): void;
}

export interface AsyncInvocationsOptions {
  readonly invoke: FunctionInvoker;
  readonly log: Log;
  /** The waits before the second and the third try after a function error. Default: AWS's one and two minutes. */
  readonly retryDelaysMs?: readonly number[];
}

/** AWS waits one minute, then two. @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const RETRY_DELAYS_MS = [60_000, 120_000];
const MAX_WAITING = 10_000;
/** A throttled event, or one without a host, is tried again: after a second, up to five minutes apart, for six hours. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 300_000;
const MAX_AGE_MS = 6 * 3_600_000;

interface Waiting {
  readonly name: string;
  readonly payload: string;
  readonly sinceMs: number;
  readonly errors: number;
  readonly pauses: number;
}

/** Runs events that nobody waits for, as Lambda's `Event` does: at most three times when the function fails. */
export const asyncInvocations = (options: AsyncInvocationsOptions): AsyncInvocations => {
  const { retryDelaysMs = RETRY_DELAYS_MS, log } = options;
  const timers = new Set<NodeJS.Timeout>();
  let waiting = 0;
  let closed = false;

  const later = (ms: number, event: Waiting): void => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void run(event);
    }, ms);
    timers.add(timer);
  };

  const dropped = (event: Waiting, outcome: FunctionOutcome): void => {
    waiting -= 1;
    log.error('an event was given up', { function: event.name, errors: event.errors, outcome: outcome.status });
  };

  const run = async (event: Waiting): Promise<void> => {
    const outcome = await options.invoke(event.name, event.payload);
    if (outcome.status === 'answered') {
      waiting -= 1;
      return;
    }
    if (outcome.status === 'failed') {
      const delayMs = retryDelaysMs[event.errors];
      const failed = { ...event, errors: event.errors + 1 };
      if (delayMs === undefined) dropped(failed, outcome);
      else later(delayMs, failed);
      return;
    }
    if (outcome.status === 'unknown' || performance.now() - event.sinceMs > MAX_AGE_MS) dropped(event, outcome);
    else later(Math.min(FIRST_PAUSE_MS * 2 ** event.pauses, MAX_PAUSE_MS), { ...event, pauses: event.pauses + 1 });
  };

  return Object.freeze({
    accept: (name: string, payload: string) => {
      if (closed || waiting >= MAX_WAITING) return false;
      waiting += 1;
      void run({ name, payload, sinceMs: performance.now(), errors: 0, pauses: 0 });
      return true;
    },
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  });
};
