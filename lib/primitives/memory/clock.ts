import { setImmediate } from 'node:timers/promises';

import { checkNumber } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { PatternError } from '../errors.ts';

/** How many sleepers one `advance` or `until` wakes at most: beyond it something polls without end. */
const MAX_WAKES = 1_000_000;

/** A clock that stands still until it is told to go on. Time passes at once, in order, the same in every run. */
export interface MemoryClock extends Clock {
  /**
   * Lets `ms` (0 or more) pass: wakes each sleeper at its instant, in the order of the instants (ties: of the calls of
   * `sleep`), and lets everything that follows from one run before the next wakes.
   */
  advance(ms: number): Promise<void>;
  /**
   * Lets time pass until `work` is settled, and gives its result: sleeper by sleeper, no longer than it takes.
   *
   * @throws {@link PatternError} `clock/stuck` when `work` waits although nobody sleeps, or waits longer than `limitMs`
   *   (default: a year).
   */
  until<T>(work: Promise<T>, options?: { readonly limitMs?: number }): Promise<T>;
  /** Sets the wall clock forward, or with a negative number back. `monotonicMs` and sleepers do not notice. */
  jump(ms: number): void;
  /** The clock of another host: the same instants, but its `nowMs` is off by `offsetMs`. */
  withOffset(offsetMs: number): Clock;
  /** How many sleep now. */
  sleeperCount(): number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Everything that can run without time passing has run when this resolves: a turn of the loop ends after its microtasks. */
const settle = (): Promise<void> => setImmediate();

const YEAR_MS = 365 * 86_400_000;

/**
 * A virtual clock for tests and simulations.
 *
 * @param options.startMs What `nowMs` says at the start. Default 1_700_000_000_000 (November 2023).
 */
export const memoryClock = (options: { readonly startMs?: number } = {}): MemoryClock => {
  const { startMs = 1_700_000_000_000 } = options;
  checkNumber('startMs', startMs, 0, 8.64e15);
  const sleepers: Sleeper[] = [];
  let elapsedMs = 0;
  let jumpedMs = 0;

  const add = (sleeper: Sleeper): void => {
    const behind = sleepers.findLastIndex((other) => other.atMs <= sleeper.atMs);
    sleepers.splice(behind + 1, 0, sleeper);
  };

  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    if (!(ms > 0)) return settle();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { atMs: elapsedMs + ms, wake: resolve };
    const abort = (): void => {
      const at = sleepers.indexOf(sleeper);
      if (at >= 0) sleepers.splice(at, 1);
      reject(signal?.reason);
    };
    add(sleeper);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  };

  /** Wakes the next sleeper that is due by `limitMs` of the elapsed time; false when there is none. */
  const wakeNext = async (limitMs: number): Promise<boolean> => {
    const [next] = sleepers;
    if (next === undefined || next.atMs > limitMs) return false;
    sleepers.shift();
    elapsedMs = next.atMs;
    next.wake();
    await settle();
    return true;
  };

  const advance = async (ms: number): Promise<void> => {
    checkNumber('ms', ms, 0, Number.MAX_SAFE_INTEGER);
    const targetMs = elapsedMs + ms;
    await settle();
    for (let wakes = 0; await wakeNext(targetMs); wakes += 1) {
      if (wakes === MAX_WAKES) throw new PatternError('clock/stuck', `${MAX_WAKES} sleepers woke within ${ms} ms`);
    }
    elapsedMs = targetMs;
  };

  const until = async <T>(work: Promise<T>, { limitMs = YEAR_MS }: { readonly limitMs?: number } = {}): Promise<T> => {
    const targetMs = elapsedMs + limitMs;
    let settled = false;
    const watch = (): void => {
      settled = true;
    };
    work.then(watch, watch);
    await settle();
    for (let wakes = 0; !settled; wakes += 1) {
      if (wakes === MAX_WAKES || !(await wakeNext(targetMs))) {
        throw new PatternError(
          'clock/stuck',
          `The work still waits, with ${sleepers.length} sleepers, after ${wakes} wakes`,
        );
      }
    }
    return work;
  };

  const clock = (offsetMs: number): Clock => ({
    nowMs: () => startMs + elapsedMs + jumpedMs + offsetMs,
    monotonicMs: () => elapsedMs,
    sleep,
  });

  return Object.freeze({
    ...clock(0),
    advance,
    until,
    jump: (ms: number) => {
      jumpedMs += ms;
    },
    withOffset: (offsetMs: number) => Object.freeze(clock(offsetMs)),
    sleeperCount: () => sleepers.length,
  });
};
