import fc from 'fast-check';
import { recordWorker } from '#batch/work-queue/record-worker';
import type { JobItem } from '#batch/work-queue/types';
import { UnavailableError } from '#primitives/errors';
import type { Intercept } from '#primitives/memory/wire';
import { itemIdOf, MAX_RECEIVE_COUNT, world } from './world.ts';

const JOB = 'job-1';
const SENDS = 'sqs.SendMessageBatch';

/** A world whose worker notes the order in which items get their effects (their runs that ended well). */
const orderedWorld = (options: NonNullable<Parameters<typeof world>[0]> = {}) => {
  const order: string[] = [];
  const w = world({
    ...options,
    worker: (clock) =>
      recordWorker({
        clock,
        misbehaves: true,
        post: async ({ id }) => {
          if (!order.includes(id)) order.push(id);
        },
      }),
  });
  return { ...w, order, inGroup: (group: string) => order.filter((id) => id.startsWith(`${group}-`)) };
};

const groupItems = (groups: readonly string[], count: number, payload: (id: string) => object = () => ({})) =>
  Array.from({ length: count }, (_, n) => groups.map((group) => `${group}-${n}`))
    .flat()
    .map((id): JobItem => ({ id, groupId: id.split('-')[0], payload: payload(id) as never }));

const expected = (group: string, count: number) => Array.from({ length: count }, (_, n) => `${group}-${n}`);

describe.each([1, 10])('an ordered job, %i messages a batch', (orderedBatch) => {
  test('has its effects in the order of each group, and an item that fails once keeps it', async () => {
    const w = orderedWorld({ orderedBatch });
    const items = groupItems(['a', 'b', 'c'], 12, (id) => (id.endsWith('-4') ? { fail: 'once' } : {}));
    await w.api.createJob(JOB, { worker: 'record', ordered: true, items });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 36, done: 36 });
    for (const group of ['a', 'b', 'c']) expect(w.inGroup(group)).toEqual(expected(group, 12));
    expect(await w.items.depth()).toMatchObject({ visibleCount: 0 });
  });

  test('whose items have no groups is done in one order', async () => {
    const w = orderedWorld({ orderedBatch });
    const items = groupItems(['a'], 15).map(({ id, payload }) => ({ id, payload }));
    await w.api.createJob(JOB, { worker: 'record', ordered: true, items });
    await w.drain();
    expect(w.order).toEqual(expected('a', 15));
  });
});

test('an item that always fails stops its group only, and only until it is buried; nobody else suffers for it', async () => {
  const w = orderedWorld();
  const items = groupItems(['a', 'b'], 6, (id) => (id === 'a-2' ? { fail: 'always' } : {}));
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items });
  for (let steps = 0; steps < 30; steps += 1) await w.step();
  expect(w.inGroup('b')).toEqual(expected('b', 6));
  expect(w.inGroup('a')).toEqual(['a-0', 'a-1']);
  await w.drain();
  expect(w.inGroup('a')).toEqual(['a-0', 'a-1', 'a-3', 'a-4', 'a-5']);
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: 11, failed: 1 });
  const results = await w.allResults(JOB);
  expect(results.filter(({ attempts }) => attempts !== 1).map(({ id, attempts }) => [id, attempts])).toEqual([
    ['a-2', MAX_RECEIVE_COUNT],
  ]);
  const letters = await w.deadLetters(w.orderedDead);
  expect(letters.map(itemIdOf)).toEqual(['a-2']);
  expect(letters[0]?.groupId).toEqual(expect.any(String));
});

test('groups of the same name in two jobs do not wait for each other', async () => {
  const w = orderedWorld();
  const bad = groupItems(['x'], 2, () => ({ fail: 'always' }));
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items: bad });
  await w.api.createJob('job-2', { worker: 'record', ordered: true, items: groupItems(['x'], 3) });
  for (let steps = 0; steps < 12; steps += 1) await w.step();
  expect(await w.api.progress('job-2')).toMatchObject({ status: 'done', done: 3 });
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'running' });
});

test('parts are done in the order in which they were accepted, however their messages come', async () => {
  const w = orderedWorld({ planMs: 0 });
  await w.api.createJob(JOB, { worker: 'record', open: true, ordered: true });
  const all = groupItems(['a', 'b'], 130);
  const parts = [all.slice(0, 90), all.slice(90, 200), all.slice(200)];
  for (const [index, part] of parts.entries()) expect(await w.api.addItems(JOB, `p${index}`, part)).toBe('accepted');
  expect(await w.api.addItems(JOB, 'p1', parts[1] ?? [])).toBe('accepted');
  await w.api.closeJob(JOB);
  const messages = await w.plans.receive({ maxCount: 10 });
  for (const message of messages.toReversed()) await w.clock.until(w.plan(message, 0));
  await w.plans.deleteBatch(messages.map(({ receipt }) => receipt));
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 260, done: 260 });
  for (const group of ['a', 'b']) expect(w.inGroup(group)).toEqual(expected(group, 130));
});

test('a send that fails in part breaks no order: none behind it was sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
      let state = seed;
      const chance = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
      const intercept: Intercept = async ({ operation, name, entryCount }, apply) => {
        if (operation !== SENDS || name !== 'ordered.fifo') return apply();
        if (chance() < 0.1) throw new UnavailableError('the queue');
        return apply(new Set(Array.from({ length: entryCount }, (_, at) => at).filter(() => chance() < 0.2)));
      };
      const w = orderedWorld({ intercept, seed });
      await w.api.createJob(JOB, { worker: 'record', ordered: true, items: groupItems(['a', 'b', 'c'], 8) });
      await w.drain();
      expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 24 });
      for (const group of ['a', 'b', 'c']) expect(w.inGroup(group)).toEqual(expected(group, 8));
    }),
    { numRuns: 25 },
  );
});

test('a plan that comes twice leaves one message an item, and after the five minutes one effect', async () => {
  const w = orderedWorld();
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items: groupItems(['a'], 5) });
  const [message] = await w.plans.receive({ maxCount: 1 });
  if (message === undefined) throw new Error('No plan.');
  await w.plan(message, 5_000);
  await w.plan(message, 5_000);
  expect(await w.ordered.depth()).toMatchObject({ visibleCount: 5 });
  await w.clock.advance(301_000);
  await w.plan(message, 5_000);
  expect(await w.ordered.depth()).toMatchObject({ visibleCount: 10 });
  await w.drain();
  expect(w.order).toEqual(expected('a', 5));
  expect(w.effects.dump()).toHaveLength(5);
});

test('ten groups cost a tenth of a send an item, one group a send for each', async () => {
  const w = orderedWorld();
  const groups = Array.from({ length: 10 }, (_, n) => `g${n}`);
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items: groupItems(groups, 10) });
  const counted = async (): Promise<number> => {
    w.wire.resetCounts();
    const [message] = await w.plans.receive({ maxCount: 1 });
    if (message === undefined) throw new Error('No plan.');
    await w.plan(message, 60_000);
    await w.plans.deleteBatch([message.receipt]);
    return w.wire.counts()[SENDS] ?? 0;
  };
  expect(await counted()).toBe(10);
  await w.api.createJob('job-2', { worker: 'record', ordered: true, items: groupItems(['a'], 30) });
  expect(await counted()).toBe(30);
});

test('an item of an ordered job costs 4.1 calls beside its plan: receive, claim, finish and delete are its own', async () => {
  const w = orderedWorld();
  const groups = Array.from({ length: 10 }, (_, n) => `g${n}`);
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items: groupItems(groups, 10) });
  w.wire.resetCounts();
  await w.drain();
  expect(w.wire.counts()).toMatchObject({
    [SENDS]: 10,
    'sqs.ReceiveMessage': 100 + 1,
    'dynamodb.PutItem': 100 + 1,
    'dynamodb.TransactWriteItems': 100,
    'sqs.DeleteMessageBatch': 100 + 1,
    'dynamodb.BatchGetItem': 1,
  });
});

test('what cannot be read, in an ordered queue, becomes a dead letter of its own kind', async () => {
  const w = orderedWorld();
  await w.ordered.sendBatch([{ body: 'hello', groupId: 'g', deduplicationId: 'd' }]);
  await w.drain();
  expect((await w.deadLetters(w.orderedDead)).map(({ body, attributes }) => [body, attributes.reason])).toEqual([
    ['hello', 'invalid message: not JSON'],
  ]);
});

test('a part that no letter holds whole ends the later ones, and none of their messages stays, nor after a redrive', async () => {
  const w = orderedWorld();
  const worker = 'w'.repeat(64);
  await w.api.createJob(JOB, { worker, open: true, ordered: true });
  // In its own message the item has the name of its worker besides: it is longer than any message.
  const large = [{ id: 'p', payload: 'x'.repeat(1_048_576 - 70) }];
  expect(await w.api.addItems(JOB, 'p', large)).toBe('accepted');
  expect(await w.api.addItems(JOB, 'q', [{ id: 'q', payload: null }])).toBe('accepted');
  await w.api.closeJob(JOB);
  await w.drain();
  const failed = { status: 'failed', reason: expect.stringContaining('ordered.fifo does not take a message') };
  expect(await w.api.progress(JOB)).toMatchObject(failed);
  await w.startRedrive('r1', {});
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject(failed);
  expect(await w.plans.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
  await w.clock.advance(60_000);
  expect(await w.deadLetters(w.plansDead)).toHaveLength(2);
});
