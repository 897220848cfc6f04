import type { Clock } from '#primitives/clock';

/** An entry of the list of {@link alarms}. */
export interface Alarm {
  readonly dueAtMs: number;
  readonly ring: () => void;
  /** False once it rang or was taken off. */
  isSet: boolean;
  earlier: Alarm | undefined;
  later: Alarm | undefined;
}

export interface Alarms {
  /**
   * Calls `ring` at `dueAtMs` of the monotonic clock, or a moment later, unless it is taken off before. `ring` must not
   * throw. With Infinity it never rings, and costs no timer.
   */
  set(dueAtMs: number, ring: () => void): Alarm;
  /** True when it was still set: whoever takes it off first decides. */
  takeOff(alarm: Alarm): boolean;
}

/**
 * Turns of microtasks to wait for before a timer is started: calls that are answered from memory are over by then. Found
 * by measuring; a turn costs some ten nanoseconds, a timer of the platform some microseconds.
 */
const TURNS_BEFORE_TIMER = 4;
const turn = Promise.resolve();

/**
 * A list of alarms with at most one sleeper on the clock, however many calls are on their way: none until a call takes
 * longer than a few turns, none when nothing is waited for.
 *
 * The list is ordered by due time. Alarms that are set with the same delay come in order, so that setting and taking off
 * are a few steps; one with a shorter delay walks past those that are due later.
 */
export const alarms = (clock: Clock): Alarms => {
  let first: Alarm | undefined;
  let last: Alarm | undefined;
  let isWatched = false;
  let sleeping: { readonly untilMs: number; readonly wake: AbortController } | undefined;

  const unlink = (alarm: Alarm): void => {
    alarm.isSet = false;
    if (alarm.earlier === undefined) first = alarm.later;
    else alarm.earlier.later = alarm.later;
    if (alarm.later === undefined) last = alarm.earlier;
    else alarm.later.earlier = alarm.earlier;
  };

  const ringDue = (nowMs: number): void => {
    for (let alarm = first; alarm !== undefined && alarm.dueAtMs <= nowMs; alarm = first) {
      unlink(alarm);
      alarm.ring();
    }
  };

  const sleepUntil = async (untilMs: number, nowMs: number): Promise<void> => {
    const wake = new AbortController();
    sleeping = { untilMs, wake };
    try {
      await clock.sleep(untilMs - nowMs, wake.signal);
    } catch {
      // Woken: there is nothing left to wait for, or something that is due earlier.
    }
    sleeping = undefined;
  };

  const watch = async (): Promise<void> => {
    for (let turns = 0; turns < TURNS_BEFORE_TIMER && first !== undefined; turns += 1) await turn;
    while (first !== undefined) {
      const nowMs = clock.monotonicMs();
      if (first.dueAtMs <= nowMs) ringDue(nowMs);
      else await sleepUntil(first.dueAtMs, nowMs);
    }
    isWatched = false;
  };

  return Object.freeze<Alarms>({
    set: (dueAtMs, ring) => {
      if (dueAtMs === Infinity) return { dueAtMs, ring, isSet: true, earlier: undefined, later: undefined };
      let earlier = last;
      while (earlier !== undefined && earlier.dueAtMs > dueAtMs) earlier = earlier.earlier;
      const later = earlier === undefined ? first : earlier.later;
      const alarm: Alarm = { dueAtMs, ring, isSet: true, earlier, later };
      if (earlier === undefined) first = alarm;
      else earlier.later = alarm;
      if (later === undefined) last = alarm;
      else later.earlier = alarm;
      if (sleeping !== undefined && dueAtMs < sleeping.untilMs) sleeping.wake.abort();
      if (!isWatched) {
        isWatched = true;
        void watch();
      }
      return alarm;
    },
    takeOff: (alarm) => {
      if (!alarm.isSet) return false;
      if (alarm.dueAtMs === Infinity) alarm.isSet = false;
      else unlink(alarm);
      if (first === undefined) sleeping?.wake.abort();
      return true;
    },
  });
};
