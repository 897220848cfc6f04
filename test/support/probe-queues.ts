import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildApp } from 'fauxqs';

/** A bare SQS on a free loopback port: the queues alone, without the rest of the endpoint. */
export interface Queues {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts queues that live in this process. */
export const startQueues = async (): Promise<Queues> => {
  const app = buildApp({ logger: false });
  await app.ready();
  const server = createServer((request, response) => app.routing(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return Object.freeze({
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await app.close();
    },
  });
};
