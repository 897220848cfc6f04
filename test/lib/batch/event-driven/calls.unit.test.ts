import { eventDriven } from '#batch/event-driven/event-driven';
import { WHOLE } from '#batch/event-driven/pipeline';
import { conservationProblems } from '#batch/event-driven/progress';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryBus } from '#primitives/memory/bus';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import type { ReceivedMessage } from '#primitives/queue';
import { quiet } from '../work-queue/world.ts';
import { allFivePipeline } from './all-five-events.ts';

/** All of it in memory, without event sources: a test hands over batches itself. */
const place = (intercept?: Intercept) => {
  const clock = memoryClock();
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const queue = (name: string) => memoryQueue({ name, clock, wire, visibilityMs: 30_000 });
  const [next, merges, lists, deadLetters] = [queue('next'), queue('merges.fifo'), queue('lists.fifo'), queue('dead')];
  const table = memoryTable({ name: 'pipelines', clock, wire });
  const batch = eventDriven({
    pipelines: [allFivePipeline],
    table,
    lists,
    outlets: { queueOf: () => next, merges, bus: memoryBus({ name: 'bus', clock, wire }) },
    deadLetters,
    clock,
    random: seededRandom(1),
    log: quiet,
    maxReceiveCount: 5,
    keepMs: 30 * 86_400_000,
  });
  return { batch, wire, clock, table, deadLetters };
};

const messageOf = (id: string, body: object | string): ReceivedMessage => ({
  id,
  receipt: id,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: {},
  receiveCount: 1,
  sentAtMs: 0,
});
const event = (n: number, type: string) => ({ id: `e${n}`, key: `k${n % 7}`, type, data: { n } });
const INPUTS: Readonly<Record<string, string>> = {
  copy: 'accept',
  keep: 'copy.keep',
  split: 'keep.out',
  merge: 'split.rest',
};
const ten = (stage: string, type: string, from = 0) =>
  Array.from({ length: 10 }, (_, n) =>
    messageOf(`m${from + n}`, {
      pipeline: 'all-five',
      stage,
      input: INPUTS[stage],
      event: event(from + n, type),
      seq: Math.floor((from + n) / 7),
      share: WHOLE,
    }),
  );

test('ten events of a stage are one transaction, and one send for each place that they go to', async () => {
  const { batch, wire, clock } = place();
  expect((await clock.until(batch.runStage(ten('split', 'order.x')))).batchItemFailures).toEqual([]);
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1, 'sqs.SendMessageBatch': 1 });
  wire.resetCounts();
  // Both branches of the copier lead to the bus.
  await clock.until(batch.runStage(ten('copy', 'order.x')));
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1, 'events.PutEvents': 2 });
  wire.resetCounts();
  // What is filtered is told to the merger.
  await clock.until(batch.runStage(ten('keep', 'noise')));
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1, 'sqs.SendMessageBatch': 1 });
});

test('ten redelivered events cost one transaction that is refused, and are sent on again', async () => {
  const { batch, wire, clock } = place();
  await clock.until(batch.runStage(ten('split', 'order.x')));
  wire.resetCounts();
  await clock.until(batch.runStage(ten('split', 'order.x')));
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1, 'sqs.SendMessageBatch': 1 });
  const progress = await clock.until(batch.progress('all-five'));
  expect(progress?.stages.find(({ stage }) => stage === 'split')).toMatchObject({ in: 10, out: 10 });
});

test('ten events of a lane that come to the merger in order are one read and one transaction', async () => {
  const { batch, wire, clock } = place();
  const lane = Array.from({ length: 10 }, (_, n) =>
    messageOf(`m${n}`, {
      pipeline: 'all-five',
      stage: 'merge',
      input: 'split.rest',
      event: { id: `e${n}`, key: 'k', type: 't', data: null },
      seq: n,
      share: WHOLE,
    }),
  );
  await clock.until(batch.merge(lane, 10_000));
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 1, 'dynamodb.TransactWriteItems': 1 });
  wire.resetCounts();
  await clock.until(batch.merge(lane, 10_000));
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 1 });
  const page = await clock.until(batch.output('all-five'));
  expect(page).toMatchObject({ more: false, events: lane.map((_, n) => ({ id: `e${n}`, seq: n })) });
});

test('taking in n events is a read and a transaction for each 48, a send for each ten, a note for each but the last 48', async () => {
  const { batch, wire, clock } = place();
  const list = (count: number) => ({
    pipeline: 'all-five',
    events: Array.from({ length: count }, (_, n) => event(n, 'order.x')),
  });
  await clock.until(batch.submit('all-five', 'list', list(144).events));
  expect(wire.counts()).toEqual({ 'sqs.SendMessageBatch': 1 });
  wire.resetCounts();
  await clock.until(batch.takeIn([messageOf('m', list(144))], 10_000));
  expect(wire.counts()).toEqual({
    'dynamodb.GetItem': 1,
    'dynamodb.BatchGetItem': 3,
    'dynamodb.TransactWriteItems': 3,
    'sqs.SendMessageBatch': 3 * 5,
    'dynamodb.PutItem': 2,
  });
  wire.resetCounts();
  // What was accepted before is sent again, and counted no more.
  await clock.until(batch.takeIn([messageOf('again', list(48))], 10_000));
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 1, 'sqs.SendMessageBatch': 5 });
  expect(await clock.until(batch.progress('all-five'))).toMatchObject({ accepted: 144 });
});

test('of an id that was accepted nothing else is sent: not with another key, type or content', async () => {
  const { batch, wire, clock } = place();
  const take = (id: string, events: readonly object[]) =>
    clock.until(batch.takeIn([messageOf(id, { pipeline: 'all-five', events })], 10_000));
  const first = { id: 'e', key: 'k', type: 't', data: { a: 1, b: [2] } };
  await take('first', [first]);
  wire.resetCounts();
  for (const other of [{ key: 'x' }, { type: 'x' }, { data: { a: 1, b: [3] } }, { data: undefined }])
    await take('other', [{ ...first, ...other }]);
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 4 });
  wire.resetCounts();
  // The same in another order of its fields is the same: a crash before its send is mended by it.
  await take('first', [{ data: { b: [2], a: 1 }, type: 't', key: 'k', id: 'e' }]);
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 1, 'sqs.SendMessageBatch': 1 });
  expect(await clock.until(batch.progress('all-five'))).toMatchObject({ accepted: 1 });
});

test('how a pipeline stands is one call for each stage, and one for what was accepted', async () => {
  const { batch, wire, clock } = place();
  await clock.until(batch.progress('all-five'));
  expect(wire.counts()).toEqual({ 'dynamodb.Query': 5, 'dynamodb.BatchGetItem': 1 });
});

test("two batches at a time in one process do not write over each other's counts", async () => {
  const { batch, clock } = place();
  const batches = [0, 10, 20, 30].map((from) => batch.runStage(ten('split', 'order.x', from)));
  for (const answer of await clock.until(Promise.all(batches))) expect(answer.batchItemFailures).toEqual([]);
  const progress = await clock.until(batch.progress('all-five'));
  expect(progress?.stages.find(({ stage }) => stage === 'split')).toMatchObject({ in: 40, out: 40 });
});

test('what happens between the reads of a progress never makes a stage have done more than it was sent', async () => {
  for (let at = 1; at <= 6; at += 1) {
    let reads = 0;
    const { batch, clock } = place(async ({ operation }, apply) => {
      const isRead = operation === 'dynamodb.Query' || operation === 'dynamodb.BatchGetItem';
      reads += isRead ? 1 : 0;
      // Ten events pass two stages while the counts are read.
      if (isRead && reads === at) for (const stage of ['keep', 'split']) await batch.runStage(ten(stage, 'order.x'));
      return apply();
    });
    const progress = await clock.until(batch.progress('all-five'));
    const of = (name: string) => progress?.stages.find(({ stage }) => stage === name);
    expect((of('keep')?.sent['keep.out'] ?? 0) - (of('split')?.in ?? 0)).toBeGreaterThanOrEqual(0);
    expect(of('split')?.waiting).toBeGreaterThanOrEqual(0);
    if (progress !== undefined)
      expect(conservationProblems(allFivePipeline, progress).filter((problem) => problem.startsWith('split'))).toEqual(
        [],
      );
  }
});

test('of what nobody has sent to a stage no less than nothing waits', async () => {
  const { batch, clock } = place();
  await clock.until(batch.runStage(ten('split', 'order.x')));
  const progress = await clock.until(batch.progress('all-five'));
  expect(progress?.stages.map(({ waiting }) => waiting)).toEqual([0, 0, 0, 10, 0]);
});

test.each([
  ['no JSON', 'nonsense', 'not JSON'],
  ['another shape', { pipeline: 'all-five', stage: 'split' }, 'This field is missing'],
  [
    'a stage that is not there',
    { pipeline: 'all-five', stage: 'no', input: 'x', event: event(1, 't'), seq: 0 },
    'no such stage',
  ],
  [
    'a merger as a stage',
    { pipeline: 'all-five', stage: 'merge', input: 'x', event: event(1, 't'), seq: 0 },
    'no such stage',
  ],
  [
    'a pipeline that is not there',
    { pipeline: '__proto__', stage: 'split', input: 'x', event: event(1, 't'), seq: 0 },
    'no such stage',
  ],
])('a message of %s is a dead letter at once, with the reason', async (_, body, reason) => {
  const { batch, clock, deadLetters } = place();
  expect((await clock.until(batch.runStage([messageOf('m', body)]))).batchItemFailures).toEqual([]);
  const [letter] = await clock.until(deadLetters.receive({ maxCount: 10 }));
  expect(letter?.attributes).toMatchObject({ reason: expect.stringContaining(reason), attempts: '1', origin: 'm' });
});

test.each([
  ['no JSON', 'nonsense', 'not JSON'],
  ['no events', { pipeline: 'all-five', events: [] }, 'events'],
  ['a pipeline that is not there', { pipeline: 'none', events: [event(1, 't')] }, `no pipeline 'none'`],
  ['an event without a key', { pipeline: 'all-five', events: [{ id: 'a', type: 't' }] }, 'events.0.key'],
  [
    'a name that reaches into prototypes',
    '{"pipeline":"all-five","events":[{"id":"a","key":"b","type":"t","data":{"__proto__":1}}]}',
    '__proto__',
  ],
])('a list of %s is a dead letter at once, with the reason', async (_, body, reason) => {
  const { batch, clock, deadLetters } = place();
  expect((await clock.until(batch.takeIn([messageOf('m', body)], 10_000))).batchItemFailures).toEqual([]);
  const [letter] = await clock.until(deadLetters.receive({ maxCount: 10 }));
  expect(letter?.attributes['reason']).toContain(reason);
});

test('a merger gives away what is not for it, and keeps the rest', async () => {
  const { batch, clock, deadLetters } = place();
  await clock.until(batch.merge([messageOf('bad', 'nonsense'), ...ten('merge', 't')], 10_000));
  expect(await clock.until(deadLetters.receive({ maxCount: 10 }))).toHaveLength(1);
  expect(await clock.until(batch.progress('all-five'))).toMatchObject({
    stages: expect.arrayContaining([expect.objectContaining({ stage: 'merge', in: 10, out: 10 })]),
  });
});

test('a cursor that was not made here is told so, one that was goes on where it was', async () => {
  const { batch, clock } = place();
  for (const cursor of ['x', 'MS4x', Buffer.from('0.0.0.0.0.0.0.0 ').toString('base64url')])
    expect(await clock.until(batch.output('all-five', cursor))).toBe('bad-cursor');
  expect(await clock.until(batch.output('none'))).toBeUndefined();
  const first = await clock.until(batch.output('all-five'));
  if (first === undefined || first === 'bad-cursor') throw new Error('a page');
  await clock.until(batch.merge(ten('merge', 't'), 10_000));
  const second = await clock.until(batch.output('all-five', first.cursor));
  expect(second).toMatchObject({ events: { length: 10 } });
});
