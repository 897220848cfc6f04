import type * as v from 'valibot';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';
import type { Api, Route, Schema } from './api.ts';
import type { RawAnswer, RawRequest } from './raw.ts';

/** What went wrong with each field, e.g. `{'items.0.id': ['Expected 1 character or more.']}`. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>;
export type AnswerHeaders = Readonly<Record<string, string>>;

/** A refusal, as a value. */
export interface Problem {
  readonly kind: 'problem';
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: FieldErrors;
  /** Members of its own, beside those of every problem. */
  readonly members?: Readonly<Record<string, Json>>;
  readonly headers: AnswerHeaders;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** The statuses that a problem may have. */
const PROBLEM_STATUSES: readonly number[] = Object.freeze(Object.keys(TITLES).map(Number));

// They ask the client to come again; without a time it would come at once.
const WITH_RETRY_AFTER = new Set([429, 503, 504]);

/**
 * A problem in the sense of RFC 9457. It is an answer like any other: handlers return it, they do not throw it.
 *
 * `type` defaults to `about:blank`, `title` to the status in words; 429, 503 and 504 get `retry-after: 1` unless
 * `headers` say otherwise. `detail` is read by people: no insides, no stack, nothing secret. `members` are read by
 * programs, e.g. who holds a lock that is refused.
 *
 * @throws {@link InvalidArgumentError} when the status is not one of {@link PROBLEM_STATUSES}
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export const problem = (
  status: number,
  options: {
    readonly type?: string;
    readonly title?: string;
    readonly detail: string;
    readonly errors?: FieldErrors;
    readonly members?: Readonly<Record<string, Json>>;
    readonly headers?: AnswerHeaders;
  },
): Problem => {
  const title = TITLES[status];
  if (title === undefined) {
    throw new InvalidArgumentError(`Expected 'status' to be one of ${PROBLEM_STATUSES.join(', ')}, got ${status}.`);
  }
  return Object.freeze({
    kind: 'problem',
    status,
    type: options.type ?? 'about:blank',
    title: options.title ?? title,
    detail: options.detail,
    ...(options.errors === undefined ? {} : { errors: options.errors }),
    ...(options.members === undefined ? {} : { members: options.members }),
    headers: { ...(WITH_RETRY_AFTER.has(status) ? { 'retry-after': '1' } : {}), ...options.headers },
  });
};

export const isProblem = (value: object): value is Problem => 'kind' in value && value.kind === 'problem';

/** A `retry-after` header: whole seconds, at least one. */
export const retryAfter = (ms: number): AnswerHeaders => ({ 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) });

type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [name in Name extends `${infer Greedy}+` ? Greedy : Name]: string } & PathParams<Rest>
  : unknown;

type DeepReadonly<T> = T extends object ? { readonly [key in keyof T]: DeepReadonly<T[key]> } : T;

type ParamsOf<R extends Route> = R extends { readonly params: infer S extends Schema }
  ? v.InferOutput<S>
  : PathParams<R['path']>;
type QueryOf<R extends Route> = R extends { readonly query: infer S extends Schema } ? v.InferOutput<S> : undefined;
type BodyOf<R extends Route> = R extends { readonly body: infer S extends Schema } ? v.InferOutput<S> : undefined;

/** What a handler gets: everything is validated. */
export interface Request<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The request to hand on, where the route is `raw`. */
  readonly raw: R extends { readonly raw: true } ? RawRequest : undefined;
  /** By lower-case name; a header that came more than once is joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Where the request came from, as the platform says; empty where it does not. */
  readonly address: string;
  /** Carries the trace id in each entry. */
  readonly log: Log;
  /** To hand on: as header, or as message attribute {@link TRACEPARENT}. */
  readonly traceparent: string;
  /** Aborted a little before the function's own time limit; the client is answered 504 then. */
  readonly signal: AbortSignal;
  /**
   * A UUID for what this request creates. The same whenever the same request with the same `idempotency-key` is run
   * again after a crash, so that the second run finds the first one's work; a new one for a request without a key.
   */
  readonly operationId: string;
  /** What an `idempotency-key` belongs to, the route and the caller, where the handler looks after it; else empty. */
  readonly keyScope: string;
  /** How long the client will be waited for: what the function has left, less the time to answer. */
  readonly remainingMs: number;
}

type AnswerOf<Status, Body> = Body extends undefined
  ? { readonly status: Status; readonly body?: undefined; readonly headers?: AnswerHeaders }
  : { readonly status: Status; readonly body: DeepReadonly<Body>; readonly headers?: AnswerHeaders };

type AnswersOf<R extends Route> = {
  [status in keyof R['answers']]: R['answers'][status] extends Schema
    ? AnswerOf<status, v.InferInput<R['answers'][status]>>
    : never;
}[keyof R['answers']];

/** An answer whatever its route. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: AnswerHeaders;
}

/** A handler: calls the pattern and shapes the answer. Expected refusals are values, made by {@link problem}. */
export type Handler<R extends Route> = (
  request: Request<R>,
) => Promise<(R extends { readonly raw: true } ? RawAnswer : AnswersOf<R>) | Problem>;

/** One handler for each route of the API, with types that come from the route's schemas. */
export type Handlers<A extends Api> = { readonly [name in keyof A['routes']]: Handler<A['routes'][name]> };
