import type { BatchAnswer } from '#event-sources/batch-answer';
import type { Clock } from '#primitives/clock';

/** How a call of a function ended; `throttled`: it was not started. */
export type InvokeOutcome = BatchAnswer | { readonly status: 'throttled' };

/** Calls a function by name with JSON text. May reject: that is a failed invocation. */
export type Invoke = (functionName: string, payload: string) => Promise<InvokeOutcome>;

export interface InvocationOptions {
  readonly invoke: Invoke;
  readonly hostIsUp: () => boolean;
  readonly clock: Clock;
  /** Ends the waiting for a host or a free slot, not an invocation. */
  readonly signal: AbortSignal;
  /** Ends the waiting for an answer as well: the invocation then counts as failed, whatever becomes of it. */
  readonly abandon: AbortSignal;
  readonly onThrottle: () => void;
}

/** How often a host that is down is asked whether it is up again. */
export const HOST_CHECK_MS = 100;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** Lambda's longest timeout, and a minute for the host to say so: beyond it the answer is lost. */
const ANSWER_LIMIT_MS = 16 * 60_000;

/** Whether the time passed; false when the signal ended it. */
const slept = async (clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> => {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
};

const answerOf = async (
  { invoke, clock, abandon }: InvocationOptions,
  functionName: string,
  payload: string,
): Promise<InvokeOutcome> => {
  const answered = new AbortController();
  const giveUp = (): void => answered.abort();
  abandon.addEventListener('abort', giveUp);
  const tooLate = slept(clock, ANSWER_LIMIT_MS, answered.signal).then((): InvokeOutcome => ({
    status: 'failed',
    errorType: 'NoAnswer',
    message: 'the answer was not waited for any longer',
  }));
  try {
    return await Promise.race([invoke(functionName, payload), tooLate]);
  } catch (error) {
    const errorType = error instanceof Error ? error.name : 'Error';
    return { status: 'failed', errorType, message: error instanceof Error ? error.message : String(error) };
  } finally {
    abandon.removeEventListener('abort', giveUp);
    answered.abort();
  }
};

/**
 * Invokes a function for a batch: waits while no host is up, and repeats while it is throttled, until the batch is
 * visible to others again (`deadlineMs` on the monotonic clock) or the signal ends it; then it is `throttled`, and the
 * function did not see it. Never rejects.
 */
export const invokeForBatch = async (
  options: InvocationOptions,
  batch: { readonly functionName: string; readonly payload: string; readonly deadlineMs: number },
): Promise<InvokeOutcome> => {
  const { clock, signal } = options;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted && clock.monotonicMs() < batch.deadlineMs) {
    if (!options.hostIsUp()) {
      await slept(clock, Math.min(HOST_CHECK_MS, batch.deadlineMs - clock.monotonicMs()), signal);
      continue;
    }
    const outcome = await answerOf(options, batch.functionName, batch.payload);
    if (outcome.status !== 'throttled') return outcome;
    options.onThrottle();
    await slept(clock, Math.min(pauseMs, batch.deadlineMs - clock.monotonicMs()), signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
  return { status: 'throttled' };
};
