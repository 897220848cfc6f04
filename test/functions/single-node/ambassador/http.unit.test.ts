import type { HttpResult } from '#http/event';
import { httpFunction } from '#http/http-function';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { slotTable } from '#serving/sharded/slot-table';
import { AnswerTooLongError, TargetRefusedError } from '#single-node/ambassador/errors';
import { shardedValues } from '#single-node/ambassador/sharded-values';
import type { ServiceAnswer } from '#single-node/ambassador/types';
import { ambassadorApi } from '../../../../functions/single-node/ambassador/api.ts';
import { ambassadorHandlers } from '../../../../functions/single-node/ambassador/handlers.ts';
import { account, answer, service } from '../../../lib/single-node/ambassador/memory.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

const ADMIN = [['authorization', 'Bearer let-me-in']] as const;

/** The ambassador's function in memory, and a service that behaves so. */
const set = (behave: () => Promise<ServiceAnswer> = async () => answer(200, 'well')) => {
  const { clock, log, table, host } = account();
  const { transport, calls } = service(behave);
  const { registry, broker, experiments, splitter, random } = host(transport);
  let isOpen = false;
  const values = shardedValues({ table, slots: slotTable({ shards: ['a', 'b'] }) });
  const call = httpFunction({
    api: ambassadorApi,
    handlers: () =>
      ambassadorHandlers({ registry, broker, experiments, splitter, values, isOpenInFleet: async () => isOpen }),
    services: () => ({ clock, random, log, adminToken: 'let-me-in' }),
  });
  const ask = (method: string, path: string, options: Parameters<typeof httpEvent>[2] = {}): Promise<HttpResult> =>
    clock.until(call(httpEvent(method, `/ambassador${path}`, options), httpContext(9_000)));
  const admin = async (method: string, path: string, body: unknown) => {
    const { statusCode, body: text } = await ask(method, path, { body, headers: ADMIN });
    return { statusCode, json: JSON.parse(text) as Record<string, unknown> };
  };
  const open = (): void => {
    isOpen = true;
  };
  return { ask, admin, calls, clock, open, registry };
};

const SERVICE = { target: 'http://example.com/base' };
const PLAN = { variants: [{ service: 's', weight: 1 }] };

describe('services', () => {
  test('one that was put can be read, by everybody', async () => {
    const { ask, admin } = set();
    const put = await admin('PUT', '/services/s', { ...SERVICE, healthPath: '/health', timeoutMs: 7 });
    expect(put).toEqual({ statusCode: 200, json: { name: 's', ...SERVICE, healthPath: '/health', timeoutMs: 7 } });
    expect(JSON.parse((await ask('GET', '/services/s')).body)).toEqual(put.json);
    expect((await ask('GET', '/services/t')).statusCode).toBe(404);
  });

  test('nobody but an admin puts services and experiments', async () => {
    const { ask } = set();
    expect((await ask('PUT', '/services/s', { body: SERVICE })).statusCode).toBe(401);
    expect((await ask('PUT', '/experiments/e', { body: PLAN })).statusCode).toBe(401);
  });

  test.each([
    [{ target: 'http://127.0.0.1' }, 'target'],
    [{ target: 'http://[::ffff:7f00:1]' }, 'target'],
    [{ target: 'http://localhost.' }, 'target'],
    [{ target: '' }, 'target'],
    [{ target: 7 }, 'target'],
    [{}, 'target'],
    [{ ...SERVICE, healthPath: 'x' }, 'healthPath'],
    [{ ...SERVICE, timeoutMs: 0 }, 'timeoutMs'],
    [{ ...SERVICE, timeoutMs: '5' }, 'timeoutMs'],
    [{ ...SERVICE, colour: 'red' }, 'colour'],
  ])('%j is 400, and names %s', async (body, field) => {
    const { statusCode, json } = await set().admin('PUT', '/services/s', body);
    expect([statusCode, Object.keys(json['errors'] ?? {})]).toEqual([400, [field]]);
  });

  test.each(['a%20b', 'constructor', '%00', 'a'.repeat(65), '.x'])(
    'the name %s is 400 on every route',
    async (name) => {
      const { ask, admin } = set();
      expect((await admin('PUT', `/services/${name}`, SERVICE)).statusCode).toBe(400);
      expect((await admin('PUT', `/experiments/${name}`, PLAN)).statusCode).toBe(400);
      for (const path of ['services', 'breakers', 'experiments'])
        expect((await ask('GET', `/${path}/${name}`)).statusCode).toBe(400);
      for (const path of ['broker', 'split']) expect((await ask('POST', `/${path}/${name}/x`)).statusCode).toBe(400);
    },
  );
});

describe('a request that is handed on', () => {
  test('is answered as the service answers, whatever it is', async () => {
    const own = {
      status: 418,
      headers: { 'content-type': ['image/x'], 'set-cookie': ['a', 'b'], 'x-variant': ['no'] },
      body: Buffer.from([255, 0]),
    };
    const { ask, admin } = set(async () => own);
    await admin('PUT', '/services/s', SERVICE);
    await admin('PUT', '/experiments/e', PLAN);
    expect(await ask('POST', '/broker/s/x', { body: '{', headers: [['content-type', 'text/x']] })).toMatchObject({
      statusCode: 418,
      headers: { 'content-type': 'image/x' },
      multiValueHeaders: { 'set-cookie': ['a', 'b'] },
      body: '/wA=',
      isBase64Encoded: true,
    });
    expect((await ask('GET', '/split/e/x')).headers['x-variant']).toBe('s');
  });

  test.each([
    [404, 'unknown-service', undefined],
    [503, 'service-unavailable', () => Promise.reject(new UnavailableError('test'))],
    [502, 'answer-lost', () => Promise.reject(new OutcomeUnknownError('test'))],
    [502, 'target-refused', () => Promise.reject(new TargetRefusedError('test'))],
    [502, 'answer-too-long', () => Promise.reject(new AnswerTooLongError(1))],
    [504, 'service-timeout', () => new Promise<never>(() => undefined)],
  ] as const)('without an answer: %i %s, also by an experiment', async (status, type, behave) => {
    const { ask, admin } = set(behave);
    if (behave !== undefined) await admin('PUT', '/services/s', SERVICE);
    await admin('PUT', '/experiments/e', PLAN);
    for (const path of ['/broker/s/x', '/split/e/x']) {
      const result = await ask('POST', path);
      expect([result.statusCode, (JSON.parse(result.body) as { type: string }).type]).toEqual([status, type]);
      expect(result.headers['content-type']).toBe('application/problem+json');
      if (path.startsWith('/split')) expect(result.headers['x-variant']).toBe('s');
    }
  });

  test('a service that takes longer than the function has is 504, in our words', async () => {
    const { ask, admin, clock } = set(() => new Promise<never>(() => undefined));
    await admin('PUT', '/services/s', { ...SERVICE, timeoutMs: 28_000 });
    const startedAtMs = clock.monotonicMs();
    expect((await ask('POST', '/broker/s/x')).statusCode).toBe(504);
    expect(clock.monotonicMs() - startedAtMs).toBeLessThan(9_000);
  });

  test('a path that climbs is 400, a body over 64 KiB 413, an unknown experiment 404, another method 405', async () => {
    const { ask, admin, calls } = set();
    await admin('PUT', '/services/s', SERVICE);
    expect((await ask('GET', '/broker/s/%2e%2e/admin')).statusCode).toBe(400);
    expect((await ask('POST', '/broker/s/x', { body: 'x'.repeat(65_537) })).statusCode).toBe(413);
    expect((await ask('GET', '/split/nothing/x')).statusCode).toBe(404);
    expect((await ask('TRACE', '/broker/s/x')).statusCode).toBe(405);
    expect(calls).toEqual([]);
  });

  test('a breaker that is open is 503, with when to come again, and can be seen', async () => {
    const { ask, admin, open } = set(async () => answer(500));
    await admin('PUT', '/services/s', SERVICE);
    for (let n = 0; n < 20; n += 1) await ask('GET', '/broker/s/x');
    const refused = await ask('GET', '/broker/s/x');
    expect([refused.statusCode, Number(refused.headers['retry-after'])]).toEqual([503, expect.any(Number)]);
    expect(JSON.parse((await ask('GET', '/breakers/s')).body)).toMatchObject({ service: 's', state: 'open' });
    expect((await ask('GET', '/breakers/t')).statusCode).toBe(404);
    const other = set();
    await other.admin('PUT', '/services/s', SERVICE);
    expect(JSON.parse((await other.ask('GET', '/breakers/s')).body)).toEqual({ service: 's', state: 'closed' });
    other.open();
    open();
    expect(JSON.parse((await other.ask('GET', '/breakers/s')).body)).toEqual({ service: 's', state: 'open' });
  });
});

describe('experiments', () => {
  test('a report has the plan, the counts, what was rolled back, and whether the split is right', async () => {
    const { ask, admin } = set();
    await admin('PUT', '/services/s', SERVICE);
    const plan = { ...PLAN, stickyBy: 'header:x-user', rollback: { errorRate: 0.5, minRequests: 5 } };
    await admin('PUT', '/experiments/e', plan);
    for (let n = 0; n < 3; n += 1) await ask('GET', '/split/e/x', { headers: [['x-user', 'anna']] });
    expect(JSON.parse((await ask('GET', '/experiments/e')).body)).toEqual({
      name: 'e',
      ...plan,
      rolledBack: [],
      counts: { s: { requests: 3, errors: 0, senders: 1 } },
      sampleRatio: { chiSquare: 0, pValue: 1, isSuspicious: false },
    });
    expect((await ask('GET', '/experiments/f')).statusCode).toBe(404);
  });

  test.each([
    [{ variants: [] }, 'variants'],
    [{ variants: [...PLAN.variants, { service: 't', weight: -1 }] }, 'variants.1.weight'],
    [{ variants: [{ service: 's', weight: 0 }] }, 'variants'],
    [{ variants: [PLAN.variants[0], PLAN.variants[0]] }, 'variants'],
    [{ ...PLAN, stickyBy: 'user' }, 'stickyBy'],
    [{ ...PLAN, shadow: 'a b' }, 'shadow'],
    [{ ...PLAN, rollback: { errorRate: 2, minRequests: 1 } }, 'rollback.errorRate'],
    [{ ...PLAN, rollback: { errorRate: 1 } }, 'rollback.minRequests'],
  ])('%j is 400, and names %s', async (body, field) => {
    const { statusCode, json } = await set().admin('PUT', '/experiments/e', body);
    expect([statusCode, Object.keys(json['errors'] ?? {})]).toEqual([400, [field]]);
  });
});

describe('shards', () => {
  test('a value comes back from the shard that its key belongs to', async () => {
    const { ask } = set();
    const put = await ask('PUT', '/shards/k%2F1', { body: { value: [1e300, null] } });
    expect([put.statusCode, put.headers['x-shard']]).toEqual([200, expect.stringMatching(/^[ab]$/)]);
    const got = await ask('GET', '/shards/k%2F1');
    expect([JSON.parse(got.body), got.headers['x-shard']]).toEqual([
      { key: 'k/1', value: [1e300, null] },
      put.headers['x-shard'],
    ]);
  });

  test('an unknown key is 404, and says where it would be; no key, a key with NUL and no value are 400 or 404', async () => {
    const { ask } = set();
    const unknown = await ask('GET', '/shards/nothing');
    expect([unknown.statusCode, unknown.headers['x-shard']]).toEqual([404, expect.any(String)]);
    expect((await ask('GET', '/shards/')).statusCode).toBe(404);
    expect((await ask('GET', '/shards/%00')).statusCode).toBe(400);
    expect((await ask('GET', `/shards/${'a'.repeat(1_025)}`)).statusCode).toBe(400);
    expect((await ask('PUT', '/shards/k', { body: {} })).statusCode).toBe(400);
  });
});
