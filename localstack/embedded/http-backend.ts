import { Agent, request as httpRequest } from 'node:http';
import { serverFault } from './answers.ts';
import type { Answer, Backend, Call } from './call.ts';
import { operationOf } from './operation.ts';
import { readBody } from './request-body.ts';

/** A long poll holds a connection; so many at once are enough for the local stack's 1 250 batches on few queues. */
const MAX_CONNECTIONS = 256;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', 'expect']);

export interface HttpBackend {
  readonly apply: Backend;
  close(): void;
}

const endToEnd = (headers: Call['headers']): Record<string, string | readonly string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || HOP_BY_HOP.has(name) ? [] : [[name, value]],
    ),
  );

/** Passes calls on to another server over kept connections. One that is not there is a server fault of the service. */
export const httpBackend = (url: string): HttpBackend => {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });

  const send = (call: Call): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = { ...endToEnd(call.headers), 'content-length': call.body.length };
      const outgoing = httpRequest(
        { hostname, port, agent, method: call.method, path: call.url, headers },
        (incoming) => {
          readBody(incoming, MAX_ANSWER_BYTES).then((body) => {
            if (body === undefined) reject(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
            else resolve({ status: incoming.statusCode ?? 502, headers: endToEnd(incoming.headers), body });
          }, reject);
        },
      );
      const forget = call.caller.onLeft(() => outgoing.destroy(new Error('the caller left')));
      outgoing.once('close', forget);
      outgoing.once('error', reject);
      outgoing.end(call.body);
    });

  return Object.freeze({
    apply: async (call: Call) => {
      try {
        return await send(call);
      } catch (error) {
        const { service } = operationOf(call);
        return serverFault(
          service,
          `${url} does not answer: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
    close: () => agent.destroy(),
  });
};
