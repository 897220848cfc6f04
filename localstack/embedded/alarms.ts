/** Longer waits are made of several: Node's timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The next instant behind the given one, undefined when there is none. */
export type NextAtMs = (afterMs: number) => number | undefined;

export interface Alarm {
  readonly nextAtMs: NextAtMs;
  /** Called at each instant, or soon after it. */
  readonly ring: (dueAtMs: number) => void;
  /** Called when there is no further instant. */
  readonly ended?: () => void;
}

export interface Alarms {
  /** Replaces the alarm of the key. It rings first behind `afterMs`: now, unless said otherwise. */
  set(key: string, alarm: Alarm, afterMs?: number): void;
  clear(key: string): void;
  close(): void;
}

/** Rings at the instants of schedules. What was due while the machine slept rings once, not once for each. */
export const startAlarms = (nowMs: () => number): Alarms => {
  const timers = new Map<string, NodeJS.Timeout>();

  const clear = (key: string): void => {
    clearTimeout(timers.get(key));
    timers.delete(key);
  };

  const awaitUntil = (key: string, alarm: Alarm, dueAtMs: number): void => {
    const leftMs = dueAtMs - nowMs();
    const wait = (): void => {
      if (dueAtMs > nowMs()) return awaitUntil(key, alarm, dueAtMs);
      follow(key, alarm, Math.max(dueAtMs, nowMs() - 1));
      alarm.ring(dueAtMs);
    };
    timers.set(key, setTimeout(wait, Math.min(Math.max(leftMs, 0), MAX_TIMER_MS)));
  };

  /** Before the ring, which may set the alarm anew. */
  const follow = (key: string, alarm: Alarm, afterMs: number): void => {
    timers.delete(key);
    const dueAtMs = alarm.nextAtMs(afterMs);
    if (dueAtMs === undefined) alarm.ended?.();
    else awaitUntil(key, alarm, dueAtMs);
  };

  return Object.freeze({
    set: (key: string, alarm: Alarm, afterMs = nowMs()) => {
      clear(key);
      follow(key, alarm, afterMs);
    },
    clear,
    close: () => {
      for (const key of timers.keys()) clear(key);
    },
  });
};
