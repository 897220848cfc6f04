import type { Json } from './table.ts';

export type InvocationOutcome =
  | { readonly status: 'answered'; readonly payload: Json }
  /** The function threw, timed out or died: what it did before is unknown. */
  | { readonly status: 'failed'; readonly errorType: string; readonly message: string }
  /** It was not started: too many of it run already. */
  | { readonly status: 'throttled' };

/**
 * Calls functions by name.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export interface Invoker {
  /**
   * Calls the function and waits for its answer. An abort stops the waiting, not the function, and rejects with the
   * signal's reason. A function that does not exist is an `InvalidArgumentError`.
   *
   * @param payload At most 6 MB as JSON.
   */
  invoke(functionName: string, payload: Json, signal?: AbortSignal): Promise<InvocationOutcome>;

  /**
   * Hands the call over and returns when it was accepted: the platform runs it, with up to two repeats when it fails.
   *
   * @param payload At most 1 MB as JSON.
   */
  invokeAsync(functionName: string, payload: Json): Promise<{ readonly status: 'accepted' | 'throttled' }>;
}
