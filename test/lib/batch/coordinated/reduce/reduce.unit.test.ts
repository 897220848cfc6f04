import type { ReductionItem } from '#batch/coordinated/reduce/reducer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import { childCountOf, rootOf, widthOf } from '#batch/coordinated/reduce/tree';
import { PatternError } from '#primitives/errors';
import { reductionWorld } from './world.ts';

const ID = 'reduction-1';

const numbers = (count: number, from = 0): readonly ReductionItem[] =>
  Array.from({ length: count }, (_, index) => ({ id: `item-${from + index}`, value: from + index }));

test('a list is reduced to its result, each id once', async () => {
  const { api, until, drain } = reductionWorld();
  const items = [...numbers(250), ...numbers(50)];
  expect(await until(api.create(ID, { kind: 'sum', items }))).toBe('accepted');
  expect(await until(api.view(ID))).toEqual({ kind: 'sum', status: 'running', parts: 1 });
  await drain();
  expect(await until(api.view(ID))).toEqual({
    kind: 'sum',
    status: 'done',
    parts: 1,
    items: 250,
    result: (249 * 250) / 2,
  });
});

test('parts that overlap, in a tree of four levels, and a close in between', async () => {
  const { api, until, drain, table } = reductionWorld();
  await until(api.create(ID, { kind: 'sum', open: true, fanIn: 2 }));
  for (let part = 0; part < 9; part += 1) {
    expect(await until(api.add(ID, `p${part}`, numbers(20, part * 10)))).toBe('accepted');
    if (part === 4) await drain();
  }
  expect(await until(api.view(ID))).toMatchObject({ status: 'open', parts: 9 });
  expect(await until(api.close(ID))).toBe('closed');
  await drain();
  expect(await until(api.view(ID))).toMatchObject({ status: 'done', items: 100, result: (99 * 100) / 2 });
  const levels = table.dump().flatMap(({ key }) => (key.partition.endsWith('/nodes') ? [key.sort.split('/')[0]] : []));
  expect(new Set(levels)).toEqual(new Set(['0', '1', '2', '3', '4']));
  expect(await until(api.add(ID, 'p8', numbers(20, 80)))).toBe('accepted');
  expect(await until(api.add(ID, 'p9', numbers(1)))).toBe('closed');
});

test('the close may come when all is reduced, or before anything is', async () => {
  for (const isDrained of [true, false]) {
    for (let parts = 0; parts <= 5; parts += 1) {
      const { api, until, drain } = reductionWorld();
      await until(api.create(ID, { kind: 'count', open: true, fanIn: 2 }));
      for (let part = 0; part < parts; part += 1) await until(api.add(ID, `p${part}`, numbers(3, part * 3)));
      if (isDrained) await drain();
      await until(api.close(ID));
      await drain();
      expect(await until(api.view(ID))).toMatchObject({ status: 'done', items: parts * 3, result: parts * 3 });
    }
  }
});

test('a close amid the end of the last part is seen by one of the two', async () => {
  let isArmed = false;
  const place = reductionWorld({
    intercept: async ({ operation }, apply) => {
      if (isArmed && operation === 'dynamodb.UpdateItem') {
        isArmed = false;
        await place.api.close(ID);
      }
      return apply();
    },
  });
  const { api, until, drain } = place;
  await until(api.create(ID, { kind: 'count', open: true }));
  await until(api.add(ID, 'p0', numbers(2)));
  await drain();
  await until(api.add(ID, 'p1', numbers(2, 2)));
  isArmed = true;
  await drain();
  expect(await until(api.view(ID))).toMatchObject({ status: 'done', result: 4 });
});

test('the objects of a bucket: counted, their numbers summed, their words counted', async () => {
  const { api, until, drain, bucket } = reductionWorld();
  for (let index = 0; index < 230; index += 1)
    await until(bucket.put(`in/${index}`, Buffer.from(index === 7 ? '' : `${index} 1\n`)));
  await until(bucket.put('in/folder/', Buffer.from('')));
  await until(bucket.put('out/1', Buffer.from('not a number')));
  const source = { bucket: 'texts', prefix: 'in/' };
  const results = [];
  for (const kind of ['count', 'sum', 'wordcount', 'histogram'] as const) {
    await until(api.create(kind, { kind, source, ...(kind === 'histogram' ? { buckets: [2, 200] } : {}) }));
    await drain();
    results.push((await until(api.view(kind)))?.result);
  }
  expect(results[0]).toBe(230);
  expect(results[1]).toBe((229 * 230) / 2 - 7 + 229);
  expect(results[2]).toMatchObject({ '1': 230, '2': 1 });
  expect(results[3]).toMatchObject([{ count: 231 }, { count: 197 }, { count: 30 }]);
});

test.each([
  ['no number', Buffer.from('1 two 3'), "object 'in/a' has 'two' where a number should be"],
  ['a number of another base', Buffer.from('1 0x10'), "object 'in/a' has '0x10' where a number should be"],
  ['beyond all numbers', Buffer.from('1 1e999'), "object 'in/a' has '1e999' where a number should be"],
  ['not UTF-8', Buffer.from([0xff]), "object 'in/a' is not UTF-8"],
  ['too large', Buffer.alloc(1_048_577, '1 '), "object 'in/a' has 1048577 bytes, at most 1048576 are read"],
])(
  'a source with an object that is %s fails, with the reason, and its message is a dead letter',
  async (_, body, reason) => {
    const { api, until, drain, bucket, deadLetters } = reductionWorld();
    await until(bucket.put('in/a', body));
    await until(api.create(ID, { kind: 'sum', source: { bucket: 'texts', prefix: 'in/' } }));
    await drain();
    expect(await until(api.view(ID))).toMatchObject({ status: 'failed', reason });
    expect(await until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([{ attributes: { reason } }]);
  },
);

test('a count of more words than a record holds is whole', async () => {
  const { api, until, drain, table } = reductionWorld();
  await until(api.create(ID, { kind: 'wordcount', open: true }));
  const word = (index: number): string => `word${index.toString(36)}Ωш`;
  for (let part = 0; part < 30; part += 1) {
    const text = Array.from({ length: 2_000 }, (_, at) => word(part * 1_000 + at)).join(' ');
    await until(api.add(ID, `p${part}`, [{ id: `${part}`, text }]));
  }
  await until(api.close(ID));
  await drain();
  const view = await until(api.view(ID));
  expect(view).toMatchObject({ status: 'done', items: 30 });
  const counts = Object.values(view?.result as Readonly<Record<string, number>>);
  expect(counts).toHaveLength(31_000);
  expect(counts.reduce((a, b) => a + b)).toBe(60_000);
  expect(Math.max(...table.dump().map(({ fields }) => JSON.stringify(fields).length))).toBeLessThan(250_000);
});

test('the same reduction again is no other one; another plan under its id is refused', async () => {
  const { api, until, drain, send, deadLetters } = reductionWorld();
  await until(api.create(ID, { kind: 'count', items: numbers(3) }));
  expect(await until(api.create(ID, { kind: 'count', items: numbers(3) }))).toBe('accepted');
  expect(await until(api.create(ID, { kind: 'count', items: numbers(4) }))).toBe('another');
  await send({ reductionId: ID, kind: 'sum', items: [] });
  await drain();
  expect(await until(api.view(ID))).toMatchObject({ status: 'done', result: 3 });
  expect(await until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([
    { attributes: { reason: "there is another reduction 'reduction-1'" } },
  ]);
});

test('the bounds of a histogram are any finite doubles, also those that a table takes no number for', async () => {
  const { api, until, drain, send, deadLetters } = reductionWorld();
  const buckets = [-1e308, -1e-131, 5e-324, 1e126, Number.MAX_VALUE];
  const items = [-1.5e308, 0, 1e-130, 1e300].map((value, index) => ({ id: `i${index}`, value }));
  await until(api.create(ID, { kind: 'histogram', items, buckets }));
  await send({ reductionId: 'by-queue', kind: 'histogram', items, buckets });
  await drain();
  const counts = [1, 0, 1, 1, 1, 0];
  const result = counts.map((count, at) => ({ from: buckets[at - 1] ?? null, below: buckets[at] ?? null, count }));
  expect(await until(api.view(ID))).toMatchObject({ status: 'done', result });
  expect(await until(api.view('by-queue'))).toMatchObject({ status: 'done', result });
  expect(await until(api.create(ID, { kind: 'histogram', items, buckets }))).toBe('accepted');
  expect(await deadLetters.depth()).toMatchObject({ visibleCount: 0 });
});

test('a plan is the same plan in whatever order its fields stand', async () => {
  const { api, until, drain, bucket, deadLetters } = reductionWorld();
  await until(bucket.put('in/a', Buffer.from('1 2')));
  await until(api.create('list', { items: [{ value: 1, id: 'a' }], kind: 'sum' }));
  await until(api.create('source', { source: { prefix: 'in/', bucket: 'texts' }, kind: 'sum' }));
  await drain();
  expect(await until(api.view('list'))).toMatchObject({ status: 'done', result: 1 });
  expect(await until(api.view('source'))).toMatchObject({ status: 'done', result: 3 });
  expect(await deadLetters.depth()).toMatchObject({ visibleCount: 0 });
});

describe('messages', () => {
  test.each([
    ['a page', { reductionId: 'open', page: 3 }],
    ['objects', { reductionId: 'open', number: 3 }],
  ])('%s of a reduction without a source is a dead letter, and does it no harm', async (_, body) => {
    const { api, until, send, drain, deadLetters } = reductionWorld();
    await until(api.create('open', { kind: 'sum', open: true }));
    await send(body);
    await drain();
    expect(await until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([
      { attributes: { reason: "reduction 'open' has no source" } },
    ]);
    await until(api.add('open', 'p', [{ id: 'a', value: 2 }]));
    await until(api.close('open'));
    await drain();
    expect(await until(api.view('open'))).toMatchObject({ status: 'done', result: 2 });
  });

  test('what HTTP can do, messages can do, in any order', async () => {
    const { api, until, send, drain, later, deadLetters } = reductionWorld();
    await send({ reductionId: ID, items: [{ id: 'a', value: 2 }] });
    await drain();
    await send({ reductionId: ID, kind: 'sum', open: true });
    await drain();
    await later();
    await drain();
    await send({ reductionId: ID, close: true });
    await drain();
    expect(await until(api.view(ID))).toMatchObject({ status: 'done', result: 2 });
    expect(await deadLetters.depth()).toMatchObject({ visibleCount: 0 });
  });

  test.each([
    ['no JSON', '{'],
    ['an unknown kind', { kind: 'mean', items: [] }],
    ['a value that is none', '{"kind":"sum","items":[{"id":"a","value":1e999}]}'],
    ['falling bounds', { kind: 'histogram', items: [], buckets: [2, 1] }],
    ['bounds of a sum', { kind: 'sum', items: [], buckets: [1] }],
    ['a fan-in of one', { kind: 'count', items: [], fanIn: 1 }],
    ['a prototype', '{"kind":"count","items":[],"constructor":1}'],
  ])('%s is a dead letter at once', async (_, body) => {
    const { send, drain, deadLetters, until } = reductionWorld();
    await send(body);
    await drain();
    expect(await until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([
      { attributes: { reason: expect.stringContaining('invalid message') } },
    ]);
  });

  test('items that do not fit the kind fail the reduction that they are all of, but only their part of an open one', async () => {
    const { api, until, send, drain, deadLetters } = reductionWorld();
    await send({ reductionId: 'list', kind: 'sum', items: [{ id: 'a', text: 'b' }] });
    await send({ reductionId: 'open', kind: 'sum', open: true });
    await drain();
    await send({ reductionId: 'open', items: [{ id: 'a' }] });
    await send({ reductionId: 'open', close: true });
    await drain();
    expect(await until(api.view('list'))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('items.0'),
    });
    expect(await until(api.view('open'))).toMatchObject({ status: 'done', items: 0, result: 0 });
    expect(await deadLetters.depth()).toMatchObject({ visibleCount: 2 });
  });

  test.each([
    ['a bucket that is not there', '', 'ListObjectsV2 nowhere: NoSuchBucket'],
    ['a prefix that no key can have', 'x'.repeat(1_025), "Expected 'prefix'"],
    ['more prefix than a record takes', 'x'.repeat(450_000), "Expected 'record'"],
  ])('%s fails the reduction at once, with that reason', async (_, prefix, reason) => {
    const { api, until, drain, send, queue, deadLetters } = reductionWorld({
      intercept: async ({ operation }, apply) => {
        if (operation === 's3.ListObjectsV2')
          throw new PatternError('primitives/refused', 'ListObjectsV2 nowhere: NoSuchBucket');
        return apply();
      },
    });
    await send({ reductionId: ID, kind: 'count', source: { bucket: 'nowhere', prefix } });
    await drain();
    const failed = { status: 'failed', reason: expect.stringContaining(reason) };
    // What no record takes has no record.
    expect(await until(api.view(ID))).toEqual(prefix.length > 400_000 ? undefined : expect.objectContaining(failed));
    expect(await queue.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
    expect(await until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([
      { attributes: { reason: expect.stringContaining(reason), attempts: '1' } },
    ]);
  });

  test('a message that comes again and again without an answer fails its reduction', async () => {
    const { api, until, drain, later, deadLetters } = reductionWorld({
      maxReceiveCount: 2,
      intercept: async ({ operation }, apply) => {
        if (operation === 'dynamodb.TransactWriteItems') throw new Error('The function died.');
        return apply();
      },
    });
    await until(api.create(ID, { kind: 'count', items: numbers(1) }));
    for (let tries = 0; tries < 3; tries += 1) {
      await drain();
      await later();
    }
    expect(await until(api.view(ID))).toMatchObject({
      status: 'failed',
      reason: 'a message was received 2 times without an answer',
    });
    expect(await deadLetters.depth()).toMatchObject({ visibleCount: 1 });
  });
});

test('the tree has as many nodes as it needs', () => {
  expect([0, 1, 2, 10, 11, 100, 101].map((parts) => rootOf(parts, 10)?.level)).toEqual([undefined, 0, 1, 1, 2, 2, 3]);
  expect(widthOf(1, 101, 10)).toBe(11);
  expect(childCountOf({ level: 1, index: 10 }, 101, 10)).toBe(1);
  expect(childCountOf({ level: 1, index: 10 }, undefined, 10)).toBe(10);
  expect(childCountOf({ level: 2, index: 1 }, 101, 10)).toBe(1);
});

test('options are checked, by name', () => {
  expect(() => reductions({ keepMs: 0 } as never)).toThrow("Expected 'keepMs'");
  expect(() => reductions({ keepMs: 1, more: 1 } as never)).toThrow("Expected 'options'");
});
