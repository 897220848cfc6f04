import * as v from 'valibot';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { messageSource } from '#batch/work-queue/message-source';
import { tableSource } from '#batch/work-queue/table-source';
import { PermanentFailure, type WorkSource } from '#batch/work-queue/types';
import { PatternError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryTable } from '#primitives/memory/table';
import type { Fields, Json } from '#primitives/table';
import { memoryWire } from '#primitives/memory/wire';
import { someItems, world } from './world.ts';

const listAll = async (source: WorkSource): Promise<readonly string[]> => {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page: Awaited<ReturnType<WorkSource['list']>> = await source.list(after);
    expect(page.ids.length).toBeLessThanOrEqual(250);
    ids.push(...page.ids);
    after = page.next;
  } while (after !== undefined);
  return ids;
};

const users = async (count: number) => {
  const wire = memoryWire({});
  const table = memoryTable({ name: 'users', clock: memoryClock(), wire });
  for (let n = 0; n < count; n += 1) {
    const sort = `user/${String(n).padStart(4, '0')}`;
    await table.put({ key: { partition: 'all', sort }, fields: { n, tags: new Set(['b', 'a']) } });
  }
  await table.put({ key: { partition: 'all', sort: 'other' }, fields: {} });
  wire.resetCounts();
  return { table, wire, source: tableSource({ table, partition: 'all', sortPrefix: 'user/' }) };
};

describe('a table', () => {
  test('lists each record of the partition under the prefix once, page by page', async () => {
    const { source } = await users(601);
    const ids = await listAll(source);
    expect(ids).toHaveLength(601);
    expect(new Set(ids).size).toBe(601);
    expect(ids[0]).toBe('user/0000');
  });

  test('gives the fields as payload, a set as a list, and null for what is gone', async () => {
    const { source } = await users(2);
    expect(await source.get('user/0001')).toEqual({ n: 1, tags: ['a', 'b'] });
    expect(await source.getMany?.(['user/0001', 'gone'])).toEqual([{ n: 1, tags: ['a', 'b'] }, null]);
  });

  test('is a source of a job: each record is done once, for 4 calls of its table a page of 250', async () => {
    const { source, wire } = await users(300);
    const w = world({ sourceOf: () => source });
    const plan = { worker: 'record', source: { table: 'users', partition: 'all', prefix: 'user/' } };
    await w.api.createJob('job-1', plan);
    await w.drain();
    expect(await w.api.progress('job-1')).toMatchObject({ status: 'done', total: 300, done: 300 });
    const results = await w.allResults('job-1');
    expect(results).toContainEqual({
      id: 'user/0007',
      status: 'done',
      output: { n: 7, tags: ['a', 'b'] },
      attempts: 1,
    });
    expect(wire.counts()).toEqual({ 'dynamodb.Query': 2, 'dynamodb.BatchGetItem': 3 + 1 });
  });

  test('names what is wrong with its options', () => {
    const table = memoryTable({ name: 't', clock: memoryClock(), wire: memoryWire({}) });
    expect(() => tableSource({ table, partition: '' })).toThrow("Expected 'partition'");
    const misspelt = { table, partition: 'p', prefix: 'x' };
    expect(() => tableSource(misspelt)).toThrow("Expected 'options'");
  });
});

describe('a message', () => {
  const items = v.pipe(
    v.object({ orders: v.array(v.object({ number: v.string(), total: v.number() })) }),
    v.transform(({ orders }) => orders.map(({ number, total }) => ({ id: number, payload: { total } }))),
  );
  const bodyOf = (count: number): string =>
    JSON.stringify({ orders: someItems(count).map(({ id }, total) => ({ number: id, total })) });

  test('lists the items that its schema finds in it, page by page, each once', async () => {
    const source = messageSource({ message: { body: bodyOf(600) }, items });
    const ids = await listAll(source);
    expect(ids).toEqual(someItems(600).map(({ id }) => id));
    expect(await source.get('item-7')).toEqual({ total: 7 });
    expect(await listAll(messageSource({ message: { body: bodyOf(0) }, items }))).toEqual([]);
  });

  test('of two items with one id gives the first', async () => {
    const twice = {
      orders: [
        { number: 'a', total: 1 },
        { number: 'a', total: 2 },
      ],
    };
    const source = messageSource({ message: { body: JSON.stringify(twice) }, items });
    expect(await listAll(source)).toEqual(['a']);
    expect(await source.get('a')).toEqual({ total: 1 });
  });

  test.each([
    ['no JSON', 'hello', 'not JSON'],
    ['something else', '{"orders": 7}', 'orders: '],
  ])('that holds %s fails for good, and says why', (_, body, reason) => {
    const make = () => messageSource({ message: { body }, items });
    expect(make).toThrow(PermanentFailure);
    expect(make).toThrow(reason);
  });
});

test('a job by queue message may name a table; a source that is none here ends it as failed, with the reason', async () => {
  const w = world({
    sourceOf: (reference) => {
      if ('table' in reference) throw new PermanentFailure(`table '${reference.table}' is no source here`);
      return bucketSource({ objects: w.media, prefix: reference.prefix });
    },
  });
  const body = { jobId: 'j', worker: 'record', source: { table: 'users', partition: 'all' } };
  await w.plans.sendBatch([{ body: JSON.stringify(body) }]);
  await w.drain();
  expect(await w.api.progress('j')).toMatchObject({ status: 'failed', reason: "table 'users' is no source here" });
});

test.each([
  ['a bucket that is not there', { bucket: 'nowhere' }, 'ListObjectsV2 nowhere: NoSuchBucket'],
  ['a prefix that no key can have', { bucket: 'media', prefix: 'x'.repeat(1_025) }, "Expected 'prefix'"],
  ['a name that no record takes', '{"bucket": "\\ud800-bucket"}', "Expected 'bucket'"],
])('%s ends its job at once as failed, with the reason', async (_, source, reason) => {
  const w = world({
    intercept: async ({ operation }, apply) => {
      if (operation === 's3.ListObjectsV2')
        throw new PatternError('primitives/refused', 'ListObjectsV2 nowhere: NoSuchBucket');
      return apply();
    },
  });
  const isText = typeof source === 'string';
  const text = isText ? source : JSON.stringify(source);
  await w.plans.sendBatch([{ body: `{"jobId":"j","worker":"record","source":${text}}` }]);
  await w.drain();
  const failed = expect.objectContaining({ status: 'failed', reason: expect.stringContaining(reason) });
  expect(await w.api.progress('j')).toEqual(isText ? undefined : failed);
  expect(await w.plans.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
  expect(await w.plansDead.receive({ maxCount: 10 })).toMatchObject([
    { attributes: { reason: expect.stringContaining(reason), attempts: '1' } },
  ]);
});

const nested = (depth: number): Json => (depth === 0 ? 1 : { in: nested(depth - 1) });

describe('a record of which no message can be made', () => {
  const jobOf = async (sort: string, fields: Fields, pack: number) => {
    const table = memoryTable({ name: 'src', clock: memoryClock() });
    await table.put({ key: { partition: 'src', sort: 'A-good' }, fields: { n: 1 } });
    await table.put({ key: { partition: 'src', sort }, fields });
    const w = world({ sourceOf: ({ prefix }) => tableSource({ table, partition: 'src', sortPrefix: prefix }) });
    await w.api.createJob('j', {
      worker: 'record',
      source: { table: 'src', partition: 'src', prefix: '' },
      pack,
    });
    await w.drain();
    return { w, table };
  };

  test.each<[string, string, Fields, number, string]>([
    ['a forbidden name', 'bad', { constructor: 1 }, 1, 'item "bad" of the source cannot be sent'],
    ['a key with NUL', 'a\0b', {}, 1, 'item "a\\u0000b" of the source cannot be sent'],
    ['fields nested too deep', 'deep', { f: nested(31) }, 1, 'nested deeper than 32'],
    ['fields nested too deep for a pack', 'deep', { f: nested(29) }, 9, 'nested deeper than 32'],
  ])('(%s) ends its job as failed, with a reason that names it', async (_, sort, fields, pack, reason) => {
    const { w } = await jobOf(sort, fields, pack);
    expect(await w.api.progress('j')).toMatchObject({ status: 'failed', reason: expect.stringContaining(reason) });
    expect(await w.deadLetters()).toEqual([]);
    expect(await w.deadLetters(w.plansDead)).toHaveLength(1);
  });

  test('is planned with all others by a redrive when it was mended; fields nested 30 deep are fine', async () => {
    const { w, table } = await jobOf('bad', { constructor: 1 }, 1);
    await table.put({ key: { partition: 'src', sort: 'bad' }, fields: { f: nested(30) } });
    await w.startRedrive('r1', {});
    await w.drain();
    expect(await w.api.progress('j')).toMatchObject({ status: 'done', total: 2, done: 2 });
  });
});
