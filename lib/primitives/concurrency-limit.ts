/**
 * How many invocations an event source may have at a time. A change is for what begins from then on: it ends nothing
 * that runs.
 */
export interface ConcurrencyLimit {
  /** Undefined when there is none. */
  get(): Promise<number | undefined>;
  /** @param limit 2..1000, or undefined for none. Repeating it is no error. */
  set(limit: number | undefined): Promise<void>;
}

/** What Lambda takes. @see https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html */
export const [MIN_LIMIT, MAX_LIMIT] = [2, 1_000];
