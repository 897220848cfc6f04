import { request } from 'node:http';
import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { metricsText } from '#single-node/sidecar/topz/metrics';
import { topz, type Topz } from '#single-node/sidecar/topz/topz';
import type { Reading, Usage, UsageSource } from '#single-node/sidecar/topz/usage';
import { portOf } from '../tls/terminator.ts';
import { sidecarPlace } from '../../../../support/sidecar-place.ts';

const usageAt = (cpuUserMs: number, more: Partial<Usage> = {}): Reading => ({
  status: 'running',
  usage: {
    pid: 42,
    startedAtMs: Date.UTC(2026, 0, 2),
    cpuUserMs,
    cpuSystemMs: 100,
    residentBytes: 1_000_000,
    openFiles: 9,
    ...more,
  },
});

/** Gives one reading after the other, the last one again and again. */
const sourceOf = (...readings: readonly (Reading | Error)[]): UsageSource & { readonly count: () => number } => {
  let count = 0;
  return {
    kind: 'proc',
    count: () => count,
    read: async () => {
      const reading = readings[Math.min(count, readings.length - 1)];
      count += 1;
      if (reading === undefined || reading instanceof Error) throw reading ?? new Error('nothing');
      return reading;
    },
  };
};

test('the processor is said in all, and as a ratio since the reading before', async () => {
  const clock = memoryClock();
  const usage = topz({ source: sourceOf(usageAt(1_000), usageAt(1_500), usageAt(1_500), usageAt(5_500)), clock });
  expect((await usage.read()).cpu).toEqual({ userMs: 1_000, systemMs: 100, ratio: null, overMs: 0 });
  await clock.advance(1_000);
  expect((await usage.read()).cpu).toEqual({ userMs: 1_500, systemMs: 100, ratio: 0.5, overMs: 1_000 });
  await clock.advance(500);
  expect((await usage.read()).cpu).toEqual({ userMs: 1_500, systemMs: 100, ratio: 0, overMs: 500 });
  // A wall clock that jumps is not noticed.
  clock.jump(-3_600_000);
  await clock.advance(2_000);
  expect((await usage.read()).cpu).toEqual({ userMs: 5_500, systemMs: 100, ratio: 2, overMs: 2_000 });
});

test('a program that is gone is gone for ever, with its last figures', async () => {
  const clock = memoryClock();
  const source = sourceOf(usageAt(1_000), { status: 'gone' }, usageAt(7));
  const usage = topz({ source, clock });
  await usage.read();
  await clock.advance(1_000);
  for (let reads = 0; reads < 3; reads += 1) {
    expect(await usage.read()).toMatchObject({ status: 'gone', cpu: { userMs: 1_000, ratio: 0 } });
  }
  expect(source.count()).toBe(2);
});

test('those who ask at the same time share one reading; one that failed is tried again', async () => {
  const source = sourceOf(usageAt(1), new Error('no file'), usageAt(3));
  const usage = topz({ source, clock: memoryClock() });
  await Promise.all(Array.from({ length: 100 }, () => usage.read()));
  expect(source.count()).toBe(1);
  await expect(usage.read()).rejects.toThrow('no file');
  expect((await usage.read()).cpu.userMs).toBe(3);
});

test('it does not start beside a program that is not there', async () => {
  const usage = topz({ source: sourceOf({ status: 'gone' }), clock: memoryClock() });
  await expect(usage.start?.(sidecarPlace())).rejects.toThrow('There is no such program');
});

test('Prometheus gets what is known, in its own units, and nothing of what is not', async () => {
  const delay = { meanMs: 1, p99Ms: 20, maxMs: 30 };
  const usage = topz({ source: sourceOf(usageAt(1_500, { eventLoopDelay: delay })), clock: memoryClock() });
  const text = metricsText(await usage.read());
  expect(text).toContain('topz_cpu_seconds_total{mode="user"} 1.5\ntopz_cpu_seconds_total{mode="system"} 0.1\n');
  expect(text).toContain('topz_resident_memory_bytes 1000000\n');
  expect(text).toContain('topz_event_loop_delay_seconds{statistic="p99"} 0.02\n');
  expect(text).not.toMatch(/threads|topz_cpu_ratio|null|undefined|NaN/);
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[a-z0-9]+"\})? -?[\d.]+(e[+-]?\d+)?)$/);
  }
});

interface Reply {
  readonly status: number;
  readonly body: string;
}

const ask = (address: string, path: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
  new Promise<Reply>((resolve, reject) => {
    const outgoing = request(`${address}${path}`, { ...options, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });

const serve = async (...readings: readonly (Reading | Error)[]) => {
  const place = sidecarPlace();
  const usage: Topz = topz({
    source: sourceOf(...readings),
    clock: place.clock,
    listen: { host: '127.0.0.1', port: 0 },
  });
  await usage.start?.(place);
  const address = `http://127.0.0.1:${portOf(usage)}`;
  return { address, usage, close: async () => usage.stop?.(AbortSignal.abort()) };
};

test('it serves JSON and Prometheus, and says which paths and methods there are', async () => {
  const { address, close } = await serve(usageAt(1_000));
  const json = await ask(address, '/topz?x=1');
  expect(JSON.parse(json.body)).toMatchObject({ status: 'running', pid: 42, openFiles: 9, threads: null });
  expect((await ask(address, '/metrics')).body).toContain('topz_up 1\n');
  expect(await ask(address, '/topz', { method: 'HEAD' })).toEqual({ status: 200, body: '' });
  expect((await ask(address, '/topz', { method: 'POST' })).status).toBe(405);
  expect((await ask(address, '/etc/passwd')).status).toBe(404);
  await close();
});

test.each([['evil.example'], ['127.0.0.1.evil.example'], ['localhost.evil.example:80'], ['10.0.0.1'], ['0']])(
  'a request that calls this machine %j gets nothing',
  async (host) => {
    const { address, close } = await serve(usageAt(1_000));
    const { status, body } = await ask(address, '/topz', { headers: { host } });
    expect([400, 421]).toContain(status);
    expect(body).not.toContain('pid');
    await close();
  },
);

test.each([['localhost'], ['127.0.0.1:9100'], ['[::1]:9100'], ['127.0.0.2']])(
  'a request that calls it %j is answered',
  async (host) => {
    const { address, close } = await serve(usageAt(1_000));
    expect((await ask(address, '/topz', { headers: { host } })).status).toBe(200);
    await close();
  },
);

test('a reading that failed is a 503 without the insides', async () => {
  const { address, close } = await serve(usageAt(1), new Error('secret path'));
  const { status, body } = await ask(address, '/topz');
  expect(status).toBe(503);
  expect(body).not.toContain('secret');
  await close();
});

test('an address that others can reach is refused', () => {
  const source = sourceOf(usageAt(1));
  for (const host of ['10.0.0.1', 'localhost', '::', '127.1']) {
    const listen = { host, port: 0 };
    expect(() => topz({ source, clock: memoryClock(), listen })).toThrow(/'listen.host' to be a loopback address/);
  }
  expect(() => topz(Object.assign({ pid: 1 }, { source, clock: memoryClock() }))).toThrow(InvalidArgumentError);
});
