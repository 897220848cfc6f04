import * as v from 'valibot';
import { httpFunction } from '#http/http-function';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { guarded } from '#serving/ownership-election/guarded';
import { scheduledLeader } from '#serving/ownership-election/scheduled-leader';
import { scoped } from '#serving/ownership-election/scoped';
import { ownershipApi } from '../../../../functions/serving/ownership-election/api.ts';
import { counters } from '../../../../functions/serving/ownership-election/counters.ts';
import { LEADER, ownershipHandlers } from '../../../../functions/serving/ownership-election/handlers.ts';
import { hosts } from '../../../lib/serving/ownership-election/hosts.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

interface Body {
  readonly fencingToken: number;
  readonly holder: string | null;
  readonly leaseMs: number;
  readonly value: number;
  readonly conflicts: number;
  readonly errors: object;
}

const stack = () => {
  const world = hosts();
  const { clock, random, table, store } = world.host();
  const { time } = world;
  const keys = memoryTable({ name: 'idempotency', clock: time });
  const run = scoped({ table, clock, random, attemptCount: 30, backoff: { baseMs: 10, limitMs: 100 } });
  const leader = scheduledLeader({ table, clock, random, name: LEADER, holder: 'candidate', leaseMs: 150_000 });
  const handler = httpFunction({
    api: ownershipApi,
    handlers: () =>
      ownershipHandlers({
        locks: store,
        resources: guarded(table),
        counters: counters({ run, nowMs: clock.nowMs }),
        leaseMs: 15_000,
        callElection: async () => void (await leader.stand()),
      }),
    services: () => ({
      log: quiet,
      clock,
      random,
      adminArns: [],
      idempotency: idempotency({ table: keys, clock, random, inProgressMs: 1_000, keepMs: 60_000 }),
    }),
  });
  const call = async (method: string, path: string, body?: object, key?: string) => {
    const headers: [string, string][] = key === undefined ? [] : [['idempotency-key', key]];
    const event = httpEvent(method, `/ownership${path}`, { headers, ...(body === undefined ? {} : { body }) });
    const answer = await time.until(handler(event, httpContext(10_000)));
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) as Body };
  };
  const post = (path: string, body: object, key?: string) => call('POST', path, body, key);
  return { ...world, call, post };
};

const LEASE = { leaseMs: 1_000 };

describe('locks', () => {
  test('one holder at a time, who can renew and release; the others are told who it is', async () => {
    const { call, post } = stack();
    const { status, body } = await post('/locks/l/acquire', { holder: 'a', ...LEASE });
    expect({ status, body }).toEqual({ status: 200, body: { fencingToken: expect.any(Number), leaseMs: 1_000 } });
    const { fencingToken } = body;
    const refused = await post('/locks/l/acquire', { holder: 'b', ...LEASE });
    expect(refused).toMatchObject({ status: 409, body: { holder: 'a', type: 'lock-held' } });
    expect(refused.headers['retry-after']).toBe('1');
    expect(await post('/locks/l/renew', { holder: 'a', fencingToken })).toMatchObject({ status: 200 });
    expect(await call('GET', '/locks/l')).toMatchObject({
      status: 200,
      body: { name: 'l', holder: 'a', fencingToken },
    });
    expect(await post('/locks/l/release', { holder: 'a', fencingToken })).toMatchObject({ status: 200 });
    expect((await call('GET', '/locks/l')).body).toMatchObject({ holder: null, fencingToken });
    expect((await post('/locks/l/acquire', { holder: 'b', ...LEASE })).body.fencingToken).toBeGreaterThan(fencingToken);
  });

  test('after a lease of silence the next one has it, and the former holder changes nothing', async () => {
    const { call, post, time } = stack();
    const { fencingToken } = (await post('/locks/l/acquire', { holder: 'a', ...LEASE })).body;
    await time.advance(1_000);
    expect((await post('/locks/l/acquire', { holder: 'b', ...LEASE })).status).toBe(200);
    for (const verb of ['renew', 'release'])
      expect(await post(`/locks/l/${verb}`, { holder: 'a', fencingToken })).toMatchObject({
        status: 409,
        body: { holder: 'b' },
      });
    expect((await call('GET', '/locks/l')).body).toMatchObject({ holder: 'b' });
  });

  test('the same holder asking again is refused like any other, unless it is the same request', async () => {
    const { post } = stack();
    const { body } = await post('/locks/l/acquire', { holder: 'a', ...LEASE }, 'k');
    expect((await post('/locks/l/acquire', { holder: 'a', ...LEASE })).status).toBe(409);
    expect((await post('/locks/l/acquire', { holder: 'a', ...LEASE }, 'k')).body).toEqual(body);
  });

  test('a refusal is not all that an idempotency-key will ever be told', async () => {
    const { post } = stack();
    const { fencingToken } = (await post('/locks/l/acquire', { holder: 'a', ...LEASE })).body;
    expect((await post('/locks/l/acquire', { holder: 'b', ...LEASE }, 'k')).status).toBe(409);
    await post('/locks/l/release', { holder: 'a', fencingToken });
    expect((await post('/locks/l/acquire', { holder: 'b', ...LEASE }, 'k')).status).toBe(200);
  });

  test('without a lease the stage says how long; a lock that never was is not found', async () => {
    const { call, post } = stack();
    expect((await post('/locks/l/acquire', { holder: 'a' })).body.leaseMs).toBe(15_000);
    expect((await call('GET', '/locks/other')).status).toBe(404);
    expect((await post('/locks/other/renew', { holder: 'a', fencingToken: 1 })).body.holder).toBeNull();
  });
});

describe('resources', () => {
  test.each([['\ud800'], [{ a: ['\udfff'] }], [{ '\ud800': 1 }]])('a lone surrogate is refused', async (value) => {
    const { call } = stack();
    expect((await call('PUT', '/resources/r', { fencingToken: 7, value })).status).toBe(400);
    expect((await call('GET', '/resources/r')).status).toBe(404);
  });

  test('a lower token than one seen is refused with the one seen; any JSON is kept as it is', async () => {
    const { call } = stack();
    const value = { list: [1.5, null, '\0', 1e300, true], empty: {} };
    expect((await call('GET', '/resources/r')).status).toBe(404);
    expect((await call('PUT', '/resources/r', { fencingToken: 7, value })).status).toBe(200);
    expect(await call('PUT', '/resources/r', { fencingToken: 6, value: 'late' })).toMatchObject({
      status: 409,
      body: { type: 'fenced', fencingToken: 7 },
    });
    expect((await call('GET', '/resources/r')).body).toEqual({ fencingToken: 7, value });
    expect((await call('PUT', '/resources/r', { fencingToken: 7, value: null })).status).toBe(200);
    expect((await call('GET', '/resources/r')).body).toEqual({ fencingToken: 7, value: null });
  });
});

describe('the leader', () => {
  test('is elected when somebody asks and nobody leads yet, and stays', async () => {
    const { call, time } = stack();
    const first = await call('GET', '/leader');
    expect(first).toMatchObject({ status: 200, body: { holder: 'candidate', leaseMs: 150_000 } });
    await time.advance(1_000);
    expect((await call('GET', '/leader')).body).toMatchObject({ fencingToken: first.body.fencingToken });
  });

  test('is not a lock of clients', async () => {
    const { call, post } = stack();
    await post('/locks/leader/acquire', { holder: 'usurper' });
    expect((await call('GET', '/leader')).body.holder).toBe('candidate');
  });
});

describe('counters', () => {
  test('add up, also when many add at once', async () => {
    const { post, time } = stack();
    const answers = await time.until(
      Promise.all(Array.from({ length: 10 }, () => post('/counters/c', { add: 2 }).then(({ body }) => body.value))),
    );
    expect(answers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, index) => 2 * index + 2));
    expect((await post('/counters/c', { add: -20 })).body).toEqual({ value: 0, conflicts: 0 });
  });

  test('an addition under a key counts once, though its first answer was lost with the host', async () => {
    const { post, time } = stack();
    expect((await post('/counters/c', { add: 1 }, 'k')).body.value).toBe(1);
    await time.advance(61_000);
    // The answer is forgotten, as after a crash before it was kept; the addition is not.
    expect((await post('/counters/c', { add: 1 }, 'k')).body.value).toBe(1);
    expect((await post('/counters/c', { add: 1 })).body.value).toBe(2);
  });

  test('a sum that would not be exact is refused, and changes nothing', async () => {
    const { post } = stack();
    await post('/counters/c', { add: Number.MAX_SAFE_INTEGER });
    expect(await post('/counters/c', { add: 1 })).toMatchObject({
      status: 409,
      body: { value: Number.MAX_SAFE_INTEGER },
    });
    expect((await post('/counters/c', { add: 0 })).body.value).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('what cannot be is refused, and says where', () => {
  test.each([
    ['/locks/l/acquire', { holder: '', leaseMs: 1_000 }, 'holder'],
    ['/locks/l/acquire', { holder: 'a', leaseMs: 99 }, 'leaseMs'],
    ['/locks/l/acquire', { holder: 'a', leaseMs: 1e9 }, 'leaseMs'],
    ['/locks/l/acquire', { leaseMs: 1_000 }, 'holder'],
    ['/locks/l/acquire', { holder: 'a\0', leaseMs: 1_000 }, 'holder'],
    ['/locks/l/renew', { holder: 'a', fencingToken: '1' }, 'fencingToken'],
    ['/locks/l/renew', { holder: 'a' }, 'fencingToken'],
    ['/locks/l/release', { holder: 'a', fencingToken: -1 }, 'fencingToken'],
    ['/locks/l/release', { holder: 'a', fencingToken: 2 ** 53 }, 'fencingToken'],
    ['/counters/c', { add: 0.5 }, 'add'],
    ['/counters/c', { add: 1e300 }, 'add'],
    ['/counters/c', {}, 'add'],
    ['/locks/l/acquire', { holder: 'a', leaseMs: 1_000, force: true }, 'force'],
  ])('%s %j', async (path, body, field) => {
    const answer = await stack().post(path, body);
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body.errors)).toEqual([field]);
  });

  test('a resource without a value, or with a number beyond all numbers', async () => {
    const { call } = stack();
    expect((await call('PUT', '/resources/r', { fencingToken: 1 })).status).toBe(400);
    expect((await call('GET', '/locks/%00')).status).toBe(400);
    // As JSON.parse reads 1e400.
    const body = { fencingToken: 1, value: [{ much: Infinity }] };
    expect(v.safeParse(ownershipApi.routes.write.body, body).success).toBe(false);
  });
});
