import type { Clock } from '#primitives/clock';
import { alarmAt, type Alarm, type Alarms } from '#resilience/alarms';
import type { RetryBudget } from '#resilience/retry-budget';
import type { Leaf } from './types.ts';

/** What a run needs beside its leaf. */
export interface LeafRunOptions<Part> {
  readonly clock: Clock;
  readonly alarms: Alarms;
  /** Extra calls, whatever for. */
  readonly retryCount: number;
  readonly budget: RetryBudget;
  /** After so long another call is sent beside the one that is late. Infinity: never. */
  readonly hedgeAfterMs: number;
  readonly dueAtMs: number;
  /** Which replica is asked first. */
  readonly firstReplica: number;
  /** Told how long a call took, or has at least taken. */
  readonly onLatency: (ms: number) => void;
  readonly onAnswer: (part: Part) => void;
  /** No call is on its way, and there can be no other. */
  readonly onFailure: (error: unknown) => void;
}

export interface LeafRun {
  readonly hedgedCount: number;
  readonly repeatedCount: number;
  /** The last failure of a call, if there was one. */
  readonly error: unknown;
  /** Gives up what is on its way; nothing is told any more. */
  end(reason: unknown): void;
}

interface Call {
  readonly gaveUp: AbortController;
  readonly sentAtMs: number;
}

/**
 * The calls of one leaf for one request: one, and up to `retryCount` more, when one is late or fails, as far as the budget
 * goes. Lateness and failures share one count, so that a leaf never gets more than it can stand; that is why it is not
 * made of `hedge` and `retry`, which count for themselves.
 *
 * The first answer counts. What is late is not given up for it: both are waited for.
 */
export const leafRun = <Request, Part>(
  leaf: Leaf<Request, Part>,
  request: Request,
  options: LeafRunOptions<Part>,
): LeafRun => {
  const { clock, alarms, retryCount, budget, hedgeAfterMs, dueAtMs, onLatency } = options;
  const { replicas } = leaf;
  const running = new Set<Call>();
  let sentCount = 0;
  let hedgedCount = 0;
  let repeatedCount = 0;
  let lastError: unknown;
  let isOver = false;
  let alarm: Alarm | undefined;

  const end = (reason: unknown): void => {
    isOver = true;
    if (alarm !== undefined) alarms.takeOff(alarm);
    const nowMs = clock.monotonicMs();
    for (const { gaveUp, sentAtMs } of running) {
      // What it would have taken is not known; that it takes long is, when it has.
      if (nowMs - sentAtMs >= hedgeAfterMs) onLatency(nowMs - sentAtMs);
      gaveUp.abort(reason);
    }
    running.clear();
  };
  const answered = (call: Call, part: Part): void => {
    if (isOver) return;
    running.delete(call);
    onLatency(clock.monotonicMs() - call.sentAtMs);
    end(undefined);
    options.onAnswer(part);
  };
  const failed = (call: Call, error: unknown): void => {
    if (isOver) return;
    running.delete(call);
    lastError = error;
    if (sentCount <= retryCount && budget.tryTake()) {
      repeatedCount += 1;
      send();
    } else if (running.size === 0) {
      end(error);
      options.onFailure(error);
    }
  };
  const hedge = (): void => {
    if (budget.tryTake()) {
      hedgedCount += 1;
      send();
    } else watch();
  };
  /** There is one alarm at a time: a call that was sent for a failed one is given its own time. */
  const watch = (): void => {
    if (alarm !== undefined) alarms.takeOff(alarm);
    const atMs = clock.monotonicMs() + hedgeAfterMs;
    if (isOver || sentCount > retryCount || atMs >= dueAtMs) return;
    alarm = alarmAt(atMs, hedge);
    alarms.set(alarm);
  };
  const send = (): void => {
    const call = { gaveUp: new AbortController(), sentAtMs: clock.monotonicMs() };
    const attempt = { number: sentCount + 1, dueAtMs, signal: call.gaveUp.signal };
    const ask = replicas[(options.firstReplica + sentCount) % replicas.length];
    sentCount += 1;
    running.add(call);
    watch();
    // A call that throws at once has failed like any other.
    new Promise<Part>((resolve) => resolve(ask?.(request, attempt) as PromiseLike<Part>)).then(
      (part) => answered(call, part),
      (error: unknown) => failed(call, error),
    );
  };
  send();

  return {
    get hedgedCount() {
      return hedgedCount;
    },
    get repeatedCount() {
      return repeatedCount;
    },
    get error() {
      return lastError;
    },
    end: (reason) => {
      if (!isOver) end(reason);
    },
  };
};
