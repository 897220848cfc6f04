import { randomUUID } from 'node:crypto';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** The first start on a machine packs the dictionary beside everything else. */
const FILLING_MS = 120_000;
const TEST_MS = 180_000;
/** A machine that is busy answers some requests with 504: their clients come again. */
const PATIENCE_MS = 60_000;

interface Word {
  readonly word: string;
  readonly senses: readonly { readonly partOfSpeech: string; readonly definition: string }[];
}

let place: Place;
beforeAll(async () => {
  place = await openPlace();
  const ready = () => http('GET', `${place.info.apiUrl}/replicated/ready`);
  await until(ready, ({ status }) => status === 200, FILLING_MS, 500);
}, 300_000);
afterAll(() => place.close(), 60_000);

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

const once = (path: string, { method = 'GET', body, headers = {} }: Asked = {}): Promise<HttpAnswer> => {
  const all = { 'x-client-id': randomUUID(), ...headers };
  const url = `${place.info.apiUrl}/replicated${path}`;
  return http(method, url, body === undefined ? { headers: all } : { body, headers: all });
};

const ask = (path: string, asked?: Asked): Promise<HttpAnswer> =>
  until(
    () => once(path, asked),
    ({ status }) => ![502, 503, 504].includes(status),
    PATIENCE_MS,
  );

/** LocalStack starts a process for each request that finds no free one, so that hundreds at once would choke a machine. */
const CLIENT_COUNT = 12;

/** So many requests by a few clients, each of which sends its next when it has its answer. */
const fromMany = async (count: number, send: () => Promise<HttpAnswer>): Promise<readonly HttpAnswer[]> => {
  const answers: HttpAnswer[] = [];
  let sentCount = 0;
  const client = async (): Promise<void> => {
    while (sentCount < count) {
      sentCount += 1;
      answers.push(await send());
    }
  };
  await Promise.all(Array.from({ length: CLIENT_COUNT }, client));
  return answers;
};

/** Words that nobody else has asked for: a test may find what an earlier run has loaded. */
const RARE = ['aardvark', 'bassoon', 'caliph', 'dulcimer', 'ermine', 'fescue', 'gabardine', 'halberd', 'ibex', 'jute'];
const someWord = (): string => RARE[Math.floor(Math.random() * RARE.length)] ?? 'kudzu';

describe('the dictionary', () => {
  test(
    'finds a word, and after that finds it in a cache, with its age and by a replica that is named',
    async () => {
      const word = someWord();
      const first = await ask(`/dictionary/${word}`);
      expect(first.status).toBe(200);
      expect((first.json as Word).senses[0]?.definition.length).toBeGreaterThan(5);
      const second = await ask(`/dictionary/${word.toUpperCase()}`);
      expect(second.json).toEqual(first.json);
      expect(second.headers.get('x-cache')).toMatch(/^(hit|stale)$/);
      expect(second.headers.get('age')).toMatch(/^\d+$/);
      expect(second.headers.get('x-replica')).toMatch(/^[0-9a-f]{8}$/);
    },
    TEST_MS,
  );

  test(
    'has words of several parts, and does not have others',
    async () => {
      expect((await ask('/dictionary/ice%20cream')).json).toMatchObject({ word: 'ice cream' });
      const none = await ask(`/dictionary/no-${randomUUID()}`);
      expect(none.status).toBe(404);
      expect(none.headers.get('x-cache')).toBe('miss');
      expect(none.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    },
    TEST_MS,
  );

  test(
    'gives everybody the same when many ask at once',
    async () => {
      const word = `no-${randomUUID()}`;
      const answers = await fromMany(40, () => ask(`/dictionary/${word}`));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    },
    TEST_MS,
  );

  test(
    'keeps what it has loaded in a table, for all replicas',
    async () => {
      await ask('/dictionary/kumquat');
      const { Item } = await place.dynamodb.send(
        new GetItemCommand({
          TableName: place.table('replicated-cache'),
          Key: { pk: { S: 'cache/words/kumquat' }, sk: { S: 'value' } },
        }),
      );
      expect(Item?.['version']?.S).toMatch(/^[0-9a-f-]{36}$/);
      expect(Item?.['lease']).toBeUndefined();
    },
    TEST_MS,
  );
});

describe('limits', () => {
  test(
    'a client over its limit is told when to come, may come then, and hinders nobody else',
    async () => {
      const headers = { 'x-client-id': randomUUID() };
      const startedMs = performance.now();
      const answers = await fromMany(250, () => once('/sessions/none', { headers }));
      const tookS = (performance.now() - startedMs) / 1000;
      const refused = answers.filter(({ status }) => status === 429);
      const found = answers.filter(({ status }) => status === 404);
      expect(found.length).toBeLessThanOrEqual(100 + 20 * tookS + 1);
      // On a machine that is so slow that nobody is refused nothing more can be seen.
      if (tookS < 5) expect(refused.length).toBeGreaterThan(0);
      for (const answer of refused) {
        expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
        expect(answer.headers.get('ratelimit-policy')).toBe('"client";q=100;w=5');
        expect(answer.headers.get('ratelimit')).toMatch(/^"client";r=\d+;t=\d+$/);
        expect(answer.json).toMatchObject({ status: 429, type: 'rate-limited' });
      }
      expect((await ask('/sessions/none')).status).toBe(404);
      const seconds = Number(refused[0]?.headers.get('retry-after') ?? 1);
      await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
      expect((await ask('/sessions/none', { headers })).status).toBe(404);
    },
    TEST_MS,
  );
});

describe('sessions', () => {
  test(
    'are found by whichever replica, changed by version, and ended',
    async () => {
      const at = `/sessions/${randomUUID()}`;
      const stored = await ask(at, { method: 'PUT', body: { user: 'ada', cart: [1] } });
      expect(stored.status).toBe(200);
      const found = await Promise.all(Array.from({ length: 10 }, () => ask(at)));
      for (const answer of found) expect(answer.json).toEqual({ user: 'ada', cart: [1] });
      const ifMatch = { 'if-match': found[0]?.headers.get('etag') ?? '' };
      const changes = await Promise.all(
        [2, 3, 4].map((n) => once(at, { method: 'PUT', body: { user: 'ada', cart: [n] }, headers: ifMatch })),
      );
      expect(changes.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
      expect(changes.filter(({ status }) => status === 409).length).toBeGreaterThan(0);
      expect((await ask(at, { method: 'DELETE' })).status).toBe(204);
      expect((await ask(at)).status).toBe(404);
    },
    TEST_MS,
  );

  test(
    'that are over are not given although the table still has them',
    async () => {
      const id = randomUUID();
      const fields = { data: { S: '{}' }, version: { S: 'v' }, expiresAtMs: { N: String(Date.now() - 1_000) } };
      await place.dynamodb.send(
        new PutItemCommand({
          TableName: place.table('replicated-sessions'),
          Item: { pk: { S: `session/web/${id}` }, sk: { S: 'session' }, ...fields },
        }),
      );
      expect((await ask(`/sessions/${id}`)).status).toBe(404);
    },
    TEST_MS,
  );
});

test(
  'rubbish is refused, and hurts nobody',
  async () => {
    const put = (body: unknown, headers: Record<string, string> = {}) =>
      ask('/sessions/s', { method: 'PUT', body, headers });
    const answers = await Promise.all([
      ask('/dictionary/%00'),
      ask(`/dictionary/${'x'.repeat(101)}`),
      ask('/dictionary/a', { headers: { 'x-client-id': 'a b' } }),
      ask('/dictionary/a?x=1'),
      put('[1]', { 'content-type': 'application/json' }),
      put('{"__proto__": 1}', { 'content-type': 'application/json' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
    expect((await put('x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await put({ big: 'x'.repeat(70_000) })).status).toBe(413);
    expect((await ask('/dictionary')).status).toBe(404);
    expect((await ask('/sessions/s', { method: 'POST', body: {} })).status).toBe(405);
    expect((await ask('/ready')).status).toBe(200);
  },
  TEST_MS,
);

test(
  'what a replica came to is told',
  async () => {
    const report = (await ask('/cache')).json as Record<string, unknown>;
    expect(report).toMatchObject({ hitRate: expect.any(Number), loadCount: expect.any(Number) });
  },
  TEST_MS,
);
