import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { Agent } from 'node:https';
import { connect, type Socket } from 'node:net';
import { InvalidArgumentError } from '#primitives/errors';
import { tlsSidecar } from '#single-node/sidecar/tls/tls-sidecar';
import { sidecarPlace } from '../../../../support/sidecar-place.ts';
import { eventually } from '../../../../support/eventually.ts';
import { pairFolder, pairFor, serialOf } from './pairs.ts';
import { dial, exchange, get, limits, portOf, serialAt, terminator } from './terminator.ts';

type Terminator = Awaited<ReturnType<typeof terminator>>;

const open: Terminator[] = [];
const started = async (...args: Parameters<typeof terminator>): Promise<Terminator> => {
  const one = await terminator(...args);
  open.push(one);
  return one;
};
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const echo: RequestListener = (request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (part: string) => {
    body += part;
  });
  request.on('end', () => {
    const { method, url, rawHeaders } = request;
    response.end(JSON.stringify({ method, url, rawHeaders, body }));
  });
};

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}
const echoed = (body: string): Echo => JSON.parse(body) as Echo;

test('what a client sends over TLS reaches the plain program, and its answer the client', async () => {
  const { port } = await started(echo);
  const reply = await get(port, '/a?b=c', { method: 'POST', body: 'hello' });
  expect(reply.status).toBe(200);
  expect(echoed(reply.body)).toMatchObject({ method: 'POST', url: '/a?b=c', body: 'hello' });
});

test('the program is told who came by TLS; what the client claims about itself is dropped', async () => {
  const { port } = await started(echo);
  const claims = {
    'X-Forwarded-For': '6.6.6.6',
    X_Forwarded_Proto: 'http',
    'x-forwarded-host': 'bank',
    Forwarded: 'for=6.6.6.6',
    'X-Real-IP': '6.6.6.6',
  };
  const reply = await get(port, '/', { headers: { ...claims, Host: 'shop.example' } });
  const { rawHeaders } = echoed(reply.body);
  expect(rawHeaders.filter((value) => /6\.6\.6\.6|bank|^http$/.test(value))).toEqual([]);
  const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
  expect(pairs).toEqual(
    expect.arrayContaining([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: shop.example',
      'Host: shop.example',
    ]),
  );
});

test('a renewed certificate is served to new connections, and connections that there are go on', async () => {
  const one = await started(echo);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  expect((await get(one.port, '/1', { agent })).status).toBe(200);
  const [socket] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  const next = await pairFor(['localhost']);
  one.files.write(next);
  await one.reload(() => JSON.stringify(one.report()).includes(serialOf(next)));
  expect(await serialAt(one.port)).toBe(serialOf(next));
  expect((await get(one.port, '/2', { agent })).status).toBe(200);
  expect(Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])).toEqual([socket]);
  agent.destroy();
});

test.each([
  ['cut off', ({ cert }: { cert: string }) => cert.slice(0, 200), 'no certificate'],
  ['empty', () => '', 'no certificate'],
  ['of another key', undefined, 'is not the key of'],
])('a certificate that is %s is not served: the one before is, and the report says why', async (_, spoil, reason) => {
  const one = await started(echo);
  const next = await pairFor(['localhost']);
  one.files.writeCert(spoil === undefined ? next.cert : spoil(next));
  await one.reload(() => JSON.stringify(one.report()).includes(reason));
  expect(JSON.stringify(one.report())).toContain(reason);
  expect(await serialAt(one.port)).toBe(serialOf(one.pair));
  // It is said once, not at each look.
  await one.reload(() => false, 10);
  const refusals = one.place.log.entries.filter(({ message }) => message === 'certificate refused');
  expect(refusals).toHaveLength(1);
  // The second half of the renewal comes: it is served.
  one.files.write(next);
  await one.reload(() => JSON.stringify(one.report()).includes(serialOf(next)));
  expect(await serialAt(one.port)).toBe(serialOf(next));
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session of %s is resumed until the certificate is renewed, and not over it',
  async (maxVersion) => {
    const one = await started((_request, response) => response.end('x'));
    const visit = async (session?: Buffer) => {
      const socket = await dial(one.port, { maxVersion, session });
      // The ticket comes with, or behind, the first answer.
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
      const visited = { reused: socket.isSessionReused(), session: socket.getSession() };
      socket.destroy();
      return visited;
    };
    const first = await visit();
    const second = await visit(first.session);
    expect(second.reused).toBe(true);
    const renewed = await pairFor(['localhost']);
    one.files.write(renewed);
    await one.reload(() => JSON.stringify(one.report()).includes(serialOf(renewed)));
    expect((await visit(second.session)).reused).toBe(false);
  },
);

test('a renewed certificate that is not valid now is not served', async () => {
  const one = await started(echo);
  const expired = await pairFor(['localhost'], { nowMs: Date.now() - 1_000_000, validMs: 1_000 });
  one.files.write(expired);
  await one.reload(() => JSON.stringify(one.report()).includes('expired'));
  expect(JSON.stringify(one.report())).toContain('expired');
  const early = await pairFor(['localhost'], { nowMs: Date.now() + 1_000_000 });
  one.files.write(early);
  await one.reload(() => JSON.stringify(one.report()).includes('is not valid before'));
  expect(JSON.stringify(one.report())).toContain('is not valid before');
  expect(await serialAt(one.port)).toBe(serialOf(one.pair));
});

test('it does not start with files that may not be served, and leaves nothing open', async () => {
  const files = pairFolder();
  const options = {
    certificates: [{ certFile: files.certFile, keyFile: files.keyFile }],
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: 1 },
    reloadMs: 1_000,
    limits,
  };
  await expect(tlsSidecar(options).start?.(sidecarPlace())).rejects.toThrow(/cert.pem cannot be read/);
  files.write({ ...(await pairFor(['localhost'])), key: (await pairFor(['localhost'])).key });
  await expect(tlsSidecar(options).start?.(sidecarPlace())).rejects.toThrow(/is not the key of/);
  files.remove();
});

test('with several pairs the server name chooses; without one, or with another, it is the first', async () => {
  const [a, b] = [pairFolder(), pairFolder()];
  const [pairA, pairB] = [await pairFor(['a.example']), await pairFor(['b.example'])];
  a.write(pairA);
  b.write(pairB);
  const place = sidecarPlace();
  const sidecar = tlsSidecar({
    certificates: [a, b].map(({ certFile, keyFile }) => ({ certFile, keyFile })),
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: 1 },
    reloadMs: 1_000,
    limits,
  });
  await sidecar.start?.(place);
  const port = portOf(sidecar);
  expect(await serialAt(port, 'b.example')).toBe(serialOf(pairB));
  expect(await serialAt(port, 'a.example')).toBe(serialOf(pairA));
  expect(await serialAt(port, 'c.example')).toBe(serialOf(pairA));
  expect(await serialAt(port)).toBe(serialOf(pairA));
  place.end();
  await sidecar.stop?.(AbortSignal.abort());
  for (const files of [a, b]) files.remove();
});

test('TLS 1.1 is refused', async () => {
  const { port } = await started(echo);
  await expect(dial(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })).rejects.toThrow(
    /alert protocol version/,
  );
});

test('a program that is down is a 502 with Retry-After, and comes back without a restart', async () => {
  const one = await started(echo);
  const { port } = one.server.address() as { port: number };
  one.server.close();
  const down = await get(one.port);
  expect(down.status).toBe(502);
  expect(down.headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' });
  one.server.listen({ port, host: '127.0.0.1' });
  await once(one.server, 'listening');
  expect((await get(one.port)).status).toBe(200);
});

test('a program that is silent for too long is a 504, and one that breaks off breaks the answer off', async () => {
  const one = await started(
    (request, response) => {
      if (request.url === '/half') {
        response.writeHead(200, { 'content-length': 100 });
        response.write('half', () => request.socket.destroy());
      }
    },
    { limits: { answerMs: 200 } },
  );
  expect((await get(one.port, '/silent')).status).toBe(504);
  await expect(get(one.port, '/half')).rejects.toThrow(/aborted|hang up/);
  await eventually(() => one.report()['cutOff'] === 1);
  expect(one.report()).toMatchObject({ gatewayTimeout: 1, badGateway: 0 });
});

test('a client that leaves takes its request to the program with it', async () => {
  const left = Promise.withResolvers<void>();
  const one = await started((request) => void request.once('close', () => left.resolve()));
  const socket = await dial(one.port);
  const arrived = once(one.server, 'request');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await arrived;
  socket.destroy();
  await expect(left.promise).resolves.toBeUndefined();
});

test('a body over the limit is a 413, whether its length was said or not', async () => {
  const { port } = await started(echo, { limits: { maxBodyBytes: 1_000 } });
  expect((await get(port, '/', { method: 'POST', body: 'x'.repeat(1_000) })).status).toBe(200);
  expect((await get(port, '/', { method: 'POST', body: 'x'.repeat(1_001) })).status).toBe(413);
  const chunk = `${(1_001).toString(16)}\r\n${'x'.repeat(1_001)}\r\n`;
  const answer = await exchange(port, `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
});

test('headers over the limit are a 431', async () => {
  const { port } = await started(echo, { limits: { maxHeaderBytes: 2_048 } });
  expect((await get(port, '/', { headers: { 'x-long': 'x'.repeat(4_096) } })).status).toBe(431);
});

test.each([
  ['a proxy request', 'GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1.1 400 /],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', /^HTTP\/1.1 400 /],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1.1 400 /,
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 /],
  ['no HTTP', 'rubbish\r\n\r\n', /^HTTP\/1.1 400 /],
  ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n', /^$/],
])('%s inside TLS is refused and does not reach the program', async (_, bytes, expected) => {
  let reached = 0;
  const { port } = await started((_request, response) => {
    reached += 1;
    response.end();
  });
  expect(await exchange(port, bytes)).toMatch(expected);
  expect(reached).toBe(0);
});

test('the chunked body of a GET is not taken for a second request', async () => {
  const urls: string[] = [];
  const { port } = await started((request, response) => {
    urls.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.end('done'));
  });
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';
  const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
  const bytes = `GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`;
  expect(await exchange(port, bytes)).toContain('done');
  expect(urls).toEqual(['GET /seen']);
});

test('rubbish instead of a handshake costs a connection and nothing else', async () => {
  const one = await started(echo);
  for (let tries = 0; tries < 20; tries += 1) {
    const socket = connect({ port: one.port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    socket.end(Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 37 + tries * 11) % 256)));
    socket.resume();
    await closed;
  }
  expect((await get(one.port)).status).toBe(200);
  expect(one.report()).toMatchObject({ handshakesFailed: 20, requests: 1 });
});

test('clients that say nothing, or their head without end, are closed in time', async () => {
  const one = await started(echo, { limits: { handshakeMs: 1_000, headersMs: 1_000, requestMs: 2_000 } });
  const watched = <S extends Socket>(socket: S) => {
    socket.on('error', () => undefined).resume();
    return { socket, closed: new Promise((resolve) => socket.once('close', resolve)) };
  };
  const silent = watched(connect({ port: one.port, host: '127.0.0.1' }));
  const mute = watched(await dial(one.port));
  const slow = watched(await dial(one.port));
  slow.socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  const timer = setInterval(() => slow.socket.write('X-A: b\r\n'), 20);
  const late = watched(await dial(one.port));
  late.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx');
  await Promise.all([silent, mute, slow, late].map(({ closed }) => closed));
  clearInterval(timer);
  expect((await get(one.port)).status).toBe(200);
});

test('connections over the limit are closed, the others are served', async () => {
  const one = await started(echo, { limits: { maxConnections: 2 } });
  const [first, second] = [await dial(one.port), await dial(one.port)];
  await expect(dial(one.port)).rejects.toThrow(/disconnected|ECONNRESET/);
  first.destroy();
  await once(first, 'close');
  second.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [answer] = (await once(second, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  second.destroy();
});

test('a stop closes the connection behind an answer whose head went out before it', async () => {
  const release = Promise.withResolvers<void>();
  const one = await started((_request, response) => {
    response.write('wh');
    void release.promise.then(() => response.end('ole'));
  });
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const begun = Promise.withResolvers<void>();
  const answer = get(one.port, '/', { agent, begun: begun.resolve });
  await begun.promise;
  one.place.end();
  const stopped = one.sidecar.stop?.(new AbortController().signal);
  release.resolve();
  expect(await answer).toMatchObject({ status: 200, body: 'whole' });
  await expect(stopped).resolves.toBeUndefined();
  agent.destroy();
});

test('a stop lets requests end that were begun, accepts no more, and closes idle connections', async () => {
  const release = Promise.withResolvers<void>();
  const one = await started((_request, response) => void release.promise.then(() => response.end('whole')));
  const idle = await dial(one.port);
  idle.on('error', () => undefined);
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const arrived = once(one.server, 'request');
  const answer = get(one.port, '/', { agent });
  await arrived;
  one.place.end();
  const stopped = one.sidecar.stop?.(new AbortController().signal);
  await expect(get(one.port)).rejects.toThrow(/ECONNREFUSED/);
  release.resolve();
  // It says that the connection is closed behind it: a client that keeps connections sends nothing more there.
  expect(await answer).toMatchObject({ status: 200, body: 'whole', headers: { connection: 'close' } });
  idle.destroy();
  await expect(stopped).resolves.toBeUndefined();
  agent.destroy();
});

test('a stop that is out of time closes what is open', async () => {
  const one = await started(() => undefined);
  const arrived = once(one.server, 'request');
  const answer = get(one.port);
  await arrived;
  const late = new AbortController();
  const stopped = one.sidecar.stop?.(late.signal);
  const failure = answer.catch((error: unknown) => String(error));
  late.abort();
  await expect(stopped).resolves.toBeUndefined();
  expect(await failure).toMatch(/hang up|ECONNRESET/);
});

test('a target that is not on this machine, an unknown option and a limit out of range are refused', () => {
  const options = {
    certificates: [{ certFile: 'a', keyFile: 'b' }],
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: 80 },
    reloadMs: 1_000,
    limits,
  };
  for (const host of ['10.0.0.1', 'localhost.example', '2130706433', '0x7f.1', '::ffff:7f00:1', '127.1']) {
    expect(() => tlsSidecar({ ...options, target: { host, port: 80 } })).toThrow(/'target.host' to be a loopback/);
  }
  expect(() => tlsSidecar(Object.assign({ relodMs: 1 }, options))).toThrow(InvalidArgumentError);
  expect(() => tlsSidecar({ ...options, certificates: [] })).toThrow(/'certificates.length'/);
  expect(() => tlsSidecar({ ...options, limits: { ...limits, requestMs: 1 } })).toThrow(/'limits.requestMs'/);
});
