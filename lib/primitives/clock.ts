/** Time, as one host believes it to be. Never compare the clocks of two hosts to decide who may do something. */
export interface Clock {
  /** Wall-clock milliseconds since the epoch. May jump in either direction. */
  nowMs(): number;
  /** Milliseconds since an arbitrary instant. Never goes back: measure durations with it. */
  monotonicMs(): number;
  /** Resolves after `ms` (0, less and NaN: at the next turn). Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
