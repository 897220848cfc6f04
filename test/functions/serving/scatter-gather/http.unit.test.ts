import { httpFunction } from '#http/http-function';
import { UnavailableError } from '#primitives/errors';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { scatterGatherApi } from '../../../../functions/serving/scatter-gather/api.ts';
import { scatterGatherHandlers } from '../../../../functions/serving/scatter-gather/handlers.ts';
import { quiet, searchWorld } from '../../../lib/serving/scatter-gather/documents/search-world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

const LEAVES = 3;

const stack = () => {
  const world = searchWorld({ leafCount: LEAVES, policy: { deadlineMs: 8_000 } });
  const { clock } = world;
  const random = seededRandom(7);
  let isDown = false;
  const queue = memoryQueue({ name: 'documents', clock, random });
  const documents = {
    ...queue,
    sendBatch: (...args: Parameters<typeof queue.sendBatch>) =>
      isDown ? Promise.reject(new UnavailableError('SendMessageBatch')) : queue.sendBatch(...args),
  };
  const handler = httpFunction({
    api: scatterGatherApi,
    handlers: () => scatterGatherHandlers({ search: world.search, documents, leafCount: LEAVES }),
    services: () => ({
      log: quiet,
      clock,
      random,
      idempotency: idempotency({
        table: memoryTable({ name: 'idempotency', clock }),
        clock,
        random,
        inProgressMs: 1_000,
        keepMs: 60_000,
      }),
    }),
  });
  const call = async (method: string, path: string, body?: unknown, headers: [string, string][] = []) => {
    const [pathname = '', search = ''] = path.split('?');
    const query = [...new URLSearchParams(search)];
    const event = httpEvent(method, pathname, { query, ...(body === undefined ? {} : { body }), headers });
    const answer = await clock.until(handler(event, httpContext(10_000)));
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> };
  };
  return { world, queue, call, down: () => (isDown = true) };
};

const documents = [{ id: 'a', text: 'the quick brown fox' }];

test('documents are accepted by one message with the same body; a repeat under the same key sends none', async () => {
  const { queue, call } = stack();
  const key: [string, string][] = [['idempotency-key', 'k']];
  for (const _ of [1, 2])
    expect(await call('POST', '/scatter-gather/documents', { documents }, key)).toEqual({
      status: 202,
      body: { accepted: 1 },
    });
  const messages = await queue.receive({ maxCount: 10 });
  expect(messages.map(({ body }) => JSON.parse(body) as unknown)).toEqual([{ documents }]);
  expect(messages[0]?.attributes['traceparent']).toMatch(/^00-/);
});

test('when the queue takes nothing the client may come again', async () => {
  const { call, down } = stack();
  down();
  expect(await call('POST', '/scatter-gather/documents', { documents })).toMatchObject({ status: 503 });
});

test('a search tells the results, how many leaves answered, who is missing and why', async () => {
  const { world, call } = stack();
  await world.put([...documents, { id: 'b', text: 'fox fox' }, { id: 'c', text: 'dog' }]);
  const found = await call('GET', '/scatter-gather/search?q=fox&limit=1');
  expect(found).toEqual({
    status: 200,
    body: {
      results: [{ id: 'b', score: expect.any(Number), excerpt: 'fox fox' }],
      leaves: { answered: 3, missing: [] },
      hedged: 0,
      repeated: 0,
      tookMs: 0,
    },
  });
  world.broken.set('leaf-1', () => new Promise(() => {}));
  world.broken.set('leaf-2', () => Promise.reject(new Error('a secret of the insides')));
  const partial = await call('GET', '/scatter-gather/search?q=fox&deadlineMs=500');
  expect(partial.body).toMatchObject({
    leaves: {
      answered: 1,
      missing: [
        { leaf: 'leaf-1', reason: 'deadline' },
        { leaf: 'leaf-2', reason: 'failed' },
      ],
    },
    tookMs: 500,
  });
  expect(JSON.stringify(partial.body)).not.toContain('secret');
});

test('fewer leaves than the quorum: 503, and who is missing', async () => {
  const { world, call } = stack();
  world.broken.set('leaf-1', () => new Promise(() => {}));
  expect(await call('GET', '/scatter-gather/search?q=fox&deadlineMs=50&quorum=3')).toEqual({
    status: 503,
    body: {
      status: 503,
      type: 'quorum-missed',
      title: 'Service Unavailable',
      detail: '2 of 3 leaves answered, 3 are asked for. Missing: leaf-1 (deadline).',
    },
  });
  expect(await call('GET', '/scatter-gather/search?q=fox&deadlineMs=50&quorum=2')).toMatchObject({ status: 200 });
});

test.each([
  ['q', '/scatter-gather/search'],
  ['q', '/scatter-gather/search?q='],
  ['q', `/scatter-gather/search?q=${'x'.repeat(513)}`],
  ['q', '/scatter-gather/search?q=%00'],
  ['limit', '/scatter-gather/search?q=a&limit=0'],
  ['limit', '/scatter-gather/search?q=a&limit=1e2'],
  ['deadlineMs', '/scatter-gather/search?q=a&deadlineMs=8001'],
  ['quorum', '/scatter-gather/search?q=a&quorum=4'],
  ['colour', '/scatter-gather/search?q=a&colour=red'],
])('a wrong %s is named: %s', async (field, path) => {
  const { status, body } = await stack().call('GET', path);
  expect(status).toBe(400);
  expect(Object.keys(body['errors'] as object)).toEqual([field]);
});

test.each([
  ['documents', {}],
  ['documents', { documents: [] }],
  ['documents.0.id', { documents: [{ id: '', text: 'x' }] }],
  ['documents.0.text', { documents: [{ id: 'a', text: '' }] }],
  ['documents.0.text', { documents: [{ id: 'a', text: '\ud800' }] }],
  ['documents.0.id', { documents: [{ id: 'e\u0301', text: 'x' }] }],
])('wrong documents are named: %s', async (field, body) => {
  const answer = await stack().call('POST', '/scatter-gather/documents', body);
  expect(answer.status).toBe(400);
  expect(Object.keys(answer.body['errors'] as object)).toEqual([field]);
});

test('advice comes of the calls that were seen, and of enough of them', async () => {
  const { call } = stack();
  expect(await call('GET', '/scatter-gather/advice')).toMatchObject({ status: 409 });
  for (let n = 0; n < 34; n += 1) await call('GET', '/scatter-gather/search?q=fox');
  const { status, body } = await call('GET', '/scatter-gather/advice?percentile=90');
  expect(status).toBe(200);
  expect(body).toMatchObject({ sampleCount: 102, leafCount: 1 });
  expect(body['forecasts']).toHaveLength(40);
});
