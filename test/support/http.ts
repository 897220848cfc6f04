import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined when it is not. */
  readonly json: unknown;
}

const TIMEOUT_MS = 30_000;

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** One request, one answer; `body` that is no string goes as JSON. */
export const http = async (
  method: string,
  url: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<HttpAnswer> => {
  const { body, headers = {} } = options;
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
};

/** Asks until `done` holds. @throws when it does not within `timeoutMs`, with the last answer. */
export const until = async <T>(
  ask: () => Promise<T>,
  done: (value: T) => boolean,
  timeoutMs: number,
  everyMs = 100,
): Promise<T> => {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    if (performance.now() > deadlineMs)
      throw new Error(`Not within ${timeoutMs} ms; the last answer: ${JSON.stringify(value)}`);
    await sleep(everyMs);
  }
};

const isStillRunning = ({ status, json }: HttpAnswer): boolean =>
  status === 409 && (json as { readonly type?: string } | undefined)?.type === 'idempotency-key-in-progress';

/**
 * As a client does that wants an answer: comes again after a 5xx, an answer that got lost, and while the first one still
 * runs. What it posts has an idempotency key, so that its repeats are one request.
 */
export const askPatiently = async (
  method: string,
  url: string,
  request: NonNullable<Parameters<typeof http>[2]>,
  patienceMs: number,
): Promise<HttpAnswer> => {
  const key: Record<string, string> = method === 'POST' ? { 'idempotency-key': randomUUID() } : {};
  const headers = { ...key, ...request.headers };
  const answer = await until(
    () => http(method, url, { ...request, headers }).catch(() => undefined),
    (given) => given !== undefined && given.status < 500 && !isStillRunning(given),
    patienceMs,
    200,
  );
  if (answer === undefined) throw new Error('There was no answer.');
  return answer;
};
