import { httpFunction } from '#http/http-function';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryTable } from '#primitives/memory/table';
import { seededRandom } from '#primitives/memory/random';
import { idempotency } from '#resilience/idempotency';
import { hotKeys } from '#serving/sharded/hot-keys';
import { shardedApi } from '../../../../functions/serving/sharded/api.ts';
import { shardedHandlers } from '../../../../functions/serving/sharded/handlers.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { place } from '../../../lib/serving/sharded/place.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

const stack = () => {
  const { clock, host, tables, down } = place({ copyCount: 1 });
  const { cache, view, shards } = host();
  const changes = memoryQueue({ name: 'shards', clock });
  const random = seededRandom(7);
  const table = memoryTable({ name: 'idempotency', clock });
  const handler = httpFunction({
    api: shardedApi,
    handlers: () =>
      shardedHandlers({
        cache,
        epochs: view,
        shards,
        hot: hotKeys({ readCount: 10, windowMs: 1_000, clock }),
        changes,
        tableNames: tables.map(({ name }) => name),
      }),
    services: () => ({
      log: quiet,
      clock,
      random,
      adminToken: 'secret',
      idempotency: idempotency({ table, clock, random, inProgressMs: 1_000, keepMs: 60_000 }),
    }),
  });
  const call = async (method: string, path: string, body?: unknown, more: readonly [string, string][] = []) => {
    const headers: [string, string][] = [
      ...more,
      ...(body === undefined ? [] : [['content-type', 'application/json'] as [string, string]]),
    ];
    const event = httpEvent(method, path, { headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const answer = await clock.until(handler(event, httpContext()));
    const parsed: unknown = answer.body === '' ? undefined : JSON.parse(answer.body);
    return { status: answer.statusCode, headers: answer.headers, body: parsed };
  };
  const admin = (method: string, path: string, body?: unknown, more: readonly [string, string][] = []) =>
    call(method, path, body, [['authorization', 'Bearer secret'], ...more]);
  return { call, admin, shards, clock, down, changes };
};

test('put, get, delete; x-shard names the shard that explain names', async () => {
  const { call } = stack();
  const put = await call('PUT', '/sharded/cache/a', { value: [1, { b: null }], ttlMs: 1_000 });
  expect(put).toMatchObject({ status: 200, body: { key: 'a' } });
  const explained = await call('GET', '/sharded/explain/a');
  expect(explained.headers['x-shard']).toBe(put.headers['x-shard']);
  expect(await call('GET', '/sharded/cache/a')).toMatchObject({
    status: 200,
    body: { key: 'a', value: [1, { b: null }] },
  });
  expect((await call('DELETE', '/sharded/cache/a')).status).toBe(204);
  expect(await call('GET', '/sharded/cache/a')).toMatchObject({
    status: 404,
    headers: { 'x-shard': put.headers['x-shard'] },
  });
  expect((await call('DELETE', '/sharded/cache/a')).status).toBe(204);
});

test('adding a shard is for admins, is seen at once, and comes to an end by its message', async () => {
  const { call, admin, shards, clock, changes } = stack();
  expect((await call('POST', '/sharded/shards', { name: 'x' })).status).toBe(401);
  const key: readonly [string, string][] = [['idempotency-key', 'k']];
  const added = await admin('POST', '/sharded/shards', { name: 'x', weight: 2 }, key);
  expect(added).toMatchObject({ status: 202, body: { name: 'x' } });
  expect(await admin('POST', '/sharded/shards', { name: 'x', weight: 2 }, key)).toMatchObject({
    status: 202,
    body: added.body,
  });
  expect(await call('GET', '/sharded/resharding')).toMatchObject({
    body: { status: 'moving', plan: { kind: 'add', shard: 'x', weight: 2, slots: { done: 0 } } },
  });
  expect((await admin('POST', '/sharded/shards', { name: 'y' })).status).toBe(409);
  expect((await clock.until(changes.depth())).visibleCount).toBe(1);
  await clock.until(shards.drive(60_000));
  expect((await admin('POST', '/sharded/shards', { name: 'x' })).status).toBe(409);
  expect((await admin('DELETE', '/sharded/shards/x')).status).toBe(202);
  await clock.until(shards.drive(60_000));
  expect(await call('GET', '/sharded/resharding')).toEqual(
    expect.objectContaining({ body: { status: 'idle', epoch: 5 } }),
  );
  expect((await admin('DELETE', '/sharded/shards/x')).status).toBe(404);
});

test.each([
  ['PUT', '/sharded/cache/a', { value: 1, ttlMs: 0 }, 400],
  ['PUT', '/sharded/cache/a', { value: 1, ttl: 5 }, 400],
  ['PUT', '/sharded/cache/a', {}, 400],
  ['PUT', '/sharded/cache/a', { value: 1e300 }, 400],
  ['PUT', `/sharded/cache/${'k'.repeat(1_025)}`, { value: 1 }, 400],
  ['PUT', '/sharded/cache/e%CC%81', { value: 1 }, 400],
  ['GET', '/sharded/cache/%00', undefined, 400],
  ['GET', '/sharded/cache/%ED%A0%80', undefined, 400],
  ['GET', '/sharded/cache/', undefined, 404],
  ['POST', '/sharded/cache/a', { value: 1 }, 405],
  ['GET', '/sharded/nothing', undefined, 404],
])('%s %s is refused', async (method, path, body, status) => {
  const { call } = stack();
  expect((await call(method, path, body)).status).toBe(status);
});

test.each([[{ name: 'A' }], [{ name: '' }], [{ name: 'a', weight: 0 }], [{ name: 'a/b' }], [{ name: '-' }], [{}]])(
  'a shard like %j is refused',
  async (body) => {
    const { admin } = stack();
    expect((await admin('POST', '/sharded/shards', body)).status).toBe(400);
  },
);

test('a shard that does not answer is 503 to who writes, and its copy to who reads', async () => {
  const { call, down } = stack();
  const { headers } = await call('PUT', '/sharded/cache/a', { value: 1 });
  down.add(String(headers['x-shard']));
  expect((await call('PUT', '/sharded/cache/a', { value: 2 })).status).toBe(503);
  expect(await call('GET', '/sharded/cache/a')).toMatchObject({ status: 200, body: { value: 1 } });
});
