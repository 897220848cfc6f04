import { http, until, type HttpAnswer } from '../support/http.ts';
import { rawHttp } from '../support/raw-http.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(async () => {
  // What was sent in this file has hurt nobody: the same processes still answer.
  expect((await stack.refresh())?.functionHostPid).toBe(stack.info.functionHostPid);
  expect((await http('GET', `${stack.info.apiUrl}/health`)).status).toBe(200);
  expect(await stack.stop()).toBe(0);
}, 60_000);

const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  http(method, `${stack.info.apiUrl}${path}`, { ...(body === undefined ? {} : { body }), headers });

const JOBS = '/work-queue/jobs';
const job = (id: string): string => `{"worker":"record","items":[{"id":${id}}]}`;
const nested = (depth: number): string =>
  `{"worker":"record","items":[{"id":"a","payload":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;

describe('a request that cannot be served is answered as the contract says', () => {
  test.each([
    ['JSON that is cut off', 400, JOBS, '{"worker":'],
    ['an empty body', 400, JOBS, ''],
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

  test('a wrong admin token is 401, on a switch of faults nothing is changed', async () => {
    const faults = '{"faults":[{"at":"bus","kind":"error"}]}';
    expect((await send('PUT', '/faults', faults)).status).toBe(401);
    expect((await send('PUT', '/faults', faults, { authorization: 'Bearer wrong' })).status).toBe(401);
    const admin = { authorization: `Bearer ${stack.info.adminToken}` };
    expect((await send('GET', '/faults', undefined, admin)).json).toEqual({ faults: [] });
    expect((await send('PUT', '/faults', '{"faults":[{"at":"bus","kind":"explode"}]}', admin)).text).toContain(
      'explode',
    );
    expect((await send('PATCH', '/faults', '{}', admin)).status).toBe(405);
  });

  test.each([
    [
      'two lengths',
      'POST /work-queue/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
    ],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n: x\r\n\r\n'],
    ['no HTTP at all', 'hello\r\n\r\n'],
  ])('%s is no request: 400', async (_what, bytes) => {
    expect(await rawHttp(stack.info.apiUrl, bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('a request by another name than this machine, or from a page of another origin, is 403', async () => {
    const request = (head: string) =>
      rawHttp(stack.info.apiUrl, `GET /health HTTP/1.1\r\n${head}\r\nconnection: close\r\n\r\n`);
    expect(await request('host: evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await request('host: 127.0.0.1\r\norigin: https://evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await request('host: localhost\r\norigin: http://localhost:3000')).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('idempotency-key', () => {
  test('the same key and body: the same job; another body: 422', async () => {
    const key = { 'idempotency-key': 'one-job' };
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
    const bytes = `POST ${JOBS} HTTP/1.1\r\n${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
    expect(await rawHttp(stack.info.apiUrl, bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('fifty at once with one key make one job; who comes too early is told when to come again', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send('POST', JOBS, job('"p"'), { 'idempotency-key': 'parallel' })),
    );
    const made = answers.filter(({ status }) => status === 202);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      expect(answer.status).toBe(409);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });
});

test('a traceparent is taken over, or made, and returned', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const given = await send('GET', '/health', undefined, { traceparent: `00-${trace}-b7ad6b7169203331-01` });
  expect(given.headers.get('traceparent')).toContain(trace);
  const made = await send('GET', '/health', undefined, { traceparent: 'nonsense' });
  expect(made.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
});

test('a queue message that is no item becomes a dead letter with a reason, and is not tried for ever', async () => {
  const url = Object.entries(stack.info.queues).find(([name]) => name.endsWith('-work-queue-items'))?.[1];
  const body = JSON.stringify({ QueueUrl: url, MessageBody: 'this is not JSON' });
  const sent = await http('POST', stack.info.awsEndpointUrl, {
    body,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.SendMessage' },
  });
  expect(sent.status).toBe(200);
  const dead = await until(
    () => send('GET', '/work-queue/dead-letters'),
    ({ text }) => text.includes('reason'),
    30_000,
  );
  expect(dead.json).toMatchObject({ deadLetters: [{ reason: expect.stringContaining('JSON'), attempts: 1 }] });
});
