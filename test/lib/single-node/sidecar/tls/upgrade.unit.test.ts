import { once } from 'node:events';
import type { Server } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { eventually } from '../../../../support/eventually.ts';
import { dial, exchange, terminator } from './terminator.ts';

type Terminator = Awaited<ReturnType<typeof terminator>>;

let one: Terminator | undefined;
afterEach(() => one?.close());

const ask =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n';

/** A program that repeats what it is sent, and says what it was told. */
const repeater = (server: Server): void => {
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const from = request.headers['x-forwarded-for'];
    socket.write(`HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-From: ${String(from)}\r\n\r\n`);
    socket.write(head);
    socket.pipe(socket);
  });
};

const collect = (socket: TLSSocket): (() => string) => {
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (part: Buffer) => {
    text += part.toString();
  });
  return () => text;
};

test('a WebSocket goes through in both directions, what was sent with the request too', async () => {
  one = await terminator(() => undefined, { onProgram: repeater });
  const socket = await dial(one.port);
  const seen = collect(socket);
  socket.write(`${ask}early`);
  await eventually(() => seen().endsWith('early'));
  expect(seen()).toMatch(/^HTTP\/1.1 101 /);
  expect(seen()).toContain('X-From: 127.0.0.1\r\n');
  socket.write('late');
  await eventually(() => seen().endsWith('earlylate'));
  expect(one.report()).toMatchObject({ upgrades: 1, requests: 0 });
  socket.end();
  await once(socket, 'close');
});

test('a WebSocket in which nobody speaks is closed, one in which somebody does is not', async () => {
  one = await terminator(() => undefined, { onProgram: repeater });
  const { clock } = one.place;
  const socket = await dial(one.port);
  const seen = collect(socket);
  socket.write(ask);
  await eventually(() => seen().includes('\r\n\r\n'));
  for (let round = 0; round < 3; round += 1) {
    socket.write(`${round}`);
    await eventually(() => seen().endsWith(`${round}`));
    await clock.advance(10_000);
  }
  expect(socket.destroyed).toBe(false);
  const closed = once(socket, 'close');
  await clock.advance(10_000);
  await clock.advance(10_000);
  await expect(closed).resolves.toBeDefined();
});

test('a program that does not upgrade gives its own answer, and one that is down is a 502', async () => {
  one = await terminator((_request, response) => {
    response.writeHead(403);
    response.end('no');
  });
  const refused = await exchange(one.port, ask);
  expect(refused).toMatch(/^HTTP\/1.1 403 [^]*no/);
  one.server.closeAllConnections();
  one.server.close();
  await once(one.server, 'close');
  expect(await exchange(one.port, ask)).toMatch(/^HTTP\/1.1 502 /);
});

test('a request for another protocol is answered as if it had not been asked for', async () => {
  one = await terminator((request, response) => response.end(String(request.headers.upgrade)), {
    onProgram: repeater,
  });
  const answer = await exchange(
    one.port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1.1 200 [^]*undefined/);
});

test('a stop closes WebSockets, which would not end by themselves', async () => {
  one = await terminator(() => undefined, { onProgram: repeater });
  const socket = await dial(one.port);
  const seen = collect(socket);
  socket.write(ask);
  await eventually(() => seen().includes('\r\n\r\n'));
  const closed = once(socket, 'close');
  one.place.end();
  await expect(one.sidecar.stop?.(new AbortController().signal)).resolves.toBeUndefined();
  await expect(closed).resolves.toBeDefined();
});
