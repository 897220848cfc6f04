import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildApp } from 'fauxqs';

/** A call to SQS as it came in. */
export interface QueueCall {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a test puts in the place of an answer; `drop` cuts the connection; undefined lets the queues answer. */
export type Interference = { readonly status: number; readonly body: string } | 'drop' | undefined;

/** A bare SQS on a free loopback port: the queues alone, without the rest of the endpoint. */
export interface Queues {
  readonly url: string;
  /** Every call so far. Kept only when `interfere` was given. */
  readonly calls: readonly QueueCall[];
  close(): Promise<void>;
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

/** Starts queues that live in this process; `interfere` may answer in their place. */
export const startQueues = async (interfere?: (call: QueueCall) => Interference): Promise<Queues> => {
  const app = buildApp({ logger: false });
  await app.ready();
  const calls: QueueCall[] = [];

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    decide: (call: QueueCall) => Interference,
  ): Promise<void> => {
    const payload = await bodyOf(request);
    const operation = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
    const call = { operation, input: JSON.parse(payload) as QueueCall['input'] };
    calls.push(call);
    const instead = decide(call);
    if (instead === 'drop') return void request.socket.destroy();
    if (instead !== undefined) return void response.writeHead(instead.status).end(instead.body);
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': String(request.headers['x-amz-target']),
    };
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/', headers, payload });
    response.writeHead(statusCode).end(body);
  };

  const server = createServer((request, response) => {
    if (interfere === undefined) app.routing(request, response);
    else void answer(request, response, interfere).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return Object.freeze({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await app.close();
    },
  });
};
