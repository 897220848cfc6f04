import { InvalidArgumentError, OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { broker } from '#single-node/ambassador/broker';
import { AnswerTooLongError, TargetRefusedError } from '#single-node/ambassador/errors';
import type { ServiceAnswer } from '#single-node/ambassador/types';
import { account, answer, HOW, request, service, text } from './memory.ts';

const TARGET = 'http://example.com/base/';
const KEY = { 'idempotency-key': ['k'] };

/** A host, and a service at `/base` that behaves so. */
const set = async (
  behave: Parameters<typeof service>[0],
  options: { readonly healthPath?: string; readonly timeoutMs?: number } & Parameters<
    ReturnType<typeof account>['host']
  >[1] = {},
) => {
  const { healthPath, timeoutMs, ...more } = options;
  const world = account();
  const { transport, calls } = service(behave);
  const host = world.host(transport, more);
  await host.registry.put('s', { target: TARGET, healthPath, timeoutMs });
  world.wire.resetCounts();
  const send = (sent = request(), how: Partial<typeof HOW> = {}) =>
    world.clock.until(host.broker.send('s', sent, { ...HOW, ...how }));
  return { ...world, ...host, calls, send };
};

const lost = () => Promise.reject(new OutcomeUnknownError('test'));
const unreachable = () => Promise.reject(new UnavailableError('test'));

describe('what is handed on', () => {
  test('the answer is the service’s own, byte for byte', async () => {
    const bytes = Buffer.from([0, 255, 1]);
    const own: ServiceAnswer = { status: 418, headers: { 'x-many': ['1', '2'] }, body: bytes };
    const { send } = await set(async () => own);
    expect(await send()).toEqual({ status: 'answered', answer: own });
  });

  test('the service gets path, query, headers and body, the trace, who hands it on, and how long is waited', async () => {
    const { send, calls } = await set(async () => answer());
    const headers = { 'x-a': ['1', '2'], authorization: ['Bearer admin'], traceparent: ['theirs'], cookie: ['c=1'] };
    await send(request('PUT', { path: 'x/%2Fy/', query: 'q=1', headers, body: Buffer.from('b') }));
    expect(calls).toHaveLength(1);
    const [call] = calls;
    expect([call?.path, text(call?.body ?? Buffer.from(''))]).toEqual(['/base/x/%2Fy/?q=1', 'b']);
    expect(call).toMatchObject({ method: 'PUT', target: { hostname: 'example.com', port: 80 } });
    expect(call?.headers).toEqual({
      'x-a': ['1', '2'],
      cookie: ['c=1'],
      via: ['1.1 ambassador'],
      'x-deadline-ms': ['5000'],
      traceparent: [HOW.traceparent],
    });
  });

  test('the deadline that is passed on is the shortest of all, and shrinks with each attempt', async () => {
    const { send, calls, clock } = await set(async () => {
      await clock.sleep(100);
      return answer(503);
    });
    for (let n = 0; n < 5; n += 1) await send();
    calls.splice(0);
    await send(request('GET', { headers: { 'x-deadline-ms': ['3000'] } }));
    const [first = 0, second = 0] = calls.map(({ headers }) => Number(headers['x-deadline-ms']?.[0]));
    expect(first).toBe(3_000);
    expect(second).toBeLessThanOrEqual(2_900);
    await send(request('GET', { headers: { 'x-deadline-ms': ['99999'] } }), { deadlineMs: 700 });
    expect(Number(calls.at(-1)?.headers['x-deadline-ms']?.[0])).toBeLessThanOrEqual(700);
  });

  test.each([
    '..',
    '../x',
    'a/..',
    'a/%2e%2e/b',
    'a/.%2E',
    '%252e%252e/x',
    'a\\..\\b',
    '..%2fx',
    '..;/x',
    './x',
    'a?b',
    'a#b',
  ])('the path %s is refused: some server could take it for another one', async (path) => {
    const { send, calls } = await set(async () => answer());
    expect(await send(request('GET', { path }))).toMatchObject({ status: 'refused' });
    expect(calls).toEqual([]);
  });

  test.each([
    ['a..b', '/base/a..b'],
    ['...', '/base/...'],
    ['é', '/base/%C3%A9'],
    ['', '/base'],
    ['.well-known/x', '/base/.well-known/x'],
  ])('the path %s is one', async (path, sent) => {
    const { send, calls } = await set(async () => answer());
    await send(request('GET', { path }));
    expect(calls[0]?.path).toBe(sent);
  });

  test('a request that goes round in a circle ends', async () => {
    const { send } = await set(async () => answer());
    const hops = (count: number) => ({
      headers: { via: [Array.from({ length: count }, () => '1.1 ambassador').join(', ')] },
    });
    expect(await send(request('GET', hops(3)))).toMatchObject({ status: 'answered' });
    expect(await send(request('GET', hops(4)))).toMatchObject({ status: 'refused' });
  });

  test('a service that was not registered is not called', async () => {
    const { broker: sender, calls } = await set(async () => answer());
    for (const name of ['t', '', 'example.com', '127.0.0.1', 'constructor', '__proto__'])
      expect(await sender.send(name, request(), HOW)).toEqual({ status: 'unknown-service' });
    expect(calls).toEqual([]);
  });
});

describe('what may not be sent twice', () => {
  test.each(['POST', 'PATCH', 'LOCK'])('%s without a key is sent once, whatever becomes of it', async (method) => {
    for (const behave of [
      lost,
      async () => answer(503),
      async () => answer(502),
      () => new Promise<never>(() => undefined),
    ]) {
      const { send, calls } = await set(behave);
      for (let n = 0; n < 20; n += 1) await send(request(method));
      expect(calls.length).toBeLessThanOrEqual(20);
      // The breaker may keep some back, and none is sent twice.
      expect(calls.length).toBeGreaterThanOrEqual(10);
    }
  });

  test('a lost answer is told as such', async () => {
    const { send, calls } = await set(lost);
    expect(await send(request('POST'))).toEqual({ status: 'lost' });
    expect(calls).toHaveLength(1);
  });

  test('it goes on a new connection, since a kept one may have ended unseen; the rest does not', async () => {
    const { send, calls } = await set(async () => answer());
    await send(request('POST'));
    await send(request('POST', { headers: KEY }));
    await send();
    expect(calls.map(({ onNewConnection }) => onNewConnection)).toEqual([true, false, false]);
  });

  test('when no connection was made, it is tried again', async () => {
    const { send, calls } = await set(unreachable);
    for (let n = 0; n < 5; n += 1) expect(await send(request('POST'))).toEqual({ status: 'unavailable' });
    expect(calls).toHaveLength(6);
  });

  test('a hedge is no second sending of it', async () => {
    const { send, calls, clock } = await set(
      async () => {
        await clock.sleep(1_000);
        return answer();
      },
      { hedge: { delayMs: 10, ratio: 1 } },
    );
    for (let n = 0; n < 3; n += 1) await send(request('POST'));
    expect(calls).toHaveLength(3);
  });
});

describe('what may be sent twice', () => {
  test.each([
    ['GET', {}],
    ['HEAD', {}],
    ['OPTIONS', {}],
    ['PUT', {}],
    ['DELETE', {}],
    ['POST', KEY],
    ['PATCH', KEY],
  ])('%s %j is tried again when the answer is lost, or says that it may be better later', async (method, headers) => {
    let count = 0;
    const { send, calls } = await set(
      async () => {
        count += 1;
        if (count <= 5) return answer();
        if (count === 6) throw new OutcomeUnknownError('test');
        if (count === 7) return answer(503);
        return answer(200, 'well');
      },
      { retry: { attemptCount: 3, backoff: { baseMs: 1, limitMs: 1 }, ratio: 0.5, burstCount: 5 } },
    );
    for (let n = 0; n < 5; n += 1) await send(request(method, { headers }));
    expect(await send(request(method, { headers }))).toMatchObject({ answer: answer(200, 'well') });
    expect(calls).toHaveLength(8);
  });

  test.each([200, 301, 404, 429, 500, 501])('an answer %i is handed back at once', async (status) => {
    const { send, calls } = await set(async () => answer(status));
    for (let n = 0; n < 6; n += 1) expect(await send()).toMatchObject({ answer: { status } });
    expect(calls).toHaveLength(6);
  });

  test('what a service asks to be left alone for is waited, or else the answer is handed back', async () => {
    const { send, calls, clock } = await set(async () =>
      answer(503, '', { 'retry-after': [calls.length < 7 ? '2' : '60'] }),
    );
    for (let n = 0; n < 5; n += 1) await send(request('POST'));
    const startedAtMs = clock.monotonicMs();
    expect(await send()).toMatchObject({ answer: { status: 503 } });
    expect(clock.monotonicMs() - startedAtMs).toBeGreaterThanOrEqual(2_000);
    expect(calls).toHaveLength(7);
  });

  test('in all a service gets at most a fifth more than was offered', async () => {
    const { send, calls } = await set(lost, {
      breaker: { windowMs: 10_000, minCallCount: 100_000, failureRatio: 1, openMs: 5_000 },
    });
    for (let n = 1; n <= 200; n += 1) {
      await send();
      expect(calls.length).toBeLessThanOrEqual(n * 1.2);
    }
    expect(calls).toHaveLength(240);
  });

  test('a late one is sent once more beside it, and the first answer counts', async () => {
    const { send, calls, clock } = await set(
      async (_, signal) => {
        if (calls.length % 2 === 1) await clock.sleep(60_000, signal);
        return answer(200, 'second');
      },
      { hedge: { delayMs: 50, ratio: 1 } },
    );
    const startedAtMs = clock.monotonicMs();
    expect(await send()).toMatchObject({ answer: answer(200, 'second') });
    expect(clock.monotonicMs() - startedAtMs).toBe(50);
    expect(calls).toHaveLength(2);
  });
});

describe('what is not answered', () => {
  test.each([
    ['timed-out', () => new Promise<never>(() => undefined)],
    ['target-refused', () => Promise.reject(new TargetRefusedError('test'))],
    ['too-long', () => Promise.reject(new AnswerTooLongError(1))],
    ['unavailable', unreachable],
    ['lost', lost],
  ] as const)('is told as %s', async (status, behave) => {
    const { send } = await set(behave);
    expect(await send()).toEqual({ status });
  });

  test('each attempt is ended after the service’s time, and all of them within the client’s', async () => {
    const signals: AbortSignal[] = [];
    const { send, clock } = await set(
      (_, signal) => {
        signals.push(signal);
        return new Promise<never>(() => undefined);
      },
      { timeoutMs: 1_000 },
    );
    let startedAtMs = clock.monotonicMs();
    await send(request('POST'));
    expect(clock.monotonicMs() - startedAtMs).toBe(1_000);
    expect(signals[0]?.aborted).toBe(true);
    startedAtMs = clock.monotonicMs();
    await send(request('POST'), { deadlineMs: 300 });
    expect(clock.monotonicMs() - startedAtMs).toBe(300);
    startedAtMs = clock.monotonicMs();
    expect(await send(request('POST', { headers: { 'x-deadline-ms': ['20'] } }))).toEqual({ status: 'timed-out' });
    expect(clock.monotonicMs() - startedAtMs).toBe(20);
  });

  test('when the client leaves, so does the request', async () => {
    const signals: AbortSignal[] = [];
    const { broker: sender } = await set((_, signal) => {
      signals.push(signal);
      return new Promise<never>(() => undefined);
    });
    const left = new AbortController();
    const sent = sender.send('s', request(), { ...HOW, signal: left.signal });
    setImmediate(() => left.abort(new Error('left')));
    await expect(sent).rejects.toThrow('left');
    expect(signals[0]?.aborted).toBe(true);
  });

  test('an error that is none of these is not hidden', async () => {
    const { send } = await set(() => Promise.reject(new TypeError('a bug')));
    await expect(send()).rejects.toThrow('a bug');
  });
});

describe('the breaker', () => {
  test('as long as all is well nothing is written, and the service is read once a second', async () => {
    const { send, wire, clock } = await set(async () => answer());
    for (let n = 0; n < 100; n += 1) {
      await send();
      await clock.advance(100);
    }
    const counts = wire.counts();
    expect(Object.keys(counts)).toEqual(['dynamodb.GetItem']);
    expect(counts['dynamodb.GetItem']).toBeLessThanOrEqual(11);
  });

  test('a service that fails is left alone, and the client is told for how long', async () => {
    const { send, calls, broker: sender } = await set(lost);
    for (let n = 0; n < 50; n += 1) await send();
    expect(calls.length).toBeLessThanOrEqual(12);
    expect(sender.breaker('s')).toMatchObject({ status: 'open' });
    expect(await send()).toMatchObject({ status: 'open', retryAfterMs: expect.any(Number) });
  });

  test('a probe asks the health path first; while that is not well no request goes out', async () => {
    let health = 500;
    const {
      send,
      calls,
      clock,
      broker: sender,
    } = await set(async ({ path }) => (path === '/base/health' ? answer(health) : answer(health === 200 ? 200 : 500)), {
      healthPath: '/health',
    });
    for (let n = 0; n < 20; n += 1) await send();
    expect(calls.every(({ path }) => path === '/base/a')).toBe(true);
    calls.splice(0);
    await clock.advance(7_000);
    expect(await send()).not.toMatchObject({ status: 'answered' });
    expect(calls.map(({ path }) => path)).toEqual(['/base/health']);
    health = 200;
    calls.splice(0);
    await clock.advance(7_000);
    expect(await send()).toMatchObject({ status: 'answered', answer: { status: 200 } });
    expect(calls.map(({ path }) => path)).toEqual(['/base/health', '/base/a']);
    expect(sender.breaker('s')).toEqual({ status: 'closed' });
    await send();
    expect(calls.map(({ path }) => path)).toEqual(['/base/health', '/base/a', '/base/a']);
  });

  test('clients that wait for a moment only cannot open it for the others', async () => {
    const {
      send,
      clock,
      broker: sender,
    } = await set(async (_, signal) => {
      await clock.sleep(100, signal);
      return answer();
    });
    for (let n = 0; n < 50; n += 1)
      expect(await send(request('GET', { headers: { 'x-deadline-ms': ['1'] } }))).toEqual({ status: 'timed-out' });
    expect(sender.breaker('s')).toEqual({ status: 'closed' });
  });

  test('a target that may not be connected to, and what the service does not know, do not open it', async () => {
    for (const behave of [
      () => Promise.reject(new TargetRefusedError('test')),
      async () => answer(501),
      async () => answer(404),
    ]) {
      const { send, broker: sender } = await set(behave);
      for (let n = 0; n < 50; n += 1) await send();
      expect(sender.breaker('s')).toEqual({ status: 'closed' });
    }
  });
});

test('four hosts leave alone what one of them found down: at most one probe goes out in an interval', async () => {
  const world = account();
  const { transport, calls } = service(lost);
  const hosts = Array.from({ length: 4 }, () =>
    world.host(transport, {
      breaker: { windowMs: 10_000, minCallCount: 10, failureRatio: 0.5, openMs: 5_000, refreshMs: 1_000 },
    }),
  );
  await hosts[0]?.registry.put('s', { target: TARGET });
  let offered = 0;
  const step = async (): Promise<void> => {
    for (const host of hosts) {
      offered += 1;
      await world.clock.until(host.broker.send('s', request(), HOW));
    }
    await world.clock.advance(100);
  };
  const isClosed = () => hosts.some(({ broker: { breaker } }) => breaker('s').status === 'closed');
  while (isClosed()) await step();
  expect(calls.length).toBeLessThanOrEqual(offered * 1.2);
  const times: number[] = [];
  for (let before = calls.length, n = 0; n < 600; n += 1, before = calls.length) {
    await step();
    for (let more = before; more < calls.length; more += 1) times.push(world.clock.monotonicMs());
  }
  // A minute: some probes, each at least an interval after the one before it.
  expect(times.length).toBeGreaterThanOrEqual(6);
  expect(times.slice(1).every((time, at) => time - (times[at] ?? 0) >= 5_000)).toBe(true);
});

test('options that cannot be right are refused', async () => {
  const { clock, table, log, host } = account();
  const { registry: known, random } = host(service(async () => answer()).transport);
  const good = {
    registry: known,
    transport: async () => answer(),
    table,
    clock,
    random,
    log,
    retry: { attemptCount: 3, backoff: { baseMs: 1, limitMs: 1 }, ratio: 0.2, burstCount: 1 },
    breaker: { windowMs: 1_000, minCallCount: 1, failureRatio: 1, openMs: 1_000 },
  };
  expect(() => broker({ ...good, retry: { ...good.retry, attemptCount: 11 } })).toThrow("'retry.attemptCount'");
  expect(() => broker({ ...good, hedge: { delayMs: 1, ratio: 2 } })).toThrow("'hedge.ratio'");
  const more = { ...good, colour: 'red' };
  expect(() => broker(more)).toThrow(InvalidArgumentError);
});
