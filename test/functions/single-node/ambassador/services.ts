import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StackAddress } from '../../../../localstack/stack-file.ts';
import { http } from '../../../support/http.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

/** A service of the test's own, at an address that has to be declared. */
export interface TestService {
  readonly url: string;
  readonly host: string;
  /** What it was asked so far. */
  readonly seen: Seen[];
  /** How it answers from now on; without, 200 and the path. */
  behave(how: ((request: Seen, response: ServerResponse) => void) | undefined): void;
  close(): Promise<void>;
}

export const startService = async (): Promise<TestService> => {
  const seen: Seen[] = [];
  let behave: ((request: Seen, response: ServerResponse) => void) | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString(), atMs: performance.now() };
      seen.push(one);
      if (behave === undefined) response.end(url);
      else behave(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    seen,
    behave: (how) => {
      behave = how;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** The routes of the ambassador, with the admin token. */
export const ambassador = (info: Pick<StackAddress, 'apiUrl' | 'adminToken'>) => {
  const headers = { authorization: `Bearer ${info.adminToken}` };
  const ask = (method: string, path: string, options: Parameters<typeof http>[2] = {}) =>
    http(method, `${info.apiUrl}/ambassador${path}`, options);
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await ask('PUT', path, { headers, body });
    expect({ path, status: answer.status, text: answer.text }).toMatchObject({ path, status: 200 });
  };
  return { ask, put };
};
