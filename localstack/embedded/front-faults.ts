import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYWHERE, type Fault, type FaultInjector } from './faults.ts';
import { INTEGRATION_TIMEOUT_MS, MAX_BODY_BYTES, type FrontRoute } from './front.ts';
import { CRASH_AFTER_MS } from './invoke-function.ts';
import { readBody } from './request-body.ts';

interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const call = (url: string, request: IncomingMessage, body: Buffer): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      new URL(request.url ?? '/', url),
      { method: request.method ?? 'GET', headers: request.headers, timeout: INTEGRATION_TIMEOUT_MS },
      (incoming) => {
        readBody(incoming, MAX_BODY_BYTES).then(
          (answer) =>
            resolve({ status: incoming.statusCode ?? 502, headers: incoming.headers, body: answer ?? Buffer.alloc(0) }),
          reject,
        );
      },
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.once('error', reject);
    outgoing.end(body);
  });

/** Aborted when the client has left. */
const clientLeft = (request: IncomingMessage): AbortSignal => {
  const left = new AbortController();
  request.socket.once('close', () => left.abort());
  return left.signal;
};

/**
 * Lets the functions that are called over HTTP go wrong, as the switches say: the same kinds, and the same places
 * (`function/<name>`, `<pattern>/http`), as for those that queues call.
 */
export const functionFaultRoute = (options: {
  readonly faults: FaultInjector;
  /** The function that answers a path. */
  readonly functionOf: (url: string) => string;
  readonly functionHostUrl: () => string | undefined;
  readonly crashHost: () => void;
}): FrontRoute => {
  const apply = async (fault: Fault, request: IncomingMessage, url: string): Promise<HttpAnswer | 'cut' | 'error'> => {
    const body = await readBody(request, MAX_BODY_BYTES);
    if (body === undefined || fault.kind === 'error') return 'error';
    if (fault.kind === 'hang') {
      await sleep(fault.ms ?? INTEGRATION_TIMEOUT_MS, undefined, { signal: clientLeft(request) }).catch(
        () => undefined,
      );
      return 'cut';
    }
    if (fault.kind === 'crash') {
      const running = call(url, request, body).catch(() => undefined);
      await sleep(CRASH_AFTER_MS);
      options.crashHost();
      await running;
      return 'error';
    }
    if (fault.kind === 'delay') await sleep(fault.ms ?? 0);
    if (fault.kind === 'duplicate') await call(url, request, body);
    const answer = await call(url, request, body);
    return fault.kind === 'lose-answer' ? 'cut' : answer;
  };

  return async (request, response) => {
    const url = options.functionHostUrl();
    if (!options.faults.active || url === undefined) return false;
    const fault = options.faults.decide([`function/${options.functionOf(request.url ?? '/')}`], EVERYWHERE);
    if (fault === undefined) return false;
    const outcome = await apply(fault, request, url).catch((): 'error' => 'error');
    if (outcome === 'cut') response.destroy();
    else if (outcome === 'error') {
      response.writeHead(502, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: 'Internal server error' }));
    } else {
      response.writeHead(outcome.status, outcome.headers);
      response.end(outcome.body);
    }
    return true;
  };
};
