import { memoryQueue } from '#primitives/memory/queue';
import { shadowQueue, type ShadowCopy } from '#single-node/ambassador/shadow';
import { shadowWorker } from '#single-node/ambassador/shadow-worker';
import type { ServiceRequest } from '#single-node/ambassador/types';
import { UnavailableError } from '#primitives/errors';
import { account, answer, HOW, request, service, text } from './memory.ts';

type Deliver = (copy: ShadowCopy, signal: AbortSignal) => Promise<void>;

const SERVICE_MS = 30;

/** A host with an experiment whose copies are handed over so; its service answers in 30 ms. */
const set = async (deliver: Deliver | undefined, maxInFlightCount = 10) => {
  const world = account();
  const { transport, calls } = service(async ({ body }) => {
    await world.clock.sleep(SERVICE_MS);
    return answer(200, `answer to ${text(body)}`);
  });
  const host = world.host(transport, { maxInFlightCount, ...(deliver === undefined ? {} : { deliver }) });
  await host.registry.put('stable', { target: 'http://example.com' });
  await host.experiments.put('e', {
    variants: [{ service: 'stable', weight: 1 }],
    ...(deliver === undefined ? {} : { shadow: 'dark' }),
  });
  const timed = async (sent: ServiceRequest) => {
    const startedAtMs = world.clock.monotonicMs();
    const split = await world.clock.until(host.splitter.send('e', sent, HOW));
    return { tookMs: world.clock.monotonicMs() - startedAtMs, split };
  };
  return { ...world, ...host, calls, timed };
};

const body = (content: string) => request('POST', { body: Buffer.from(content) });

describe('the client of a shadowed experiment', () => {
  test.each<[string, Deliver]>([
    ['hangs for ever', () => new Promise(() => undefined)],
    ['fails at once', () => Promise.reject(new Error('test'))],
    [
      'throws',
      () => {
        throw new Error('test');
      },
    ],
  ])('waits at most 5 ms longer, and sees the same bytes, when the shadow %s', async (_what, deliver) => {
    const plain = await set(undefined);
    const shadowed = await set(deliver, 1_000);
    const longer: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      const [without, beside] = [await plain.timed(body(`${n}`)), await shadowed.timed(body(`${n}`))];
      expect(beside.split).toEqual(without.split);
      longer.push(beside.tookMs - without.tookMs);
    }
    expect(Math.max(...longer)).toBeLessThanOrEqual(5);
  });

  test('waits no longer at all for a shadow that is quicker than the answer', async () => {
    const copies: ShadowCopy[] = [];
    const { timed } = await set(async (copy) => void copies.push(copy));
    const sent = body('x');
    expect((await timed(sent)).tookMs).toBe(SERVICE_MS);
    expect(copies).toEqual([{ service: 'dark', request: sent, traceparent: HOW.traceparent }]);
  });

  test('is copied also when its own service fails', async () => {
    const copies: ShadowCopy[] = [];
    const { host } = account();
    const { registry, experiments, splitter } = host(() => Promise.reject(new UnavailableError('test')), {
      deliver: async (copy) => void copies.push(copy),
    });
    await registry.put('stable', { target: 'http://example.com' });
    await experiments.put('e', { variants: [{ service: 'stable', weight: 1 }], shadow: 'dark' });
    await splitter.send('e', request('POST'), HOW);
    expect(copies).toHaveLength(1);
  });
});

test('copies on their way are bounded: what comes beyond is dropped, and counted', async () => {
  let started = 0;
  const { timed, shadow } = await set(() => {
    started += 1;
    return new Promise(() => undefined);
  }, 3);
  for (let n = 0; n < 10; n += 1) await timed(body(`${n}`));
  expect([started, shadow.counts()]).toEqual([3, { sent: 0, dropped: 7, failed: 0 }]);
});

test('a copy that takes too long is told to stop', async () => {
  const signals: AbortSignal[] = [];
  const { timed, clock } = await set((_, signal) => {
    signals.push(signal);
    return new Promise(() => undefined);
  });
  await timed(body('x'));
  await clock.advance(2_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

describe('by way of a queue', () => {
  const copyOf = (method: string, more: Partial<ServiceRequest> = {}): ShadowCopy => ({
    service: 'dark',
    request: request(method, more),
    traceparent: HOW.traceparent,
  });

  const worker = async (behave: Parameters<typeof service>[0]) => {
    const world = account();
    const { clock, table, log } = world;
    const { transport, calls } = service(behave);
    const { registry } = world.host(transport);
    await registry.put('dark', { target: 'http://example.com/dark', timeoutMs: 1_000 });
    const queue = memoryQueue({ name: 'shadows', clock, visibilityMs: 1_000 });
    const send = shadowWorker({ registry, transport, table, clock, log });
    const deliver = shadowQueue({ queue });
    const handOver = async (copy: ShadowCopy) => {
      await deliver(copy, new AbortController().signal);
      const [message] = await queue.receive({ maxCount: 1 });
      if (message === undefined) throw new Error('no message');
      return message;
    };
    return { ...world, calls, send, handOver };
  };

  test('a copy arrives as the request was, marked as a shadow', async () => {
    const { send, handOver, calls } = await worker(async () => answer());
    const bytes = Buffer.from([0, 255, 10]);
    const message = await handOver(
      copyOf('PUT', { path: 'a%20b', query: 'q=1', headers: { 'x-a': ['1', '2'] }, body: bytes }),
    );
    expect(await send(message, 5_000)).toBe('sent');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ method: 'PUT', path: '/dark/a%20b?q=1' });
    expect(Buffer.from(calls[0]?.body ?? [])).toEqual(bytes);
    expect(calls[0]?.headers).toMatchObject({
      'x-a': ['1', '2'],
      'x-shadow': ['true'],
      traceparent: [HOW.traceparent],
    });
  });

  test('delivered twice, what may not be sent twice is sent once', async () => {
    const { send, handOver, calls } = await worker(async () => answer());
    const post = await handOver(copyOf('POST'));
    expect([await send(post, 5_000), await send(post, 5_000)]).toEqual(['sent', 'repeated']);
    expect(calls).toHaveLength(1);
  });

  test.each<[string, Parameters<typeof service>[0]]>([
    ['fails', () => Promise.reject(new UnavailableError('test'))],
    [
      'hangs',
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ],
  ])('a service that %s makes no copy come again', async (_what, behave) => {
    const { send, handOver, clock, lines } = await worker(behave);
    const message = await handOver(copyOf('GET'));
    const startedAtMs = clock.monotonicMs();
    expect(await clock.until(send(message, 5_000))).toBe('failed');
    expect(clock.monotonicMs() - startedAtMs).toBeLessThanOrEqual(1_000);
    expect(lines.join('\n')).toContain('a shadow copy was not answered');
  });

  test.each([
    '',
    'no JSON',
    'null',
    '[]',
    '{}',
    '{"service":"dark"}',
    '{"service":"dark","traceparent":"","method":"GET","path":"","query":"","body":"","headers":{"a":1}}',
  ])('a message that is no copy ends: %s', async (unread) => {
    const { send, calls } = await worker(async () => answer());
    expect(await send({ id: '1', body: unread }, 5_000)).toBe('unreadable');
    expect(calls).toEqual([]);
  });

  test('a copy for a service that nobody registered, or for a path that climbs, ends', async () => {
    const { send, handOver, calls } = await worker(async () => answer());
    expect(await send(await handOver({ ...copyOf('GET'), service: 'nobody' }), 5_000)).toBe('unknown-service');
    expect(await send(await handOver(copyOf('GET', { path: '../x' })), 5_000)).toBe('unknown-service');
    expect(calls).toEqual([]);
  });

  test('a queue that takes nothing is an error of the handing over', async () => {
    const { clock } = account();
    const queue = memoryQueue({ name: 'shadows', clock, visibilityMs: 1_000 });
    const full = { ...queue, sendBatch: async () => [{ ok: false, reason: 'full', retryable: true } as const] };
    await expect(shadowQueue({ queue: full })(copyOf('GET'), new AbortController().signal)).rejects.toThrow('full');
  });
});
