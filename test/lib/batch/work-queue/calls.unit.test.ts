import { recordWorker } from '#batch/work-queue/record-worker';
import type { Intercept } from '#primitives/memory/wire';
import { someItems, world } from './world.ts';

const JOB = 'job-1';

test('10 000 items cost 0.5 API calls each: send, receive, claim, finish and delete a tenth', async () => {
  const w = world();
  const body = (id: string) => JSON.stringify({ jobId: JOB, id, worker: 'record' });
  await w.items.sendBatch(someItems(10_000).map(({ id }) => ({ body: body(id) })));
  await w.drain();
  expect(w.effects.dump()).toHaveLength(10_000);
  const { 'sqs.ReceiveMessage.empty': empty, 'sqs.GetQueueAttributes': looks, ...counts } = w.wire.counts();
  expect({ empty, looks }).toEqual({ empty: expect.any(Number), looks: 8 });
  expect(counts).toEqual({
    'sqs.SendMessageBatch': 1_000,
    'sqs.ReceiveMessage': 1_000,
    'dynamodb.PutItem': 1_000,
    // Whether the job was cancelled: read once in so many seconds, and no time passes here.
    'dynamodb.BatchGetItem': 1,
    'dynamodb.TransactWriteItems': 1_000,
    'sqs.DeleteMessageBatch': 1_000,
  });
});

test('messages without a job cost 0.4 API calls each: there is nothing to claim', async () => {
  const w = world();
  await w.items.sendBatch(someItems(100).map(({ id }) => ({ body: JSON.stringify({ id, worker: 'record' }) })));
  await w.drain();
  expect(w.wire.counts()).toMatchObject({ 'sqs.SendMessageBatch': 10, 'dynamodb.TransactWriteItems': 10 });
  expect(w.wire.counts()['dynamodb.PutItem']).toBeUndefined();
});

test('a part of n items costs n/99 transactions, ten sends for each of them, and a few calls', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', open: true });
  w.wire.resetCounts();
  await w.api.addItems(JOB, 'p', someItems(990));
  expect(w.wire.counts()).toEqual({
    'dynamodb.GetItem': 1,
    'sqs.SendMessageBatch': 1,
    'dynamodb.TransactWriteItems': 1,
  });
  w.wire.resetCounts();
  await w.drain();
  const work = 99;
  expect(w.wire.counts()).toMatchObject({
    'dynamodb.TransactWriteItems': 990 / 99 + work,
    'sqs.SendMessageBatch': (990 / 99) * 10,
    'dynamodb.BatchGetItem': 2,
    'dynamodb.UpdateItem': 1,
  });
});

test('redelivered items cost one read a batch and are not run again when they were done', async () => {
  let runs = 0;
  let isLost = true;
  const intercept: Intercept = async ({ operation }, apply) => {
    if (operation === 'sqs.DeleteMessageBatch' && isLost) {
      isLost = false;
      throw new Error('The deletes never arrived.');
    }
    return apply();
  };
  const w = world({
    intercept,
    worker: (clock) => recordWorker({ clock, misbehaves: false, post: async () => void (runs += 1) }),
  });
  await w.items.sendBatch(
    someItems(10).map(({ id }) => ({ body: JSON.stringify({ jobId: JOB, id, worker: 'record' }) })),
  );
  await w.drain();
  expect(runs).toBe(10);
  expect(w.wire.counts()).toMatchObject({
    'dynamodb.BatchGetItem': 2,
    'dynamodb.PutItem': 1,
    'dynamodb.TransactWriteItems': 1,
  });
});

test('the progress of 10 000 items is one query for each megabyte of records', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(10_000) });
  await w.drain();
  w.wire.resetCounts();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 10_000 });
  expect(w.wire.counts()['dynamodb.Query']).toBeLessThanOrEqual(2);
});

test('a claim that lands late does not undo its end', async () => {
  const late: (() => unknown)[] = [];
  const w = world({
    intercept: async ({ operation }, apply) => {
      if (operation === 'dynamodb.PutItem' && late.length === 0) late.push(apply);
      return apply();
    },
  });
  await w.items.sendBatch([{ body: JSON.stringify({ jobId: JOB, id: 'a', worker: 'record' }) }]);
  await w.drain();
  await late[0]?.();
  expect(w.jobs.dump().map(({ fields }) => fields.state)).toEqual(['finished']);
});
