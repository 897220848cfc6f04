import { randomUUID } from 'node:crypto';
import type { Log } from '#primitives/log';
import type { EventInvokeSettings } from './event-invoke-configs.ts';
import type { FunctionInvoker, FunctionOutcome } from './invoke-function.ts';

export interface AsyncInvocations {
  /** Takes an event over and runs it by and by; false when too many wait already. */
  accept(name: string, payload: string, requestId?: string): boolean;
  /** Forgets what waits. What runs, runs on. */
  close(): void;
}

/** Why an event is over. */
export type EndCondition = 'Success' | 'RetriesExhausted' | 'EventAgeExceeded' | 'ZeroReservedConcurrency';

/** What became of an event. */
export interface AsyncEnd {
  readonly name: string;
  readonly payload: string;
  readonly requestId: string;
  readonly condition: EndCondition;
  /** How often the function was started. */
  readonly invokeCount: number;
  /** How the last try ended. */
  readonly outcome: FunctionOutcome;
}

export interface AsyncInvocationsOptions {
  readonly invoke: FunctionInvoker;
  readonly log: Log;
  readonly settingsOf: (name: string) => EventInvokeSettings;
  /** False: the function takes nothing (a reserved concurrency of 0), so that waiting is of no use. */
  readonly takesEvents: (name: string) => boolean;
  /** Called once for each event that is over, unless its function is gone. */
  readonly onEnd: (end: AsyncEnd) => void;
  /** The wait before the second try after a function error; twice that before the third. Default: AWS's minute. */
  readonly retryDelayMs?: number;
}

/** AWS waits one minute, then two. @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const RETRY_DELAY_MS = 60_000;
const MAX_WAITING = 10_000;
/** A throttled event, or one without a host, is tried again: after a second, up to five minutes apart. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 300_000;

interface Waiting {
  readonly name: string;
  readonly payload: string;
  readonly requestId: string;
  readonly sinceMs: number;
  readonly errors: number;
  readonly pauses: number;
}

/** Runs events that nobody waits for, as Lambda's `Event` does: again when the function fails, until it is too often or too late. */
export const asyncInvocations = (options: AsyncInvocationsOptions): AsyncInvocations => {
  const { retryDelayMs = RETRY_DELAY_MS, log } = options;
  const timers = new Set<NodeJS.Timeout>();
  let waiting = 0;
  let closed = false;

  const over = (event: Waiting, condition: EndCondition, outcome: FunctionOutcome, invokeCount: number): void => {
    waiting -= 1;
    const { name, payload, requestId } = event;
    if (condition !== 'Success') log.error('an event was given up', { function: name, condition, invokeCount });
    options.onEnd({ name, payload, requestId, condition, invokeCount, outcome });
  };

  /** Tries again after the wait, or says that it is too late when the event is too old then. */
  const later = (ms: number, event: Waiting, outcome: FunctionOutcome): void => {
    if (closed) return;
    const leftMs = event.sinceMs + options.settingsOf(event.name).maxAgeMs - performance.now();
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        if (ms < leftMs) void run(event);
        else over(event, 'EventAgeExceeded', outcome, event.errors);
      },
      Math.max(0, Math.min(ms, leftMs)),
    );
    timers.add(timer);
  };

  const failed = (event: Waiting, outcome: FunctionOutcome): void => {
    const errors = event.errors + 1;
    if (event.errors >= options.settingsOf(event.name).retryCount) over(event, 'RetriesExhausted', outcome, errors);
    else later(retryDelayMs * 2 ** event.errors, { ...event, errors }, outcome);
  };

  const run = async (event: Waiting): Promise<void> => {
    const outcome = await options.invoke(event.name, event.payload, undefined, event.requestId);
    if (outcome.status === 'answered') return over(event, 'Success', outcome, event.errors + 1);
    if (outcome.status === 'failed') return failed(event, outcome);
    if (outcome.status === 'unknown') {
      waiting -= 1;
      return log.error('the function of an event is gone', { function: event.name });
    }
    if (outcome.status === 'throttled' && !options.takesEvents(event.name))
      return over(event, 'ZeroReservedConcurrency', outcome, event.errors);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** event.pauses, MAX_PAUSE_MS);
    return later(pauseMs, { ...event, pauses: event.pauses + 1 }, outcome);
  };

  return Object.freeze({
    accept: (name: string, payload: string, requestId: string = randomUUID()) => {
      if (closed || waiting >= MAX_WAITING) return false;
      waiting += 1;
      void run({ name, payload, requestId, sinceMs: performance.now(), errors: 0, pauses: 0 });
      return true;
    },
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  });
};
