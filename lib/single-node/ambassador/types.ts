import type { Target } from './target.ts';

/** Headers by lower-case name, with all their values. */
export type HeaderValues = Readonly<Record<string, readonly string[]>>;

/** A request to a service, whatever it is for. The edge has stripped what is between neighbours. */
export interface ServiceRequest {
  readonly method: string;
  /** Below the service's own path, percent-encoded, without a slash before it. */
  readonly path: string;
  /** Without the question mark; perhaps empty. */
  readonly query: string;
  readonly headers: HeaderValues;
  readonly body: Uint8Array;
}

/** What a service answered, as it is. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: HeaderValues;
  readonly body: Uint8Array;
}

/** A service as the registry has it. */
export interface Service {
  readonly target: Target;
  /** As it was registered. */
  readonly url: string;
  /** Asked, by GET, before the first request that follows a failure; a 2xx says that the service is well. */
  readonly healthPath?: string;
  /** How long one attempt may take. 1..28_000 ms. */
  readonly timeoutMs: number;
}

/**
 * Sends one request, once, and gives the whole answer.
 *
 * Rejects with `UnavailableError` when no connection was made (nothing was applied), with `OutcomeUnknownError` when
 * it was sent and the answer did not come, with {@link TargetRefusedError} when the target may not be connected to.
 * An abort ends the connection.
 */
export type Transport = (
  call: {
    readonly target: Target;
    readonly method: string;
    /** With the base path of the target and the query. */
    readonly path: string;
    readonly headers: HeaderValues;
    readonly body: Uint8Array;
    /**
     * A connection that was kept may have ended unseen, and then nobody knows whether the request arrived: what must not
     * be sent twice gets a new one.
     */
    readonly onNewConnection: boolean;
  },
  signal: AbortSignal,
) => Promise<ServiceAnswer>;
