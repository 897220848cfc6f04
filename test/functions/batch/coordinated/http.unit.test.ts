import { images } from '#batch/coordinated/images/images';
import { sharpPictures } from '#batch/coordinated/images/picture';
import { httpFunction } from '#http/http-function';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { coordinatedApi } from '../../../../functions/batch/coordinated/api.ts';
import { coordinatedHandlers } from '../../../../functions/batch/coordinated/handlers.ts';
import { joinWorld } from '../../../lib/batch/coordinated/join/world.ts';
import { reductionWorld } from '../../../lib/batch/coordinated/reduce/world.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

const stack = () => {
  const [join, reduction] = [joinWorld(), reductionWorld()];
  const { clock, table } = join;
  const random = seededRandom(7);
  const media = memoryObjects({ name: 'media' });
  const imagesQueue = memoryQueue({ name: 'images', clock });
  const bucketOf = (name: string) => {
    if (name === 'nothing') return { ...media, name, list: () => Promise.reject(new TypeError('NoSuchBucket')) };
    return media;
  };
  const pipeline = images({
    table,
    queue: imagesQueue,
    bucketOf,
    made: media,
    pictures: sharpPictures,
    joins: join.api,
    reductions: reduction.api,
    clock,
    random,
    log: quiet,
    keepMs: 1_000,
  });
  const handler = httpFunction({
    api: coordinatedApi,
    handlers: () =>
      coordinatedHandlers({
        joins: join.api,
        reductions: reduction.api,
        images: pipeline,
        bucketOf,
        mediaBucket: 'media',
      }),
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
  const call = async (method: string, path: string, body?: unknown, key?: string): Promise<Answer> => {
    const headers: [string, string][] = key === undefined ? [] : [['idempotency-key', key]];
    const [pathname = '', search = ''] = path.split('?');
    const query = [...new URLSearchParams(search)];
    const given = body === undefined ? {} : { body };
    const event = httpEvent(method, `/coordinated${pathname}`, { headers, query, ...given });
    const answer = await clock.until(handler(event, httpContext()));
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Answer['body'] };
  };
  return { call, join, reduction, imagesQueue };
};

test('a join: made, waited for, fired, and a repeat under the same key is the same join', async () => {
  const { call } = stack();
  const made = await call('POST', '/joins', { branches: ['a', 'b'] }, 'key');
  expect(made).toEqual({ status: 201, body: { joinId: expect.any(String) } });
  expect(await call('POST', '/joins', { branches: ['a', 'b'] }, 'key')).toEqual(made);
  const path = `/joins/${String(made.body['joinId'])}`;
  expect(await call('POST', `${path}/arrivals/a`)).toEqual({
    status: 200,
    body: { arrival: 'recorded', status: 'waiting' },
  });
  expect(await call('POST', `${path}/arrivals/a`, { data: { x: 1 } })).toMatchObject({
    body: { arrival: 'duplicate' },
  });
  expect((await call('GET', path)).body).toMatchObject({ status: 'waiting', expected: 2, arrived: 1, missing: ['b'] });
  expect(await call('POST', `${path}/arrivals/b`, {})).toMatchObject({ body: { status: 'fired' } });
  expect((await call('GET', `${path}/arrivals`)).body).toEqual({ arrivals: [{ branch: 'a', data: { x: 1 } }] });
  expect(await call('GET', `${path}/arrivals?cursor=a`)).toMatchObject({
    status: 400,
    body: { errors: { cursor: ['Expected a cursor of a page.'] } },
  });
});

test('an open join takes parts until it is closed', async () => {
  const { call } = stack();
  const { body } = await call('POST', '/joins', { open: true, deadlineMs: 60_000, onDeadline: 'fire' });
  const path = `/joins/${String(body['joinId'])}`;
  expect(await call('POST', `${path}/items`, { items: ['a', { id: 'b' }] })).toMatchObject({
    status: 202,
    body: { accepted: 2 },
  });
  expect((await call('POST', `${path}/close`)).status).toBe(202);
  expect((await call('POST', `${path}/items`, { items: ['c'] })).status).toBe(409);
  expect((await call('GET', path)).body).toMatchObject({ status: 'waiting', expected: 2 });
});

test.each([
  ['GET', '/joins/none', undefined],
  ['GET', '/joins/none/arrivals', undefined],
  ['POST', '/joins/none/arrivals/a', undefined],
  ['POST', '/joins/none/items', { items: ['a'] }],
  ['POST', '/joins/none/close', undefined],
  ['GET', '/reductions/none', undefined],
  ['POST', '/reductions/none/items', { items: [] }],
  ['POST', '/reductions/none/close', undefined],
  ['GET', '/images/none', undefined],
])('%s %s is 404', async (method, path, body) => {
  expect(await stack().call(method, path, body)).toMatchObject({ status: 404 });
});

const nested = JSON.parse('['.repeat(28) + ']'.repeat(28)) as unknown;

test.each([
  ['/joins', {}, 'body'],
  ['/joins', { branches: [] }, 'branches'],
  ['/joins', { branches: ['a'], open: true }, 'body'],
  ['/joins', { branches: ['a\u0301'] }, 'branches.0'],
  ['/joins', { branches: ['x'.repeat(257)] }, 'branches.0'],
  ['/joins', { branches: 'a' }, 'branches'],
  ['/joins', { branches: ['a', '.'] }, 'branches.1'],
  ['/joins', { branches: ['..'] }, 'branches.0'],
  ['/joins/none/items', { items: ['..'] }, 'items.0'],
  ['/joins/none/items', { items: [{ id: '.' }] }, 'items.0'],
  ['/joins', { branches: ['a'], deadlineMs: 0 }, 'deadlineMs'],
  ['/joins', { branches: ['a'], deadlineMs: 1.5 }, 'deadlineMs'],
  ['/joins', { branches: ['a'], onDeadline: 'fire' }, 'onDeadline'],
  ['/joins', { branches: ['a'], deadlineMs: 1, onDeadline: 'x' }, 'onDeadline'],
  ['/joins', { branches: ['a'], more: 1 }, 'more'],
  ['/reductions', { kind: 'mean', items: [] }, 'kind'],
  ['/reductions', { kind: 'sum' }, 'body'],
  ['/reductions', { kind: 'sum', items: [{ id: 'a' }] }, 'items.0'],
  ['/reductions', { kind: 'count', items: [{ id: 'a', value: [] }] }, 'items.0.value'],
  ['/reductions', { kind: 'sum', items: [], buckets: [1] }, 'buckets'],
  ['/reductions', { kind: 'histogram', items: [], buckets: [1, 1] }, 'buckets'],
  ['/reductions', { kind: 'sum', items: [], fanIn: 1 }, 'fanIn'],
  ['/reductions', { kind: 'sum', source: { bucket: 'A' } }, 'source.bucket'],
  ['/images', {}, 'source'],
  ['/images', { source: {}, blur: [{ left: 0, top: 0, width: 2, height: 1 }] }, 'blur.0.width'],
  ['/images', { source: { prefix: '\0' } }, 'source.prefix'],
])('POST %s %j is refused, at %s', async (path, body, field) => {
  const answer = await stack().call('POST', path, body);
  expect(answer.status).toBe(400);
  expect(Object.keys(answer.body['errors'] as object)).toContain(field);
});

test('a reduction: a list, and parts', async () => {
  const { call, reduction } = stack();
  const list = await call('POST', '/reductions', { kind: 'count', items: [{ id: 'a' }, { id: 'a' }] });
  expect(list.status).toBe(202);
  const { body } = await call('POST', '/reductions', { kind: 'sum', open: true });
  const path = `/reductions/${String(body['reductionId'])}`;
  expect((await call('POST', `${path}/items`, { items: [{ id: 'a', value: 2 }] })).status).toBe(202);
  expect((await call('POST', `${path}/items`, { items: [{ id: 'b' }] })).body).toMatchObject({
    errors: { 'items.0': ["Expected a 'value' that is a number."] },
  });
  expect((await call('POST', `${path}/close`)).status).toBe(202);
  expect((await call('POST', `${path}/items`, { items: [{ id: 'c', value: 1 }] })).status).toBe(409);
  await reduction.drain();
  expect((await call('GET', path)).body).toMatchObject({ kind: 'sum', status: 'done', items: 1, result: 2 });
  const counted = await call('GET', `/reductions/${String(list.body['reductionId'])}`);
  expect(counted.body).toMatchObject({ status: 'done', result: 1 });
  expect((await call('POST', `/reductions/${String(list.body['reductionId'])}/close`)).status).toBe(409);
});

test('images are accepted by a message, from the bucket of the pattern when nobody says from which', async () => {
  const { call, imagesQueue } = stack();
  const { status, body } = await call('POST', '/images', { source: { prefix: 'in/' }, keepOriginals: true });
  expect(status).toBe(202);
  const [message] = await imagesQueue.receive({ maxCount: 10 });
  expect(JSON.parse(message?.body ?? '')).toEqual({
    imagesId: body['imagesId'],
    source: { bucket: 'media', prefix: 'in/' },
    keepOriginals: true,
  });
  expect((await call('GET', `/images/${String(body['imagesId'])}`)).body).toMatchObject({
    status: 'listing',
    total: null,
  });
});

test('numbers that no table takes are no fault where they are not kept as numbers', async () => {
  const { call } = stack();
  for (const buckets of [[1e308], [-1e308], [1e126], [1e-131]])
    expect(await call('POST', '/reductions', { kind: 'histogram', items: [], buckets })).toMatchObject({ status: 202 });
  const blur = [{ left: 1e-200, top: 0, width: 1e-300, height: 1 }];
  expect(await call('POST', '/images', { source: { prefix: 'in/' }, blur })).toMatchObject({ status: 202 });
});

test('half a part of data is no data: what a table would refuse is refused', async () => {
  const { call } = stack();
  const { body } = await call('POST', '/joins', { branches: ['a'] });
  const path = `/joins/${String(body['joinId'])}/arrivals/a`;
  expect((await call('POST', path, { data: 1e300 })).status).toBe(400);
  expect((await call('POST', path, { data: nested })).status).toBe(200);
});
