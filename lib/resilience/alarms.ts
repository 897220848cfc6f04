import type { Clock } from '#primitives/clock';

/** What waits for a time: it is itself the entry of the list, so that setting it allocates nothing. */
export interface Alarm {
  /** By the monotonic clock. With Infinity it never rings, and costs no timer. */
  readonly dueAtMs: number;
  /** Called once, at `dueAtMs` or a moment later, unless it is taken off before. Must not throw. */
  ring(): void;
  /** The rest belongs to the list. */
  isSet: boolean;
  earlier: Alarm | undefined;
  later: Alarm | undefined;
}

export interface Alarms {
  set(alarm: Alarm): void;
  /** True when it was still set: whoever takes it off first decides. */
  takeOff(alarm: Alarm): boolean;
}

/**
 * The first sleep is this short, and is not ended when nothing is left to wait for: most calls are over by then, and one
 * short timer for many of them costs less than starting and stopping one for each.
 */
const FIRST_SLEEP_MS = 10;

export const alarmAt = (dueAtMs: number, ring: () => void): Alarm => ({
  dueAtMs,
  ring,
  isSet: false,
  earlier: undefined,
  later: undefined,
});

/**
 * A list of alarms with at most one sleeper on the clock, however many calls are on their way; none ten milliseconds
 * after the last of them has ended.
 *
 * The list is ordered by due time. Alarms that are set with the same delay come in order, so that setting and taking off
 * are a few steps; one with a shorter delay walks past those that are due later.
 */
export const alarms = (clock: Clock): Alarms => {
  let first: Alarm | undefined;
  let last: Alarm | undefined;
  let isWatched = false;
  let sleeping: { readonly untilMs: number; readonly wake: AbortController; readonly isFirst: boolean } | undefined;

  const link = (alarm: Alarm): void => {
    let earlier = last;
    while (earlier !== undefined && earlier.dueAtMs > alarm.dueAtMs) earlier = earlier.earlier;
    const later = earlier === undefined ? first : earlier.later;
    alarm.earlier = earlier;
    alarm.later = later;
    if (earlier === undefined) first = alarm;
    else earlier.later = alarm;
    if (later === undefined) last = alarm;
    else later.earlier = alarm;
  };

  const unlink = (alarm: Alarm): void => {
    if (alarm.earlier === undefined) first = alarm.later;
    else alarm.earlier.later = alarm.later;
    if (alarm.later === undefined) last = alarm.earlier;
    else alarm.later.earlier = alarm.earlier;
  };

  const ringDue = (nowMs: number): void => {
    for (let alarm = first; alarm !== undefined && alarm.dueAtMs <= nowMs; alarm = first) {
      alarm.isSet = false;
      unlink(alarm);
      alarm.ring();
    }
  };

  const sleepUntil = async (untilMs: number, nowMs: number, isFirst: boolean): Promise<void> => {
    const wake = new AbortController();
    sleeping = { untilMs, wake, isFirst };
    try {
      await clock.sleep(untilMs - nowMs, wake.signal);
    } catch {
      // Woken: there is nothing left to wait for, or something that is due earlier.
    }
    sleeping = undefined;
  };

  const watch = async (): Promise<void> => {
    for (let isFirst = true; first !== undefined; isFirst = false) {
      const nowMs = clock.monotonicMs();
      if (first.dueAtMs <= nowMs) ringDue(nowMs);
      else await sleepUntil(isFirst ? Math.min(first.dueAtMs, nowMs + FIRST_SLEEP_MS) : first.dueAtMs, nowMs, isFirst);
    }
    isWatched = false;
  };

  return Object.freeze<Alarms>({
    set: (alarm) => {
      alarm.isSet = true;
      if (alarm.dueAtMs === Infinity) return;
      link(alarm);
      if (sleeping !== undefined && alarm.dueAtMs < sleeping.untilMs) sleeping.wake.abort();
      if (isWatched) return;
      isWatched = true;
      void watch();
    },
    takeOff: (alarm) => {
      if (!alarm.isSet) return false;
      alarm.isSet = false;
      if (alarm.dueAtMs === Infinity) return true;
      unlink(alarm);
      if (first === undefined && sleeping?.isFirst === false) sleeping.wake.abort();
      return true;
    },
  });
};
