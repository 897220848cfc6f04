/**
 * The base of every error that the library raises. Expected outcomes are values; an error is what the caller could not
 * plan for.
 */
export class PatternError extends Error {
  /** `area/kind`, stable over releases: match on it, never on the message. */
  readonly code: string;
  /** True when the same call may succeed later and repeating it is safe. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Whether the same call may succeed later, and repeating it is safe. */
export const isRetryable = (error: unknown): error is PatternError => error instanceof PatternError && error.retryable;

/**
 * The call was sent and its answer was lost: it may or may not have been applied. Unknown is not failed: read the
 * record (or repeat an idempotent call) to find out.
 */
export class OutcomeUnknownError extends PatternError {
  constructor(what: string, cause?: unknown) {
    super('primitives/outcome-unknown', `${what}: the answer was lost, the call may have been applied`, {
      retryable: true,
      cause,
    });
  }
}

/** The primitive refuses for now (throttled, overloaded, no connection was made): nothing was applied. */
export class UnavailableError extends PatternError {
  constructor(what: string, cause?: unknown) {
    super('primitives/unavailable', `${what}: unavailable, nothing was applied`, { retryable: true, cause });
  }
}

/** The object has more bytes than its reader takes: none of them were read. */
export class ObjectTooLargeError extends PatternError {
  constructor(key: string, byteCount: number, maxBytes: number) {
    super('primitives/object-too-large', `object '${key}' has ${byteCount} bytes, at most ${maxBytes} are read`);
  }
}

/** An argument or option is outside what is allowed. The message says where, what is allowed and what was given. */
export class InvalidArgumentError extends PatternError {
  constructor(message: string) {
    super('primitives/invalid-argument', message);
  }
}
