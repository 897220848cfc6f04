import * as v from 'valibot';
import { parseMessage } from '#batch/message';
import { packMessage } from '#batch/work-queue/messages';
import { textOf } from '#primitives/field-values';
import { packs } from '#batch/work-queue/pack';
import type { Worker } from '#batch/work-queue/types';
import { itemIdOf, MAX_RECEIVE_COUNT, someItems, world } from './world.ts';

const JOB = 'job-1';
const K = 9;
const packed = (items: readonly object[], jobId: string | undefined = JOB): { readonly body: string } => ({
  body: JSON.stringify({ jobId, worker: 'record', pack: items }),
});

test('items packed k to a message cost 0.5 / k calls each: one of each kind for ten messages', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(1_800), pack: K });
  w.wire.resetCounts();
  await w.drain();
  expect(w.effects.dump()).toHaveLength(1_800);
  const { 'sqs.ReceiveMessage.empty': _, 'sqs.GetQueueAttributes': __, ...counts } = w.wire.counts();
  // 200 messages. Beside them the plan: its own receive, its job, its delete; and one look whether it was cancelled.
  expect(counts).toEqual({
    'sqs.SendMessageBatch': 20,
    'sqs.ReceiveMessage': 20 + 1,
    'dynamodb.PutItem': 20 + 1,
    'dynamodb.BatchGetItem': 1,
    'dynamodb.TransactWriteItems': 20,
    'sqs.DeleteMessageBatch': 20 + 1,
  });
  expect(await w.api.progress(JOB)).toEqual({
    status: 'done',
    total: 1_800,
    pending: 0,
    inFlight: 0,
    done: 1_800,
    failed: 0,
  });
});

test('of a pack, what failed comes again alone; what was done is not run again', async () => {
  const w = world();
  const items = someItems(K, (n) => (n === 3 ? { fail: 'once' } : {}));
  await w.api.createJob(JOB, { worker: 'record', items, pack: K });
  await w.drain();
  const results = await w.allResults(JOB);
  expect(results.filter(({ attempts }) => attempts === 2).map(({ id }) => id)).toEqual(['item-3']);
  expect(results.filter(({ attempts }) => attempts === 1)).toHaveLength(K - 1);
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: K });
});

test('two that never succeed are two dead letters, each by itself, and come back by a redrive one by one', async () => {
  const w = world();
  const items = someItems(K, (n) => (n < 2 ? { fail: 'always' } : {}));
  await w.api.createJob(JOB, { worker: 'record', items, pack: K });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: K - 2, failed: 2 });
  const letters = await w.deadLetters();
  expect(letters.map(itemIdOf).toSorted()).toEqual(['item-0', 'item-1']);
  expect(letters.every(({ attributes }) => attributes['attempts'] === String(MAX_RECEIVE_COUNT))).toBe(true);
  await w.clock.advance(30_001);
  await w.startRedrive('redrive', {});
  await w.redriveOnly();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'running', pending: 2, failed: 0 });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: K - 2, failed: 2 });
});

test('a pack that SQS moves by itself is buried item by item, without those that have ended', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', open: true });
  await w.api.addItems(JOB, 'p', someItems(3));
  await w.drain();
  await w.lost.sendBatch([packed([{ id: 'item-0' }, { id: 'x' }, { id: 'y' }])]);
  await w.drain();
  expect((await w.deadLetters()).map(itemIdOf).toSorted()).toEqual(['x', 'y']);
});

test('each item of a pack has its own deadline', async () => {
  const w = world();
  await w.items.sendBatch([packed([{ id: 'a', deadlineAt: '2001-01-01T00:00:00Z' }, { id: 'b' }], undefined)]);
  await w.drain();
  const ends = w.effects.dump().map(({ fields }) => `${textOf(fields['status'])} ${textOf(fields['id'])}`);
  expect(ends.toSorted()).toEqual(['done b', 'obsolete a']);
});

test('an output that would not go into one record with ninety others is that item’s failure', async () => {
  const w = world();
  const items = [
    { id: 'large', payload: 'x'.repeat(40_000) },
    { id: 'small', payload: 1 },
  ];
  await w.api.createJob(JOB, { worker: 'record', items, pack: 2 });
  await w.drain();
  const failed = (await w.allResults(JOB)).find(({ status }) => status === 'failed');
  expect(failed).toMatchObject({ id: 'large', attempts: 1, reason: expect.stringContaining('at most 20480') });
});

test.each([
  ['nothing', []],
  ['ten items', someItems(10)],
  ['a group', [{ id: 'a', groupId: 'g' }]],
])('a pack of %s is refused', (_, items) => {
  expect(parseMessage(packMessage, packed(items).body).ok).toBe(false);
});

test('an ordered job is not packed: it is refused, with the reason', async () => {
  const w = world();
  const body = JSON.stringify({ worker: 'record', ordered: true, pack: 2, items: someItems(2) });
  await w.plans.sendBatch([{ body }]);
  await w.drain();
  const [letter] = await w.plansDead.receive({ maxCount: 1 });
  expect(letter?.attributes['reason']).toContain('ordered job are not packed');
});

test('large items are packed fewer to a message, small ones as many as asked for', () => {
  expect(packs(someItems(20), 9).map((some) => some.length)).toEqual([9, 9, 2]);
  const large = someItems(4, () => ({ text: 'x'.repeat(45_000) }));
  expect(packs(large, 9).map((some) => some.length)).toEqual([2, 2]);
});

test('two of a pack that fail together have burials of their own: a redrive of one takes nothing from the other', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', open: true });
  const pack = someItems(2).map(({ id }) => ({ id }));
  await w.items.sendBatch([{ body: JSON.stringify({ jobId: JOB, worker: 'nobody', pack }) }]);
  await w.workOnly();
  // One of the two is held back until the other was buried and redriven.
  expect(await w.lost.receive({ maxCount: 1 })).toHaveLength(1);
  await w.buryOnly();
  expect(await w.api.progress(JOB)).toMatchObject({ failed: 1 });
  await w.startRedrive('redrive', {});
  await w.redriveOnly();
  await w.clock.advance(30_001);
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ failed: 2, pending: 0 });
});

test('the largest outputs of ninety items go into one transaction, though a table counts them higher than JSON does', async () => {
  const large: Worker = {
    name: 'large',
    payload: v.unknown(),
    run: async () => Array.from({ length: 10_239 }, () => 1),
  };
  const w = world({ workers: [large] });
  await w.api.createJob(JOB, { worker: 'large', items: someItems(90), pack: K });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 90 });
  expect(w.wire.counts()['dynamodb.TransactWriteItems']).toBe(1);
});
