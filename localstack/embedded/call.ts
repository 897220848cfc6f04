import type { IncomingHttpHeaders } from 'node:http';

/** Who made a call, as far as it matters here: whether somebody still waits for the answer. */
export interface Caller {
  readonly left: boolean;
  /** Calls `listener` once when the caller goes away before it was answered. Gives what takes the listener back. */
  onLeft(listener: () => void): () => void;
}

/** One call of an AWS API, its body read in full. */
export interface Call {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly caller: Caller;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, number | string | readonly string[]>>;
  readonly body: Buffer | string;
}

/** `cut`: the caller gets no answer, its connection is closed. */
export type Outcome = Answer | 'cut';

/** Applies a call and answers it. What AWS would answer with an error is an answer too, not an exception. */
export type Backend = (call: Call) => Promise<Answer>;

export const SERVICES = [
  'sqs',
  'sns',
  's3',
  'sts',
  'dynamodb',
  'dynamodbstreams',
  'events',
  'scheduler',
  'lambda',
] as const;
export type Service = (typeof SERVICES)[number];

/** What is called: `sqs.SendMessage`. */
export interface Operation {
  readonly service: Service;
  readonly name: string;
}

/** A caller inside of this process, which always waits. */
export const patientCaller: Caller = Object.freeze({ left: false, onLeft: () => () => undefined });

/** The body as JSON, undefined when it is not. An empty body is `{}`, as AWS takes it. */
export const jsonOf = (body: Buffer | string): unknown => {
  if (body.length === 0) return {};
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return parsed;
  } catch {
    return undefined;
  }
};

export type JsonObject = { readonly [name: string]: unknown };

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same call with another body. */
export const withBody = (call: Call, body: unknown): Call => ({ ...call, body: Buffer.from(JSON.stringify(body)) });
