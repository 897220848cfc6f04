import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callStack } from '../../functions/demo.ts';

let server: Server;
let seen: IncomingHttpHeaders[] = [];
let apiUrl = '';

beforeEach(async () => {
  seen = [];
  // The first request may have been done, but its answer is 503.
  server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(seen.length === 1 ? 503 : 200).end('{"a":1}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('what a demo posts again after a 503 is one request: it has the key of the first', async () => {
  expect(await callStack({ apiUrl, adminToken: 't' }, 'POST', '/jobs', { body: {} })).toEqual({ a: 1 });
  const keys = seen.map(({ 'idempotency-key': key }) => key);
  expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0]]);
  await callStack({ apiUrl, adminToken: 't' }, 'POST', '/jobs', { body: {} });
  expect(seen.at(-1)?.['idempotency-key']).not.toBe(keys[0]);
});

test('what it only reads needs none', async () => {
  expect(await callStack({ apiUrl, adminToken: 't' }, 'GET', '/jobs')).toEqual({ a: 1 });
  expect(seen.map((headers) => 'idempotency-key' in headers)).toEqual([false, false]);
});
