import { setTimeout } from 'node:timers/promises';

import { checkNumber } from './checks.ts';
import type { Clock } from './clock.ts';

/** A longer timer of Node fires at once. @see https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The clock of the machine.
 *
 * @param options.offsetMs Added to `nowMs`: lets a test skew one host. Default 0.
 */
export const systemClock = (options: { readonly offsetMs?: number } = {}): Clock => {
  const { offsetMs = 0 } = options;
  checkNumber('offsetMs', offsetMs, -8.64e15, 8.64e15);

  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    const wantedMs = ms > 0 ? ms : 0;
    const untilMs = performance.now() + wantedMs;
    try {
      for (let restMs = wantedMs; ; restMs = untilMs - performance.now()) {
        await setTimeout(Math.min(restMs, MAX_TIMER_MS), undefined, signal === undefined ? {} : { signal });
        if (restMs <= MAX_TIMER_MS) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  };

  return Object.freeze({ nowMs: () => Date.now() + offsetMs, monotonicMs: () => performance.now(), sleep });
};
