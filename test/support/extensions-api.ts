import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const IDENTIFIER = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';

/**
 * As much of Lambda's Extensions API as an extension sees: registers one, hands out events when it asks, and knows
 * whether the environment would be frozen (the extension has asked for the next event, and there is none).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export const extensionsApi = async (options: { readonly registerStatus?: number } = {}) => {
  const calls: ApiCall[] = [];
  const events: Answer[] = [];
  let waiting: ServerResponse | undefined;

  const answer = (response: ServerResponse, { status, body = { status: 'OK' } }: Answer): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'lambda-extension-identifier': IDENTIFIER });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

  const handOut = (): void => {
    const [event] = events;
    if (waiting === undefined || event === undefined) return;
    events.shift();
    answer(waiting, event);
    waiting = undefined;
  };

  const dispatch = (call: ApiCall, response: ServerResponse): void => {
    calls.push(call);
    const route = `${call.method} ${call.path.replace('/2020-01-01/extension', '')}`;
    if (route === 'POST /register') {
      const body = { functionName: 'legacy', functionVersion: '$LATEST', handler: 'index.handler' };
      answer(response, { status: options.registerStatus ?? 200, body });
    } else if (call.headers['lambda-extension-identifier'] !== IDENTIFIER) answer(response, { status: 403 });
    else if (route === 'GET /event/next') {
      waiting = response;
      handOut();
    } else answer(response, { status: /^POST \/(init|exit)\/error$/.test(route) ? 202 : 404 });
  };

  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      dispatch({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }, response);
    });
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');

  const push = (event: Answer): void => {
    events.push(event);
    handOut();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    paths: () => calls.map(({ path }) => path.replace('/2020-01-01/extension', '')),
    isFrozen: () => waiting !== undefined,
    invoke: (requestId: string, deadlineMs: number) =>
      push({
        status: 200,
        body: { eventType: 'INVOKE', requestId, deadlineMs, invokedFunctionArn: 'arn', tracing: {} },
      }),
    shutdown: (deadlineMs: number, shutdownReason = 'spindown') =>
      push({ status: 200, body: { eventType: 'SHUTDOWN', shutdownReason, deadlineMs } }),
    push,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
