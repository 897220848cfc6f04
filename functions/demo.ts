import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a demo knows of the running stack: the stack file, less what it does not need. */
export interface DemoStack {
  readonly apiUrl: string;
  readonly awsEndpointUrl: string;
  readonly adminToken: string;
  readonly stackDir: string;
  readonly queues: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
}

/** Where a demo shows how far it is. */
export interface DemoScreen {
  say(line: string): void;
  /** A bar of `total` steps; `update` moves it, `stop` leaves it as it is. */
  progress(label: string, total: number): { update(done: number): void; stop(): void };
}

/** One thing that a demo showed: what was to be seen, what was seen, and whether it held. */
export interface Shown {
  readonly what: string;
  readonly seen: string;
  readonly held: boolean;
}

export interface Demo {
  readonly pattern: string;
  readonly run: (stack: DemoStack, screen: DemoScreen, signal: AbortSignal) => Promise<readonly Shown[]>;
}

const PATIENT_DELAY_MS = 500;
const REQUEST_TIMEOUT_MS = 30_000;
const UNAVAILABLE_TRIES = 100;
const UNAVAILABLE_DELAY_MS = 200;

/** An answer that the demo did not plan for. Says which request, and what came back. */
class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/**
 * After a 503 what was asked may have been done in part: the routes that demos change things by do the same once more
 * when they are asked again, those that create under the same key. After a 502 (a function died) only what changes nothing.
 */
const mayRepeat = (method: string, status: number): boolean => status === 503 || (status === 502 && method === 'GET');

/**
 * Calls a route of the stack and gives the answer's JSON. While the functions are being restarted it tries again, up
 * to 20 s, where that is safe. What it posts has an idempotency key, so that its repeats are one request.
 *
 * @throws {@link UnexpectedAnswer} for any other status that is not 2xx.
 */
export const callStack = async <T>(
  stack: Pick<DemoStack, 'apiUrl' | 'adminToken'>,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  options: { readonly body?: unknown; readonly admin?: boolean; readonly signal?: AbortSignal } = {},
): Promise<T> => {
  const headers: Record<string, string> = {
    ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
    ...(options.admin === true ? { authorization: `Bearer ${stack.adminToken}` } : {}),
  };
  for (let tries = 1; ; tries += 1) {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(`${stack.apiUrl}${path}`, {
      method,
      headers,
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
    if (!mayRepeat(method, response.status) || tries >= UNAVAILABLE_TRIES)
      throw new UnexpectedAnswer(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 500)}`);
    await sleep(UNAVAILABLE_DELAY_MS, undefined, { signal: options.signal });
  }
};

/**
 * Asks again and again until there is an answer, for `patienceMs` at the most: of what may be asked twice, while the demo
 * kills the functions.
 */
export const patiently = async <T>(
  ask: () => Promise<T>,
  { signal, patienceMs }: { readonly signal?: AbortSignal; readonly patienceMs: number },
): Promise<T> => {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (signal?.aborted === true || performance.now() > deadlineMs) throw error;
      await sleep(PATIENT_DELAY_MS, undefined, { signal });
    }
  }
};
