import { randomUUID } from 'node:crypto';
import { http, until, type HttpAnswer } from '../support/http.ts';
import { openPlace, type Place } from '../support/place.ts';
import { rawHttp } from '../support/raw-http.ts';

let place: Place;
let hostPid: number | undefined;
beforeAll(async () => {
  place = await openPlace();
  hostPid = await place.functionHostPid();
}, 150_000);
afterAll(async () => {
  // What was sent in this file has hurt nobody: the same processes still answer.
  expect(await place.functionHostPid()).toBe(hostPid);
  expect((await http('GET', `${place.info.apiUrl}/health`)).status).toBe(200);
  await place.close();
}, 60_000);

const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  http(method, `${place.info.apiUrl}${path}`, { ...(body === undefined ? {} : { body }), headers });

const JOBS = '/work-queue/jobs';
const job = (id: string): string => `{"worker":"record","items":[{"id":${id}}]}`;
const nested = (depth: number): string =>
  `{"worker":"record","items":[{"id":"a","payload":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;

test('the stack says that it is well, what patterns it has, and how to call them', async () => {
  const health = await send('GET', '/health');
  expect([health.status, health.json]).toEqual([200, { status: 'ok' }]);
  const { patterns } = (await send('GET', '/')).json as {
    patterns: readonly { name: string; routes: readonly string[]; queues: string[] }[];
  };
  const queues = Object.keys(place.info.queues);
  for (const pattern of patterns) expect(queues).toEqual(expect.arrayContaining(pattern.queues));
  const { paths } = (await send('GET', '/openapi.json')).json as { paths: object };
  for (const { name, routes } of patterns) {
    const documented = routes.filter((route) => Object.hasOwn(paths, route.replace(/^\w+ /, '').replace('+}', '}')));
    expect({ name, documented }).toEqual({ name, documented: routes });
    expect(routes.length).toBeGreaterThan(0);
  }
});

describe('a request that cannot be served is answered as the contract says', () => {
  test.each([
    ['JSON that is cut off', 400, JOBS, '{"worker":'],
    ['an empty body', 400, JOBS, ''],
    ['a body of 0', 400, JOBS, '0'],
    ['a body of false', 400, JOBS, 'false'],
    ['an unknown field', 400, JOBS, '{"worker":"record","items":[{"id":"a"}],"colour":"red"}'],
    ['an unknown worker', 400, JOBS, '{"worker":"dig","items":[{"id":"a"}]}'],
    ['an item without an id', 400, JOBS, '{"worker":"record","items":[{}]}'],
    ['neither items nor source nor open', 400, JOBS, '{"worker":"record"}'],
    ['NUL in an id', 400, JOBS, job('"a\\u0000b"')],
    ['a lone surrogate in an id', 400, JOBS, job('"\\ud800"')],
    ['an id that is a number', 400, JOBS, job('7')],
    ['nesting deeper than 32', 400, JOBS, nested(40)],
    ['a 19 kB nest of arrays', 400, JOBS, nested(9500)],
    ['an own key __proto__', 400, JOBS, '{"worker":"record","items":[{"id":"a","payload":{"__proto__":{"x":1}}}]}'],
    ['an own key constructor', 400, JOBS, '{"worker":"record","items":[{"id":"a","payload":{"constructor":1}}]}'],
    ['a body over 64 KiB', 413, JOBS, `{"worker":"record","items":[{"id":"a","payload":"${'x'.repeat(65_536)}"}]}`],
    ['a body over 10 MB', 413, JOBS, 'x'.repeat(10 * 1024 * 1024 + 1)],
    ['a part for a job that is not there', 404, `${JOBS}/nobody/items`, '{"items":[{"id":"a"}]}'],
    ['a path that is not there', 404, '/work-queue/nothing', '{}'],
    ['a pattern that is not there', 404, '/nothing', '{}'],
  ])('%s: %i', async (_what, status, path, body) => {
    const answer = await send('POST', path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
    expect(answer.text).not.toMatch(/ at .*\.(ts|mjs|js):\d+/);
  });

  test('problems are application/problem+json and name the field', async () => {
    const answer = await send('POST', JOBS, '{"worker":"dig","items":[{"id":"a"}]}');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ status: 400, title: 'Bad Request', errors: { worker: expect.any(Array) } });
  });

  test('another method of a known route is 405 with Allow, another type is 415', async () => {
    const answer = await send('DELETE', JOBS);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    expect((await send('POST', JOBS, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
  });

  test('paths and queries that cannot be decoded, and unknown query fields, are 400', async () => {
    expect((await send('GET', `${JOBS}/%E0%A4%A`)).status).toBe(400);
    expect((await send('GET', `${JOBS}/abc?nope=1`)).status).toBe(400);
  });

  test('an admin route opens to the admin token only', async () => {
    const redrive = (headers: Record<string, string>) =>
      send('POST', '/work-queue/dead-letters/redrive', '{"dryRun":true}', headers);
    expect((await redrive({})).status).toBe(401);
    expect((await redrive({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await redrive({ authorization: `Bearer ${place.info.adminToken}` })).status).toBe(200);
  });
});

describe('idempotency-key', () => {
  test('the same key and body: the same job; another body: 422', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await send('POST', JOBS, job('"a"'), key);
    const second = await send('POST', JOBS, job('"a"'), key);
    const other = await send('POST', JOBS, job('"b"'), key);
    expect([first.status, second.status, other.status]).toEqual([202, 202, 422]);
    expect(second.json).toEqual(first.json);
    expect(other.json).toMatchObject({ type: 'idempotency-key-reused' });
  });

  test('two keys in one request are refused', async () => {
    const head = 'host: 127.0.0.1\r\ncontent-type: application/json\r\nidempotency-key: a\r\nidempotency-key: b';
    const body = job('"a"');
    const path = new URL(`${place.info.apiUrl}${JOBS}`).pathname;
    const bytes = `POST ${path} HTTP/1.1\r\n${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
    expect(await rawHttp(place.info.apiUrl, bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('twenty at once with one key make one job; who comes too early is told when to come again', async () => {
    const key = { 'idempotency-key': randomUUID() };
    // As a client must: after an answer of the platform that says nothing of the request, the same key again.
    const patiently = (): Promise<HttpAnswer> =>
      until(
        () => send('POST', JOBS, job('"p"'), key),
        ({ status }) => status < 502,
        60_000,
      );
    const answers = await Promise.all(Array.from({ length: 20 }, patiently));
    const made = answers.filter(({ status }) => status === 202);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      expect(answer.status).toBe(409);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  }, 120_000);
});

test('a traceparent is taken over, or made, and returned', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const given = await send('GET', '/health', undefined, { traceparent: `00-${trace}-b7ad6b7169203331-01` });
  expect(given.headers.get('traceparent')).toContain(trace);
  const made = await send('GET', '/health', undefined, { traceparent: 'nonsense' });
  expect(made.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
});
