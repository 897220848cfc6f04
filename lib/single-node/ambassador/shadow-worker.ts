import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { ReceivedMessage } from '#primitives/queue';
import { absent, type Table } from '#primitives/table';
import { headersFor, isIdempotent, pathAt } from './forwarding.ts';
import type { Registry } from './registry.ts';
import type { ShadowCopy } from './shadow.ts';
import type { HeaderValues, Transport } from './types.ts';

export interface ShadowWorkerOptions {
  readonly registry: Registry;
  readonly transport: Transport;
  /** Where the worker marks what must not be sent twice. */
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
}

/** What became of a copy. */
export type ShadowEnd = 'sent' | 'failed' | 'repeated' | 'unreadable' | 'unknown-service';

/** A queue delivers again for at most so long. */
const KEEP_MS = 15 * 86_400_000;

const isText = (value: unknown): value is string => typeof value === 'string';
const isHeaders = (value: unknown): value is HeaderValues =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((values: unknown) => Array.isArray(values) && values.every(isText));

/** Undefined for what we have not written. */
const copyOf = (text: string): ShadowCopy | undefined => {
  try {
    const { service, traceparent, method, path, query, headers, body } = JSON.parse(text) as Record<string, unknown>;
    if (![service, traceparent, method, path, query, body].every(isText) || !isHeaders(headers)) return undefined;
    return {
      service: String(service),
      traceparent: String(traceparent),
      request: {
        method: String(method),
        path: String(path),
        query: String(query),
        headers,
        body: Buffer.from(String(body), 'base64'),
      },
    };
  } catch {
    return undefined;
  }
};

/**
 * Sends one copy to its service, once, marked by `x-shadow: true`, and forgets the answer. Never rejects: a copy that
 * fails is not worth another try, it would come late and out of order.
 *
 * A queue may deliver twice: a copy that may not be sent twice is marked in the table first (1 write). A crash between
 * mark and sending loses the copy.
 */
export const shadowWorker = (
  options: ShadowWorkerOptions,
): ((message: Pick<ReceivedMessage, 'id' | 'body'>, timeoutMs: number) => Promise<ShadowEnd>) => {
  checkNames(options, ['registry', 'transport', 'table', 'clock', 'log']);
  const { registry, transport, table, clock, log } = options;

  const isFirst = async (id: string): Promise<boolean> => {
    const key = { partition: `shadow/${id}`, sort: 'sent' };
    const outcome = await table.put({ key, fields: {}, condition: absent(), expiresAtMs: clock.nowMs() + KEEP_MS });
    return outcome.status === 'written';
  };

  const send = async (
    id: string,
    { service: name, request, traceparent }: ShadowCopy,
    timeoutMs: number,
  ): Promise<ShadowEnd> => {
    const service = await registry.get(name);
    const path = service === undefined ? undefined : pathAt(service, request);
    if (service === undefined || path === undefined) return 'unknown-service';
    const idempotent = isIdempotent(request);
    if (!idempotent && !(await isFirst(id))) return 'repeated';
    const limitMs = Math.max(1, Math.min(service.timeoutMs, timeoutMs));
    const [late, over] = [new AbortController(), new AbortController()];
    clock.sleep(limitMs, over.signal).then(
      () => late.abort(new Error('The shadow did not answer in time.')),
      () => undefined,
    );
    const headers = headersFor(request, { traceparent, remainingMs: limitMs, isShadow: true });
    const { method, body } = request;
    try {
      await transport(
        { target: service.target, method, path, headers, body, onNewConnection: !idempotent },
        late.signal,
      );
      return 'sent';
    } finally {
      over.abort();
    }
  };

  return async ({ id, body }, timeoutMs) => {
    const copy = copyOf(body);
    if (copy === undefined) {
      log.warn('a shadow copy cannot be read', { message: id });
      return 'unreadable';
    }
    try {
      return await send(id, copy, timeoutMs);
    } catch (error) {
      log.warn('a shadow copy was not answered', { service: copy.service, error });
      return 'failed';
    }
  };
};
