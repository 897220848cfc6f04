import { httpFunction } from '#http/http-function';
import { memoryClock } from '#primitives/memory/clock';
import { memoryObjects } from '#primitives/memory/objects';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { UnavailableError } from '#primitives/errors';
import { gzipSync } from 'node:zlib';
import { cache } from '#serving/replicated/cache';
import { exactLimiter } from '#serving/replicated/exact-limiter';
import { memoryLimiter } from '#serving/replicated/memory-limiter';
import { replica } from '#serving/replicated/replica';
import { sessions } from '#serving/replicated/sessions';
import { admission } from '../../../../functions/serving/replicated/admission.ts';
import { replicatedApi } from '../../../../functions/serving/replicated/api.ts';
import { dictionarySource } from '../../../../functions/serving/replicated/dictionary/source.ts';
import { objectKeyOf } from '../../../../functions/serving/replicated/dictionary/words.ts';
import { replicatedHandlers, type Senses } from '../../../../functions/serving/replicated/handlers.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';

const house = { partOfSpeech: 'noun', definition: 'where one lives', examples: [], synonyms: [] } as const;

const stack = async (quotas: { readonly client?: number; readonly all?: number } = {}) => {
  const clock = memoryClock();
  const random = seededRandom(1);
  const away = { limits: false, bucket: false };
  const hanging = new Set<string>();
  const wire = memoryWire({
    intercept: async ({ name, operation }, apply) => {
      // As long as an SDK tries: three times 5 s.
      if (hanging.has(name)) {
        await clock.sleep(15_000);
        throw new UnavailableError(operation);
      }
      if ((away.limits && name === 'limits') || (away.bucket && name === 'dictionary'))
        throw new UnavailableError(operation);
      return apply();
    },
  });
  const table = (name: string) => memoryTable({ name, clock, wire });
  const objects = memoryObjects({ name: 'dictionary', wire });
  await objects.put(objectKeyOf('house'), gzipSync(JSON.stringify({ house: [house] })));
  await objects.put(objectKeyOf('nowhere'), gzipSync('{}'));
  const find = dictionarySource({ objects, clock, patienceMs: 1_000 });
  const words = cache<Senses>({
    name: 'words',
    load: async (word, signal) => (await find(word, signal)) as Senses | undefined,
    clock,
    random,
    shared: { table: table('cache'), leaseMs: 3_000, pollMs: 20, maxClockSkewMs: 0, timeoutMs: 1_000, pauseMs: 5_000 },
    softTtlMs: 10_000,
    hardTtlMs: 100_000,
    staleIfErrorMs: 1_000_000,
    negativeTtlMs: 5_000,
    jitter: 0,
    loadTimeoutMs: 2_000,
    errorPauseMs: 0,
    maxEntryCount: 100,
    maxBytes: Infinity,
    maxLoadCount: 10,
  });
  const limits = table('limits');
  const limit = (name: string, burstCount: number) => {
    const quota = { ratePerSecond: 1, burstCount };
    const common = { table: limits, clock, random, maxClockSkewMs: 0, maxKeyCount: 100, maxWaitingCount: 100 };
    return {
      name,
      quota,
      limiter: exactLimiter({ ...common, ...quota, name }),
      fallback: memoryLimiter({ clock, maxKeyCount: 100, ...quota }),
    };
  };
  const one = replica({ name: 'r1', clock, checks: [], checkTimeoutMs: 100, recheckMs: 0 });
  const handler = httpFunction({
    api: replicatedApi,
    handlers: () =>
      replicatedHandlers({
        words,
        sessions: sessions({ table: table('sessions'), name: 'web', clock, random, ttlMs: 60_000 }),
        replica: one,
        admit: admission({
          perClient: limit('client', quotas.client ?? 50),
          overall: limit('all', quotas.all ?? 500),
          clock,
          random,
          timeoutMs: 1_000,
          pauseMs: 5_000,
        }),
        clock,
      }),
    services: () => ({ log: quiet, clock, random }),
  });
  const call = async (
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ) => {
    const { body, headers = {} } = options;
    const event = httpEvent(method, path, {
      headers: Object.entries(headers),
      ...(body === undefined ? {} : { body }),
    });
    const answer = await clock.until(handler(event, httpContext(10_000)));
    const json = answer.body === '' ? undefined : (JSON.parse(answer.body) as Record<string, unknown>);
    return { status: answer.statusCode, headers: answer.headers, body: json };
  };
  return { clock, wire, away, hanging, replica: one, call };
};

describe('GET /replicated/dictionary/{word}', () => {
  test('is a miss, then a hit with its age, then stale; each says which replica answered', async () => {
    const { clock, call } = await stack();
    const first = await call('GET', '/replicated/dictionary/House');
    expect(first).toMatchObject({
      status: 200,
      body: { word: 'house', senses: [house] },
      headers: { 'x-cache': 'miss', age: '0', 'x-replica': 'r1' },
    });
    await clock.advance(9_999);
    expect((await call('GET', '/replicated/dictionary/house')).headers).toMatchObject({ 'x-cache': 'hit', age: '9' });
    await clock.advance(1);
    expect((await call('GET', '/replicated/dictionary/house')).headers).toMatchObject({ 'x-cache': 'stale' });
  });

  test('that there is no such word is a 404, remembered like a word', async () => {
    const { call } = await stack();
    expect(await call('GET', '/replicated/dictionary/nowhere')).toMatchObject({
      status: 404,
      headers: { 'x-cache': 'miss' },
    });
    expect((await call('GET', '/replicated/dictionary/nowhere')).headers).toMatchObject({ 'x-cache': 'hit' });
  });

  test('while the bucket is away, what was known is given as stale, and the rest is 503', async () => {
    const { clock, away, call } = await stack();
    await call('GET', '/replicated/dictionary/house');
    away.bucket = true;
    await clock.advance(200_000);
    expect(await call('GET', '/replicated/dictionary/house')).toMatchObject({
      status: 200,
      headers: { 'x-cache': 'stale', age: '200' },
    });
    expect(await call('GET', '/replicated/dictionary/nowhere')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
  });

  test('before the dictionary is filled in it is 503', async () => {
    const { call } = await stack();
    expect((await call('GET', '/replicated/dictionary/elsewhere')).status).toBe(503);
  });

  test('while the table of the cache hangs, words are still found: late once, and then at once', async () => {
    const { clock, hanging, call } = await stack();
    hanging.add('cache');
    const startedMs = clock.monotonicMs();
    expect((await call('GET', '/replicated/dictionary/house')).status).toBe(200);
    expect(clock.monotonicMs() - startedMs).toBeLessThanOrEqual(1_000);
    const laterMs = clock.monotonicMs();
    expect((await call('GET', '/replicated/dictionary/nowhere')).status).toBe(404);
    expect(clock.monotonicMs()).toBe(laterMs);
  });

  test.each(['%20', '%09', '%0A', '%C2%A0', '%E3%80%80', '%EF%BB%BF', '%20%20%09'])(
    'a word of spaces (%s) is refused',
    async (word) => {
      const { call } = await stack();
      expect(await call('GET', `/replicated/dictionary/${word}`)).toMatchObject({
        status: 400,
        body: { errors: { word: ['Expected a character that is no space.'] } },
      });
    },
  );

  test.each(['%00', '%ED%A0%80', 'x'.repeat(101), '__proto__', 'constructor'])('%s is no 500', async (word) => {
    const { call } = await stack();
    expect((await call('GET', `/replicated/dictionary/${word}`)).status).toBeLessThan(504);
    expect((await call('GET', `/replicated/dictionary/${word}`)).status).not.toBe(500);
  });
});

describe('limits', () => {
  const many = async (times: number, call: () => Promise<{ readonly status: number }>): Promise<number> => {
    let allowedCount = 0;
    for (let index = 0; index < times; index += 1) if ((await call()).status === 200) allowedCount += 1;
    return allowedCount;
  };

  test('a client over its limit gets 429 with when to come again, others go on, and it may come then', async () => {
    const { clock, call } = await stack({ client: 5 });
    const ask = (id: string) => call('GET', '/replicated/dictionary/house', { headers: { 'x-client-id': id } });
    expect((await ask('a')).headers).toMatchObject({
      'ratelimit-policy': '"client";q=5;w=5',
      ratelimit: '"client";r=4;t=1',
    });
    expect(await many(10, () => ask('a'))).toBe(4);
    const refused = await ask('a');
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1', ratelimit: '"client";r=0;t=5' },
      body: { status: 429, type: 'rate-limited' },
    });
    expect((await ask('b')).status).toBe(200);
    await clock.advance(1_000);
    expect((await ask('a')).status).toBe(200);
    expect((await ask('a')).status).toBe(429);
  });

  test('without an id the address counts', async () => {
    const { call } = await stack({ client: 2 });
    expect(await many(5, () => call('GET', '/replicated/dictionary/house'))).toBe(2);
  });

  test('all clients together have a limit as well, and who invents ids meets that one', async () => {
    const { call } = await stack({ all: 10 });
    let index = 0;
    const ask = () => call('GET', '/replicated/dictionary/house', { headers: { 'x-client-id': `c${(index += 1)}` } });
    expect(await many(30, ask)).toBe(10);
    expect(await ask()).toMatchObject({ status: 429, headers: { ratelimit: expect.stringContaining('"all";r=0') } });
  });

  test('a refusal that is known costs no call', async () => {
    const { wire, call } = await stack({ client: 1 });
    await call('GET', '/replicated/dictionary/house');
    wire.resetCounts();
    for (let index = 0; index < 100; index += 1) await call('GET', '/replicated/dictionary/house');
    expect(wire.counts()).toEqual({});
  });

  test('while their table hangs the replica limits by itself: late once, and then at once', async () => {
    const { clock, hanging, call } = await stack({ client: 3 });
    hanging.add('limits');
    const ask = () => call('GET', '/replicated/dictionary/house');
    const startedMs = clock.monotonicMs();
    expect((await ask()).status).toBe(200);
    expect(clock.monotonicMs() - startedMs).toBe(1_000);
    const laterMs = clock.monotonicMs();
    expect(await many(10, ask)).toBe(2);
    expect(clock.monotonicMs()).toBe(laterMs);
    hanging.clear();
    await clock.advance(60_000);
    expect((await ask()).headers['ratelimit']).toBe('"client";r=2;t=1');
  });

  test('while their table is away the replica limits by itself', async () => {
    const { away, call } = await stack({ client: 3 });
    away.limits = true;
    expect(await many(10, () => call('GET', '/replicated/dictionary/house'))).toBe(3);
  });

  test.each(['', ' ', 'ä', 'x'.repeat(129), 'a b'])('the id %p is refused', async (id) => {
    const { call } = await stack();
    expect(await call('GET', '/replicated/dictionary/house', { headers: { 'x-client-id': id } })).toMatchObject({
      status: 400,
      body: { errors: { 'x-client-id': [expect.any(String)] } },
    });
  });
});

describe('sessions', () => {
  const at = '/replicated/sessions/s1';

  test('are stored, found as they were stored, and ended', async () => {
    const { call } = await stack();
    const body = { user: 'ada', cart: ['tea', { n: 2 }], b: 1e200, a: '\0' };
    const stored = await call('PUT', at, { body });
    expect(stored).toMatchObject({ status: 200, body });
    expect(stored.headers).toMatchObject({ 'x-replica': 'r1', 'x-session-token': expect.any(String) });
    const found = await call('GET', at);
    expect(found).toMatchObject({ status: 200, body, headers: { etag: stored.headers['etag'] } });
    expect(Object.keys(found.body ?? {})).toEqual(Object.keys(body));
    expect(await call('DELETE', at)).toMatchObject({ status: 204, body: undefined });
    expect((await call('GET', at)).status).toBe(404);
    expect((await call('DELETE', at)).status).toBe(204);
  });

  test('are over after their time', async () => {
    const { clock, call } = await stack();
    await call('PUT', at, { body: {} });
    await clock.advance(60_000);
    expect((await call('GET', at)).status).toBe(404);
  });

  test('a change of an old version is 409, and names the new one', async () => {
    const { call } = await stack();
    const first = await call('PUT', at, { body: { n: 1 } });
    const ifMatch = { 'if-match': first.headers['etag'] ?? '' };
    const second = await call('PUT', at, { body: { n: 2 }, headers: ifMatch });
    expect(second.status).toBe(200);
    expect(await call('PUT', at, { body: { n: 3 }, headers: ifMatch })).toMatchObject({
      status: 409,
      headers: { etag: second.headers['etag'] },
    });
    expect((await call('PUT', at, { body: {}, headers: { 'if-none-match': '*' } })).status).toBe(409);
    expect((await call('GET', at)).body).toEqual({ n: 2 });
  });

  test.each([
    [{ 'if-match': '*' }, 'if-match'],
    [{ 'if-match': '"a", "b"' }, 'if-match'],
    [{ 'if-match': 'W/"a"' }, 'if-match'],
    [{ 'if-match': 'a' }, 'if-match'],
    [{ 'if-none-match': '"other"' }, 'if-none-match'],
    [{ 'if-none-match': '*', 'if-match': '"a"' }, 'if-none-match'],
  ])('the condition %j is refused, with what is allowed', async (headers, name) => {
    const { call } = await stack();
    await call('PUT', at, { body: { n: 1 } });
    expect(await call('PUT', at, { body: { n: 2 }, headers })).toMatchObject({
      status: 400,
      body: { errors: { [name]: [expect.stringContaining('Expected')] } },
    });
    expect((await call('GET', at)).body).toEqual({ n: 1 });
  });

  test.each([
    ['no object', '[]'],
    ['a prototype', '{"__proto__": {}}'],
    ['a lone surrogate', String.raw`{"a": ["\ud800"]}`],
    ['a name with a lone surrogate', String.raw`{"\udfff": 1}`],
    ['not JSON', '{'],
  ])('%s is refused', async (_, body) => {
    const { call } = await stack();
    const headers = { 'content-type': 'application/json' };
    expect((await call('PUT', at, { body, headers })).status).toBe(400);
  });
});

test('a replica that drains takes nothing more, and says so', async () => {
  const { replica: one, call } = await stack();
  expect(await call('GET', '/replicated/ready')).toMatchObject({
    status: 200,
    body: { status: 'ready', replica: 'r1', checks: [] },
  });
  await one.drain(0);
  expect(await call('GET', '/replicated/ready')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(await call('GET', '/replicated/dictionary/house')).toMatchObject({ status: 503 });
});

test('what the cache came to is told', async () => {
  const { call } = await stack();
  for (let times = 0; times < 4; times += 1) await call('GET', '/replicated/dictionary/house');
  expect((await call('GET', '/replicated/cache')).body).toMatchObject({
    replica: 'r1',
    hitCount: 3,
    missCount: 1,
    loadCount: 1,
    hitRate: 0.75,
  });
});
