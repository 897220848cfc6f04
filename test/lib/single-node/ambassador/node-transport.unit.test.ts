import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  createServer as createSocketServer,
  type AddressInfo,
  type Server as SocketServer,
  type Socket,
} from 'node:net';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { AnswerTooLongError, TargetRefusedError } from '#single-node/ambassador/errors';
import { nodeTransport } from '#single-node/ambassador/node-transport';
import { readTarget } from '#single-node/ambassador/target';
import { text } from './memory.ts';

const never = new AbortController().signal;
const open: (Server | SocketServer)[] = [];

const listen = async <S extends Server | SocketServer>(server: S): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return (server.address() as AddressInfo).port;
};
afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

const transportTo = (port: number, more: Partial<Parameters<typeof nodeTransport>[0]> = {}) => {
  const send = nodeTransport({
    localTargets: [`127.0.0.1:${port}`, `service.test:${port}`],
    maxSockets: 10,
    maxAnswerBytes: 1_000,
    ...more,
  });
  return (
    options: {
      method?: string;
      path?: string;
      host?: string;
      headers?: Record<string, string[]>;
      body?: string;
      onNewConnection?: boolean;
      signal?: AbortSignal;
    } = {},
  ) => {
    const {
      method = 'GET',
      path = '/',
      host = '127.0.0.1',
      headers = {},
      body = '',
      onNewConnection = false,
      signal = never,
    } = options;
    const target = readTarget(`http://${host}:${port}`);
    if (!target.ok) throw new Error(target.reason);
    return send({ target: target.value, method, path, headers, body: Buffer.from(body), onNewConnection }, signal);
  };
};

test('a request arrives as it is, and so does the answer', async () => {
  let seen: unknown;
  const port = await listen(
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headersDistinct } = request;
        seen = {
          method,
          url,
          many: headersDistinct['x-many'],
          length: headersDistinct['content-length'],
          body: Buffer.concat(chunks).toString(),
        };
        response.writeHead(
          299,
          [
            ['x-many', '1'],
            ['X-Many', '2'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ].flat(),
        );
        response.end(Buffer.from([0, 255]));
      });
    }),
  );
  const send = transportTo(port);
  const answer = await send({
    method: 'PATCH',
    path: '/a/..%2f?q=1',
    headers: { 'x-many': ['a', 'b'] },
    body: 'hello',
  });
  expect(seen).toEqual({ method: 'PATCH', url: '/a/..%2f?q=1', many: ['a', 'b'], length: ['5'], body: 'hello' });
  expect([answer.status, answer.headers['x-many'], answer.headers['set-cookie']]).toEqual([
    299,
    ['1', '2'],
    ['a=1', 'b=2'],
  ]);
  expect(Buffer.from(answer.body)).toEqual(Buffer.from([0, 255]));
});

test('a redirect is an answer like any other: it is not followed', async () => {
  let count = 0;
  const port = await listen(
    createServer((_, response) => {
      count += 1;
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    }),
  );
  const answer = await transportTo(port)();
  expect([answer.status, count]).toEqual([302, 1]);
});

describe('who is connected to', () => {
  test('a name that has another address by now is judged again at the connection: DNS rebinding', async () => {
    let asked = 0;
    const port = await listen(createServer((_, response) => response.end('inside')));
    const send = transportTo(port, {
      localTargets: [],
      resolve: async () => ((asked += 1) > 0 ? ['127.0.0.1'] : ['1.1.1.1']),
    });
    await expect(send({ host: 'service.test' })).rejects.toThrow(TargetRefusedError);
    await expect(send({ host: '127.0.0.1' })).rejects.toThrow(TargetRefusedError);
    expect(asked).toBe(1);
  });

  test('the address that was judged is the one that is connected to, by one look-up a connection', async () => {
    let asked = 0;
    const port = await listen(createServer((request, response) => response.end(request.headers.host)));
    const send = transportTo(port, { resolve: async () => ((asked += 1) === 1 ? ['127.0.0.1'] : ['203.0.113.1']) });
    expect(text((await send({ host: 'service.test' })).body)).toBe(`service.test:${port}`);
    await send({ host: 'service.test' });
    expect(asked).toBe(1);
  });

  test('a name that cannot be resolved now may be later', async () => {
    const port = await listen(createServer());
    const send = transportTo(port, { resolve: () => Promise.reject(new Error('EAI_AGAIN')) });
    await expect(send({ host: 'service.test' })).rejects.toThrow(UnavailableError);
  });
});

describe('what is known of a request that failed', () => {
  test('no connection: nothing was sent', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    open.splice(0);
    await expect(transportTo(port)()).rejects.toThrow(UnavailableError);
  });

  test.each([
    ['cuts the connection', (socket: Socket) => socket.destroy()],
    ['answers what is no HTTP', (socket: Socket) => socket.end('hello\r\n')],
    ['ends within its answer', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc')],
    [
      'answers with two lengths',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
    ],
  ])('a service that %s: nobody knows', async (_what, behave) => {
    const port = await listen(
      createSocketServer((socket) => socket.once('data', () => behave(socket)).on('error', () => undefined)),
    );
    await expect(transportTo(port)()).rejects.toThrow(OutcomeUnknownError);
  });

  test('an abort ends the connection, and nobody knows', async () => {
    const closed = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const port = await listen(
      createServer((request) => {
        request.socket.once('close', () => closed.resolve());
        asked.resolve();
      }),
    );
    const controller = new AbortController();
    const sent = transportTo(port)({ signal: controller.signal });
    const caught = sent.catch((error: unknown) => error);
    await asked.promise;
    controller.abort(new Error('left'));
    expect(await caught).toBeInstanceOf(OutcomeUnknownError);
    await closed.promise;
  });

  test('an answer that is too long is given up', async () => {
    const port = await listen(createServer((_, response) => response.end('x'.repeat(1_001))));
    await expect(transportTo(port)()).rejects.toThrow(AnswerTooLongError);
  });
});

test('connections are kept, except by what must not be sent on a kept one', async () => {
  const sockets = new Set<Socket>();
  const port = await listen(
    createServer((request, response) => {
      sockets.add(request.socket);
      response.end();
    }),
  );
  const send = transportTo(port);
  await send();
  await send();
  expect(sockets.size).toBe(1);
  await send({ method: 'POST', onNewConnection: true });
  expect(sockets.size).toBe(2);
});

test('options that cannot be right are refused', () => {
  expect(() => nodeTransport({ maxSockets: 0, maxAnswerBytes: 1 })).toThrow("'maxSockets'");
  expect(() => nodeTransport({ maxSockets: 1, maxAnswerBytes: 5_000_001 })).toThrow("'maxAnswerBytes'");
});
