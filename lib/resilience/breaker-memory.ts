import type { Clock } from '#primitives/clock';
import {
  closedState,
  step,
  type BreakerEvent,
  type BreakerRules,
  type BreakerState,
  type Pass,
} from './breaker-step.ts';

/** What one host remembers of a breaker: the state, and what happened to it. */
export interface BreakerMemory {
  state(): BreakerState;
  /** @param nowMs By the monotonic clock; read when it is not given. */
  happened(event: BreakerEvent, nowMs?: number): BreakerState;
  /**
   * A call ended well. The path of nearly every call, so it only adds one to a number as long as the half window lasts;
   * the state hears of them together, with the next thing that happens.
   *
   * @param latestAtMs When it has ended at the latest; only where that is not in the half window, the clock is read.
   * @returns false when it is something to tell the state of: {@link happened}
   */
  isCounted(pass: Pass, latestAtMs: number): boolean;
}

export const breakerMemory = (clock: Clock, rules: BreakerRules): BreakerMemory => {
  const halfMs = rules.trip.windowMs / 2;
  let state = closedState(clock.monotonicMs(), 0);
  let answeredCount = 0;
  /** The pass that counts now, and how long it does; else no pass does. */
  let openPass: Pass | undefined;
  let halfEndsAtMs = 0;

  const remember = (next: BreakerState): BreakerState => {
    state = next;
    const isClosed = next.status === 'closed';
    openPass = isClosed ? next.era : undefined;
    halfEndsAtMs = isClosed ? next.window.startedAtMs + halfMs : 0;
    return next;
  };
  remember(state);

  return Object.freeze<BreakerMemory>({
    state: () => state,
    happened: (event, nowMs = clock.monotonicMs()) => {
      if (answeredCount > 0) {
        state = step(state, { kind: 'answered', count: answeredCount }, nowMs, rules);
        answeredCount = 0;
      }
      return remember(step(state, event, nowMs, rules));
    },
    isCounted: (pass, latestAtMs) => {
      if (pass !== openPass) return false;
      if (latestAtMs >= halfEndsAtMs && clock.monotonicMs() >= halfEndsAtMs) return false;
      answeredCount += 1;
      return true;
    },
  });
};
