/** One try of a call, as the call sees it. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** When the caller stops waiting, by the monotonic clock of the verb: what to pass on as deadline. Infinity: never. */
  readonly dueAtMs: number;
  /** Aborted when nobody waits for this attempt any more. Made when it is first asked for. */
  readonly signal: AbortSignal;
}

/** What is made resilient. It may answer at once; an error thrown at once is an error like any other. */
export type Call<T> = (attempt: Attempt) => T | PromiseLike<T>;

export interface CallOptions {
  /**
   * Whether sending it twice does no harm. When false, one attempt is all there is, whatever became of it: a lost answer
   * is not a reason to send it again.
   */
  readonly idempotent: boolean;
  /** Ends the waiting with its reason. The running attempt's signal is aborted; what it did is unknown. */
  readonly signal?: AbortSignal;
}

/** Only what is not there yet is waited for: an `await` of a plain value costs a turn. */
export const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
