import { PatternError } from '#primitives/errors';

/**
 * The call did not end in its time, and its caller waits no longer. It was told to stop by its signal; what it did is
 * unknown, and what it still comes to is dropped.
 */
export class TimeoutError extends PatternError {
  constructor(timeoutMs: number) {
    super('resilience/timeout', `Expected an end within ${Math.round(timeoutMs)} ms.`, { retryable: true });
  }
}

/** The breaker is open: the call was not begun. */
export class CircuitOpenError extends PatternError {
  /** When the next probe may go out, as far as this host knows, 0 and more. Then some caller may pass. */
  readonly retryAfterMs: number;

  constructor(name: string, retryAfterMs: number) {
    super('resilience/circuit-open', `The circuit breaker '${name}' is open: nothing was called.`, { retryable: true });
    this.retryAfterMs = Math.max(0, retryAfterMs);
  }
}
