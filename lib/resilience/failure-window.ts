/** When a breaker opens: enough calls of late, and too many of them failures. */
export interface TripRule {
  /** Looked back on. A call counts for at least half of it and at most all of it. 10..3_600_000 ms. */
  readonly windowMs: number;
  /** Fewer calls in the window never open it. 1..1_000_000. */
  readonly minCallCount: number;
  /** The share of failures that opens it. Above 0, up to 1. */
  readonly failureRatio: number;
}

/** Two half windows: the one that runs and the one before it. Constant in size, whatever the traffic. */
export interface FailureWindow {
  readonly startedAtMs: number;
  readonly okCount: number;
  readonly failedCount: number;
  readonly okBeforeCount: number;
  readonly failedBeforeCount: number;
}

export const emptyWindow = (nowMs: number): FailureWindow => ({
  startedAtMs: nowMs,
  okCount: 0,
  failedCount: 0,
  okBeforeCount: 0,
  failedBeforeCount: 0,
});

const rolled = (window: FailureWindow, nowMs: number, halfMs: number): FailureWindow => {
  const ageMs = nowMs - window.startedAtMs;
  if (ageMs < halfMs) return window;
  if (ageMs >= 2 * halfMs) return emptyWindow(nowMs);
  return {
    startedAtMs: window.startedAtMs + halfMs,
    okCount: 0,
    failedCount: 0,
    okBeforeCount: window.okCount,
    failedBeforeCount: window.failedCount,
  };
};

export const counted = (window: FailureWindow, isFailure: boolean, nowMs: number, windowMs: number): FailureWindow => {
  const { startedAtMs, okCount, failedCount, okBeforeCount, failedBeforeCount } = rolled(window, nowMs, windowMs / 2);
  return {
    startedAtMs,
    okCount: isFailure ? okCount : okCount + 1,
    failedCount: isFailure ? failedCount + 1 : failedCount,
    okBeforeCount,
    failedBeforeCount,
  };
};

export const isTripped = (window: FailureWindow, { minCallCount, failureRatio }: TripRule): boolean => {
  const failed = window.failedCount + window.failedBeforeCount;
  const all = failed + window.okCount + window.okBeforeCount;
  return all >= minCallCount && failed >= failureRatio * all;
};
