import { httpFunction } from '#http/http-function';
import { recordWorker } from '#batch/work-queue/record-worker';
import { queueScaler } from '#batch/work-queue/scaling/queue-scaler';
import { thumbnailWorker } from '#batch/work-queue/thumbnail-worker';
import { InvalidArgumentError } from '#primitives/errors';
import { memoryConcurrencyLimit } from '#primitives/memory/concurrency-limit';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { workQueueApi } from '../../../../functions/batch/work-queue/api.ts';
import { workQueueHandlers } from '../../../../functions/batch/work-queue/handlers.ts';
import { quiet, someItems, world } from '../../../lib/batch/work-queue/world.ts';

/** What the answers may hold, taken together. */
interface Body {
  readonly jobId: string;
  readonly results: readonly unknown[];
  readonly deadLetters: readonly unknown[];
  readonly errors: Readonly<Record<string, readonly string[]>>;
}

const stack = () => {
  const w = world();
  const { clock } = w;
  const random = seededRandom(7);
  const bucketOf = (name: string) =>
    name === 'media'
      ? w.media
      : { ...w.media, name, list: () => Promise.reject(new InvalidArgumentError(`There is no bucket ${name}.`)) };
  const workers = [recordWorker({ clock, misbehaves: true }), thumbnailWorker({ bucketOf, thumbnails: w.media })];
  const table = memoryTable({ name: 'idempotency', clock });
  const limit = memoryConcurrencyLimit();
  const scaler = queueScaler({ queue: w.items, limit, jobs: w.jobs, clock, log: quiet });
  const handler = httpFunction({
    api: workQueueApi,
    handlers: () => workQueueHandlers({ queue: w.api, workers, bucketOf, startRedrive: w.startRedrive, scaler }),
    services: () => ({
      log: quiet,
      clock,
      random,
      adminToken: 'secret',
      idempotency: idempotency({ table, clock, random, inProgressMs: 1_000, keepMs: 60_000 }),
    }),
  });
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [pathname = '', search = ''] = path.split('?');
    const all = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers };
    const query = Object.fromEntries(new URLSearchParams(search));
    const event = {
      httpMethod: method,
      path: pathname,
      headers: all,
      multiValueHeaders: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]])),
      queryStringParameters: query,
      multiValueQueryStringParameters: Object.fromEntries(
        Object.entries(query).map(([name, value]) => [name, [value]]),
      ),
      body: body === undefined ? null : JSON.stringify(body),
      isBase64Encoded: false,
      requestContext: {},
    };
    const answer = await clock.until(handler(event, { getRemainingTimeInMillis: () => 10_000 }));
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Body };
  };
  return { w, limit, call };
};

test('a job is accepted, done, and tells its results', async () => {
  const { w, call } = stack();
  const accepted = await call('POST', '/work-queue/jobs', {
    worker: 'record',
    items: [{ id: 'a' }, { id: 'b', payload: { fail: 'always' } }],
  });
  expect(accepted).toEqual({ status: 202, body: { jobId: expect.stringMatching(/^[0-9a-f-]{36}$/), total: 2 } });
  const { jobId } = accepted.body;
  await w.drain();
  expect(await call('GET', `/work-queue/jobs/${jobId}`)).toEqual({
    status: 200,
    body: { jobId, status: 'done-with-failures', total: 2, pending: 0, inFlight: 0, done: 1, failed: 1 },
  });
  const { body } = await call('GET', `/work-queue/jobs/${jobId}/results`);
  expect(body.results).toContainEqual({ id: 'a', status: 'done', output: null, attempts: 1 });
  expect((await call('GET', '/work-queue/dead-letters')).body.deadLetters).toEqual([
    {
      jobId,
      id: 'b',
      worker: 'record',
      reason: expect.stringContaining('fail'),
      attempts: 5,
      at: expect.stringMatching(/Z$/),
    },
  ]);
});

test('the same idempotency key makes one job', async () => {
  const { w, call } = stack();
  const body = { worker: 'record', items: [{ id: 'a' }] };
  const [one, two] = [
    await call('POST', '/work-queue/jobs', body, { 'idempotency-key': 'k' }),
    await call('POST', '/work-queue/jobs', body, { 'idempotency-key': 'k' }),
  ];
  expect(two).toEqual(one);
  expect(w.jobs.dump().filter(({ key }) => key.sort === 'job')).toHaveLength(1);
});

test('an open job takes parts and is closed', async () => {
  const { w, call } = stack();
  const { jobId } = (await call('POST', '/work-queue/jobs', { worker: 'record', open: true })).body;
  expect((await call('POST', `/work-queue/jobs/${jobId}/items`, { items: someItems(20) })).body).toEqual({
    jobId,
    accepted: 20,
  });
  expect((await call('POST', `/work-queue/jobs/${jobId}/close`)).status).toBe(202);
  expect((await call('POST', `/work-queue/jobs/${jobId}/items`, { items: someItems(2) })).status).toBe(409);
  await w.drain();
  expect((await call('GET', `/work-queue/jobs/${jobId}`)).body).toMatchObject({ status: 'done', total: 20, done: 20 });
});

describe('what cannot be is refused, and says where', () => {
  test.each([
    ['an unknown worker', { worker: 'nobody', items: [] }, 'worker'],
    ['an unknown priority', { worker: 'record', items: [{ id: 'a', priority: 1 }] }, 'items.0.priority'],
    ['no instant', { worker: 'record', items: [{ id: 'a', deadlineAt: 'soon' }] }, 'items.0.deadlineAt'],
    ['an order and a priority', { worker: 'record', ordered: true, items: [{ id: 'a', priority: 'high' }] }, 'ordered'],
    ['a group in a job without order', { worker: 'record', items: [{ id: 'a', groupId: 'g' }] }, 'ordered'],
    [
      'a group without a name',
      { worker: 'record', items: [{ id: 'a', groupId: '' }], ordered: true },
      'items.0.groupId',
    ],
    ['an id of nothing', { worker: 'record', items: [{ id: '' }] }, 'items.0.id'],
    ['an id with NUL', { worker: 'record', items: [{ id: 'a\0' }] }, 'items.0.id'],
    [
      'a payload that does not fit',
      { worker: 'thumbnail', items: [{ id: 'a', payload: { bucket: 'media' } }] },
      'items.0.payload',
    ],
    ['a bucket that there is not', { worker: 'thumbnail', source: { bucket: 'elsewhere' } }, 'source.bucket'],
    ['a name that no bucket has', { worker: 'thumbnail', source: { bucket: '../x' } }, 'source.bucket'],
  ])('%s', async (_, body, field) => {
    const { call } = stack();
    const answer = await call('POST', '/work-queue/jobs', body);
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body.errors)).toContain(field);
  });

  test.each([
    ['neither list, source nor open', { worker: 'record' }],
    ['list and open', { worker: 'record', items: [], open: true }],
    ['more than 1 000 items', { worker: 'record', items: Array.from({ length: 1_001 }, (_, id) => ({ id: `${id}` })) }],
  ])('%s', async (_, body) => {
    const { call } = stack();
    expect((await call('POST', '/work-queue/jobs', body)).status).toBe(400);
  });

  test('jobs that there are not, and cursors that nobody gave', async () => {
    const { call } = stack();
    for (const path of ['/work-queue/jobs/nope', '/work-queue/jobs/nope/results'])
      expect((await call('GET', path)).status).toBe(404);
    expect((await call('POST', '/work-queue/jobs/nope/close')).status).toBe(404);
    expect((await call('POST', '/work-queue/jobs/nope/items', { items: [] })).status).toBe(404);
    const { jobId } = (await call('POST', '/work-queue/jobs', { worker: 'record', items: [] })).body;
    expect((await call('GET', `/work-queue/jobs/${jobId}/results?cursor=x`)).status).toBe(400);
    expect((await call('GET', '/work-queue/dead-letters?cursor=x')).status).toBe(400);
    expect((await call('POST', `/work-queue/jobs/${jobId}/close`)).status).toBe(409);
    expect((await call('GET', '/work-queue/jobs/%00')).status).toBe(400);
  });
});

describe('scaling', () => {
  const admin = { authorization: 'Bearer secret' };
  const automatic = { minConcurrency: 2, maxConcurrency: 50, drainMs: 60_000 };
  const put = (call: ReturnType<typeof stack>['call'], body: unknown) =>
    call('PUT', '/work-queue/scaling', body, admin);

  test('a fixed number is set on the event source, told, and taken away again', async () => {
    const { limit, call } = stack();
    const none = { mode: 'unlimited', maximumConcurrency: null, visible: 0, inFlight: 0 };
    expect(await call('GET', '/work-queue/scaling')).toEqual({ status: 200, body: none });
    const fixed = { ...none, mode: 'fixed', maximumConcurrency: 7 };
    expect(await put(call, { maximumConcurrency: 7 })).toEqual({ status: 200, body: fixed });
    expect(await limit.get()).toBe(7);
    expect((await put(call, { maximumConcurrency: null })).body).toEqual(none);
    expect(await limit.get()).toBeUndefined();
  });

  test('the controller decides at once, and says what it saw', async () => {
    const { limit, call } = stack();
    const { status, body } = await put(call, { automatic });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        mode: 'automatic',
        automatic,
        maximumConcurrency: 50,
        visible: 0,
        inFlight: 0,
        last: {
          at: expect.stringMatching(/Z$/),
          concurrency: 50,
          reason: 'learn',
          arrivalsPerSecond: null,
          endsPerSecond: null,
          drainMs: 0,
        },
      },
    });
    expect(await limit.get()).toBe(50);
  });

  test.each([
    ['nothing', {}],
    ['both', { maximumConcurrency: 5, automatic }],
    ['fewer than Lambda takes', { maximumConcurrency: 1 }],
    ['more than Lambda takes', { maximumConcurrency: 1_001 }],
    ['a text', { maximumConcurrency: '5' }],
    ['bounds the wrong way round', { automatic: { ...automatic, minConcurrency: 51 } }],
    ['no time to drain', { automatic: { ...automatic, drainMs: 0 } }],
    ['a word that is not known', { automatic: { ...automatic, speed: 1 } }],
  ])('%s is refused, and changes nothing', async (_, body) => {
    const { limit, call } = stack();
    expect((await put(call, body)).status).toBe(400);
    expect(await limit.get()).toBeUndefined();
  });

  test('is planned by administrators only', async () => {
    const { call } = stack();
    expect((await call('PUT', '/work-queue/scaling', { maximumConcurrency: 7 })).status).toBe(401);
  });
});

test('a job is cancelled, as often as one likes, and what there is not cannot be', async () => {
  const { w, call } = stack();
  const { jobId } = (await call('POST', '/work-queue/jobs', { worker: 'record', items: someItems(3) })).body;
  for (let times = 0; times < 2; times += 1)
    expect(await call('POST', `/work-queue/jobs/${jobId}/cancel`)).toEqual({ status: 202, body: { jobId } });
  expect((await call('POST', '/work-queue/jobs/nope/cancel')).status).toBe(404);
  expect((await call('GET', `/work-queue/jobs/${jobId}`)).body).toMatchObject({ status: 'cancelling', pending: 3 });
  await w.drain();
  expect((await call('GET', `/work-queue/jobs/${jobId}`)).body).toEqual({
    jobId,
    status: 'cancelled',
    total: 3,
    pending: 0,
    inFlight: 0,
    done: 0,
    failed: 3,
    cancelled: 3,
  });
});

describe('a redrive', () => {
  const admin = { authorization: 'Bearer secret' };

  test('is for administrators, with a rate and nothing else', async () => {
    const { call } = stack();
    expect((await call('POST', '/work-queue/dead-letters/redrive', {})).status).toBe(401);
    for (const body of [{ ratePerSecond: 0 }, { ratePerSecond: 1e9 }, { ratePerSecond: '5' }, { rate: 5 }])
      expect((await call('POST', '/work-queue/dead-letters/redrive', body, admin)).status).toBe(400);
  });

  test('tells how many dead letters there are, and moves them unless it is a dry run', async () => {
    const { w, call } = stack();
    await call('POST', '/work-queue/jobs', { worker: 'record', items: [{ id: 'b', payload: { fail: 'always' } }] });
    await w.drain();
    const dry = await call('POST', '/work-queue/dead-letters/redrive', { dryRun: true }, admin);
    expect(dry).toEqual({ status: 200, body: { redriveId: expect.any(String), dryRun: true, deadLetters: 1 } });
    expect(await w.redrives.depth()).toMatchObject({ visibleCount: 0 });
    const wet = await call('POST', '/work-queue/dead-letters/redrive', { ratePerSecond: 5 }, admin);
    expect(wet).toMatchObject({ status: 202, body: { dryRun: false, deadLetters: 1 } });
    expect(await w.redrives.depth()).toMatchObject({ visibleCount: 1 });
  });
});

test('a payload that could not be recorded is refused when it is posted, in a job and in a part', async () => {
  const { call } = stack();
  const { jobId } = (await call('POST', '/work-queue/jobs', { worker: 'record', open: true })).body;
  for (const payload of [{ n: 1e200 }, '\ud800']) {
    const items = [{ id: 'a' }, { id: 'b', payload }];
    const answers = [
      await call('POST', '/work-queue/jobs', { worker: 'record', items }),
      await call('POST', `/work-queue/jobs/${jobId}/items`, { items }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(400);
      expect(body.errors['items.1.payload']).toEqual([expect.stringContaining("Expected 'payload' to be")]);
    }
  }
});
