import { Agent } from 'node:https';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../../../localstack/free-port.ts';
import { listens } from '../../../../support/processes.ts';
import { startCli, startLegacy, type Program } from '../../../../support/program.ts';
import { eventually } from '../../../../support/eventually.ts';
import { pairFolder, pairFor, serialOf } from './pairs.ts';
import { get, serialAt } from './terminator.ts';

const CLIENTS = 8;
const RENEWALS = 5;

const open: Program[] = [];
const folders: ReturnType<typeof pairFolder>[] = [];
afterEach(async () => {
  for (const program of open.splice(0)) await program.end('SIGKILL');
  for (const folder of folders.splice(0)) folder.remove();
});

const start = async (options: { readonly args?: readonly string[]; readonly legacyPort?: number } = {}) => {
  const legacy = await startLegacy(options.legacyPort);
  const files = pairFolder();
  const pair = await pairFor(['localhost', '127.0.0.1']);
  files.write(pair);
  const target = ['--target-port', String(legacy.port), '--port', '0', '--reload-ms', '50'];
  const args = ['--cert', files.certFile, '--key', files.keyFile, ...target, ...(options.args ?? [])];
  const sidecar = await startCli(['sidecar', 'tls', ...args]);
  open.push(legacy, sidecar);
  folders.push(files);
  return { legacy, files, pair, sidecar, port: Number(new URL(sidecar.firstLine.replace('tls ready ', '')).port) };
};

/** Clients that ask without a pause until they are told to end, half of them on connections that they keep. */
const load = (port: number) => {
  const failures: string[] = [];
  let count = 0;
  let isEnding = false;
  const client = async (keepAlive: boolean): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1, rejectUnauthorized: false });
    while (!isEnding) {
      const body = `order ${count}`;
      count += 1;
      const reply = await get(port, '/echo', { method: 'POST', body, agent }).catch((error: unknown) => String(error));
      if (typeof reply === 'string') failures.push(reply);
      else if (reply.status !== 200 || !reply.body.includes(body)) failures.push(`${reply.status} ${reply.body}`);
    }
    agent.destroy();
  };
  const clients = Array.from({ length: CLIENTS }, (_, at) => client(at % 2 === 0));
  return {
    failures,
    count: () => count,
    end: async () => {
      isEnding = true;
      await Promise.all(clients);
    },
  };
};

test('a certificate is renewed again and again under load: no request fails, new connections get the new one', async () => {
  const { files, port, pair, sidecar } = await start();
  expect(await serialAt(port)).toBe(serialOf(pair));
  const clients = load(port);
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    const next = await pairFor(['localhost', '127.0.0.1']);
    // As a renewal does it: for a moment the new certificate lies beside the old key, and then a broken one.
    files.writeCert(next.cert);
    await sleep(100);
    files.writeCert(next.cert.slice(0, 300));
    await sleep(100);
    files.write(next);
    await eventually(async () => (await serialAt(port)) === serialOf(next));
    const before = clients.count();
    await eventually(() => clients.count() > before + 20);
  }
  await clients.end();
  expect(clients.failures).toEqual([]);
  expect(clients.count()).toBeGreaterThan(RENEWALS * 20);
  expect(sidecar.errors().match(/"certificate loaded"/g)).toHaveLength(RENEWALS + 1);
  expect(sidecar.errors()).toContain('is not the key of');
  expect(sidecar.errors()).not.toContain('BEGIN');
}, 120_000);

test('a legacy program that is killed is a 502, and is served again when it is back: the sidecar needs no restart', async () => {
  const legacyPort = await freePort();
  const { legacy, port } = await start({ legacyPort });
  expect((await get(port)).body).toBe('legacy 1\n');
  await legacy.end('SIGKILL');
  expect((await get(port)).status).toBe(502);
  open.push(await startLegacy(legacyPort));
  expect((await get(port)).body).toBe('legacy 1\n');
}, 60_000);

test('SIGTERM lets a request end that was begun, and then ends with 0; nothing listens any more', async () => {
  const { port, sidecar } = await start();
  const begun = Promise.withResolvers<void>();
  const slow = get(port, '/slow?ms=1500', { begun: begun.resolve });
  await begun.promise;
  const ended = sidecar.end('SIGTERM');
  expect(await slow).toMatchObject({ status: 200, body: 'slow\n' });
  expect(await ended).toBe(0);
  expect(await listens(port)).toBe(false);
}, 60_000);

test('a request that does not end in time is cut off at the end, which is said with 1', async () => {
  const { port, sidecar } = await start({ args: ['--stop-ms', '300'] });
  const begun = Promise.withResolvers<void>();
  const endless = get(port, '/drip?ms=20', { begun: begun.resolve }).catch((error: unknown) => String(error));
  await begun.promise;
  expect(await sidecar.end('SIGTERM')).toBe(1);
  expect(await endless).toMatch(/aborted|hang up|ECONNRESET/);
}, 60_000);

test('a flood of rubbish, of silence and of broken requests does not keep others from being served', async () => {
  const { port, sidecar } = await start({
    args: ['--handshake-ms', '3000', '--headers-ms', '3000', '--request-ms', '6000'],
  });
  const clients = load(port);
  const rubbish = Array.from({ length: 60 }, async (_, at) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined).resume();
    if (at % 3 === 0) socket.write('GET / HTTP/1.1\r\n\r\n');
    // What begins like a handshake, and goes on like none.
    if (at % 3 === 1) socket.write(Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1]), Buffer.alloc(512, at)]));
    await once(socket, 'close');
  });
  await Promise.all(rubbish);
  const before = clients.count();
  await eventually(() => clients.count() > before + 50);
  await clients.end();
  expect(clients.failures).toEqual([]);
  expect(await sidecar.end('SIGTERM')).toBe(0);
}, 60_000);
