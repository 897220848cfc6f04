import { recordWorker } from '#batch/work-queue/record-worker';
import { OutcomeUnknownError } from '#primitives/errors';
import type { Intercept } from '#primitives/memory/wire';
import { itemIdOf, MAX_RECEIVE_COUNT, someItems, world } from './world.ts';

const JOB = 'job-1';
const DONE = { status: 'done', total: 25, pending: 0, inFlight: 0, done: 25, failed: 0 };

/** A world in which every item fails until the cause is mended, and that counts the effects told to the outside. */
const brokenWorld = (options: Parameters<typeof world>[0] = {}) => {
  const state = { isBroken: true };
  const order: string[] = [];
  const post = async ({ id }: { readonly id: string }): Promise<void> => {
    if (state.isBroken) throw new Error('the cause');
    order.push(id);
  };
  const w = world({ ...options, worker: (clock) => recordWorker({ clock, misbehaves: false, post }) });
  const mend = (): void => {
    state.isBroken = false;
  };
  return { ...w, mend, order };
};

const failAll = async (w: ReturnType<typeof brokenWorld>, count = 25): Promise<void> => {
  await w.api.createJob(JOB, { worker: 'record', items: someItems(count) });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', failed: count });
};

test('after the cause is mended all is done, each with one effect, and no dead letter is left', async () => {
  const w = brokenWorld();
  await failAll(w);
  w.mend();
  expect(await w.startRedrive('r1', { dryRun: true })).toEqual({ deadLetters: 25 });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ failed: 25 });
  expect(await w.startRedrive('r1', { ratePerSecond: 100 })).toEqual({ deadLetters: 25 });
  await w.drain();
  expect(await w.api.progress(JOB)).toEqual(DONE);
  expect(new Set(w.order).size).toBe(w.order.length);
  expect(await w.allResults(JOB)).toHaveLength(25);
  expect((await w.api.deadLetters())?.deadLetters).toEqual([]);
  expect(await w.deadLetters()).toEqual([]);
});

test('what fails again is a dead letter again, once, with its new reason, and the redrive ends', async () => {
  const w = brokenWorld();
  await failAll(w);
  await w.startRedrive('r1', { ratePerSecond: 1_000 });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: 0, failed: 25 });
  expect((await w.api.deadLetters())?.deadLetters).toHaveLength(25);
  const letters = await w.deadLetters();
  expect(letters).toHaveLength(25);
  expect(letters[0]?.attributes).toMatchObject({ reason: 'the cause', attempts: String(MAX_RECEIVE_COUNT) });
});

test('what fails again while the redrive still runs is not moved again by it', async () => {
  const w = brokenWorld({ redriveMs: 900 });
  await w.api.createJob(JOB, { worker: 'nobody', items: someItems(12) });
  await w.drain();
  await w.startRedrive('r1', { ratePerSecond: 2 });
  w.wire.resetCounts();
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', failed: 12 });
  expect(w.wire.counts()['dynamodb.PutItem']).toBeLessThanOrEqual(12);
});

test('the next redrive moves them once more', async () => {
  const w = brokenWorld();
  await failAll(w);
  await w.startRedrive('r1', {});
  await w.drain();
  w.mend();
  await w.startRedrive('r2', {});
  await w.drain();
  expect(await w.api.progress(JOB)).toEqual(DONE);
});

test('no more than the rate is moved in any second, also by two redrives side by side and over many messages', async () => {
  const movedAtMs: number[] = [];
  const clocks: { nowMs(): number }[] = [];
  const intercept: Intercept = async ({ operation, name, entryCount }, apply) => {
    if (operation === 'sqs.SendMessageBatch' && name === 'items' && isWatching) {
      for (let n = 0; n < entryCount; n += 1) movedAtMs.push(clocks[0]?.nowMs() ?? 0);
    }
    return apply();
  };
  let isWatching = false;
  const w = brokenWorld({ intercept, redriveMs: 900 });
  clocks.push(w.clock);
  await failAll(w);
  w.mend();
  isWatching = true;
  await w.startRedrive('r1', { ratePerSecond: 4 });
  await w.startRedrive('r2', { ratePerSecond: 4 });
  await w.drain();
  expect(await w.api.progress(JOB)).toEqual(DONE);
  expect(movedAtMs).toHaveLength(25);
  for (const fromMs of movedAtMs) {
    const inSecond = movedAtMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1_000).length;
    expect(inSecond).toBeLessThanOrEqual(4);
  }
});

test('ordered items go back in their order', async () => {
  const w = brokenWorld();
  const items = someItems(12).map(({ id, payload }, n) => ({ id, payload, groupId: n % 2 === 0 ? 'even' : 'odd' }));
  await w.api.createJob(JOB, { worker: 'record', ordered: true, items });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ failed: 12 });
  w.mend();
  await w.startRedrive('r1', {});
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 12 });
  const even = (parity: number) => w.order.filter((id) => Number(id.slice('item-'.length)) % 2 === parity);
  expect(even(0)).toEqual([0, 2, 4, 6, 8, 10].map((n) => `item-${n}`));
  expect(even(1)).toEqual([1, 3, 5, 7, 9, 11].map((n) => `item-${n}`));
});

test('a redrive is started by a queue message as well, and one that cannot be read is a dead letter', async () => {
  const w = brokenWorld();
  await failAll(w, 3);
  w.mend();
  await w.redrives.sendBatch([{ body: '{"ratePerSecond":5}' }, { body: '{"ratePerSecond":-1}' }]);
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 3 });
  expect((await w.redrivesDead.receive({ maxCount: 10 })).map(({ attributes }) => attributes.reason)).toEqual([
    expect.stringContaining('invalid message: ratePerSecond'),
  ]);
});

test('letters that nobody can read stay where they are', async () => {
  const w = brokenWorld();
  await w.items.sendBatch([{ body: 'hello' }]);
  await w.drain();
  await w.startRedrive('r1', {});
  await w.drain();
  await w.clock.advance(60_000);
  expect((await w.deadLetters()).map(({ body }) => body)).toEqual(['hello']);
});

test('a letter whose item was done after all is dropped, and undoes nothing', async () => {
  const w = brokenWorld();
  await failAll(w, 1);
  const [letter] = await w.dead.receive({ maxCount: 1, visibilityMs: 0 });
  if (letter === undefined) throw new Error('No letter.');
  w.mend();
  await w.startRedrive('r1', {});
  await w.drain();
  await w.dead.sendBatch([{ body: letter.body, attributes: letter.attributes }]);
  await w.startRedrive('r2', {});
  await w.drain();
  expect(w.order).toHaveLength(1);
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 1, done: 1, failed: 0 });
  expect(await w.deadLetters()).toEqual([]);
});

test('an old letter of an item that failed anew leaves the new failure alone', async () => {
  const w = brokenWorld();
  await failAll(w, 1);
  const [old] = await w.dead.receive({ maxCount: 1, visibilityMs: 0 });
  if (old === undefined) throw new Error('No letter.');
  await w.startRedrive('r1', {});
  await w.drain();
  const dead = await w.deadLetters();
  expect(dead).toHaveLength(1);
  await w.dead.sendBatch([{ body: old.body, attributes: old.attributes }]);
  w.mend();
  await w.startRedrive('r2', {});
  await w.drain();
  // The letter of the new failure is hidden, as if another redrive held it: only the old one is met.
  expect(await w.api.progress(JOB)).toMatchObject({ failed: 1, pending: 0 });
});

test('a late repeat of a burial that was undone buries nothing', async () => {
  const w = brokenWorld();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(1) });
  const [plan] = await w.plans.receive({ maxCount: 1 });
  if (plan === undefined) throw new Error('No plan.');
  await w.plan(plan, 5_000);
  await w.plans.deleteBatch([plan.receipt]);
  for (let receives = 0; receives < MAX_RECEIVE_COUNT; receives += 1) {
    await w.workOnly();
    await w.clock.advance(60_000);
  }
  const [late] = await w.lost.receive({ maxCount: 1, visibilityMs: 0 });
  if (late === undefined) throw new Error('Nothing undeliverable.');
  await w.drain();
  w.mend();
  await w.startRedrive('r1', {});
  await w.redriveOnly();
  await w.lost.sendBatch([{ body: late.body, attributes: late.attributes }]);
  await w.buryOnly();
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 1, failed: 0 });
});

describe('whichever write of a redrive meets', () => {
  type Mode = 'crash before' | 'crash after' | 'lost answer';

  const run = async (mode: Mode, k: number, isOrdered: boolean): Promise<number> => {
    let count = 0;
    let isDown = false;
    let isArmed = false;
    const intercept: Intercept = async (operation, apply) => {
      if (isDown) throw new Error('The process is gone.');
      if (!isArmed || !operation.isWrite || operation.operation === 'sqs.ReceiveMessage') return apply();
      const isHit = ++count === k;
      if (isHit && mode === 'crash before') {
        isDown = true;
        throw new Error('Crashed.');
      }
      const answer = await apply();
      if (isHit && mode === 'crash after') {
        isDown = true;
        throw new Error('Crashed.');
      }
      if (isHit) throw new OutcomeUnknownError('k-th write');
      return answer;
    };
    const w = brokenWorld({
      intercept,
      seed: k,
      redriveMs: 400,
      onStep: async () => {
        isDown = false;
      },
    });
    const items = someItems(7).map((item, n) => (isOrdered ? { ...item, groupId: `${n % 2}` } : item));
    await w.api.createJob(JOB, { worker: 'record', ordered: isOrdered, items });
    await w.drain();
    w.mend();
    await w.startRedrive('r1', { ratePerSecond: 5 });
    isArmed = true;
    await w.drain();
    isArmed = false;
    expect(await w.api.progress(JOB)).toEqual({ ...DONE, total: 7, done: 7 });
    expect(w.effects.dump()).toHaveLength(7);
    expect(await w.allResults(JOB)).toHaveLength(7);
    expect((await w.api.deadLetters())?.deadLetters).toEqual([]);
    expect((await w.deadLetters(isOrdered ? w.orderedDead : w.dead)).map(itemIdOf)).toEqual([]);
    return count;
  };

  test.each<[Mode, boolean]>([
    ['crash before', false],
    ['crash after', false],
    ['lost answer', false],
    ['crash before', true],
    ['crash after', true],
    ['lost answer', true],
  ])('%s (ordered: %s): all is done, none twice, nothing is left', async (mode, isOrdered) => {
    const writes = await run(mode, 0, isOrdered);
    expect(writes).toBeGreaterThan(10);
    for (let k = 1; k <= writes; k += 1) {
      try {
        await run(mode, k, isOrdered);
      } catch (error) {
        throw new Error(`At write ${k}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  });
});

test('ten letters cost 15 calls: a receive, 2 for the pace, 10 transactions, a send and a delete', async () => {
  const w = brokenWorld();
  await failAll(w, 10);
  await w.startRedrive('r1', { ratePerSecond: 10 });
  w.wire.resetCounts();
  await w.redriveOnly();
  expect(w.wire.counts()).toMatchObject({
    // Once more, for what might have come after the first ten.
    'dynamodb.GetItem': 1 + 1,
    'dynamodb.UpdateItem': 1 + 1,
    'dynamodb.TransactWriteItems': 10,
    // Its own message, and the letters.
    'sqs.ReceiveMessage': 2,
    'sqs.SendMessageBatch': 1,
    'sqs.DeleteMessageBatch': 2,
  });
});

describe('planning that is given up', () => {
  const broken =
    (isBroken: () => boolean): Intercept =>
    async ({ operation, name }, apply) => {
      if (operation === 'sqs.SendMessageBatch' && name === 'items' && isBroken()) throw new Error('No permission.');
      return apply();
    };

  test('ends its job as failed with a reason, and a redrive brings it to its end', async () => {
    let isBroken = true;
    const w = world({ intercept: broken(() => isBroken) });
    await w.api.createJob(JOB, { worker: 'record', open: true });
    await w.api.addItems(JOB, 'p1', someItems(120));
    await w.api.closeJob(JOB);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({
      status: 'failed',
      total: null,
      reason: 'not planned in 20 attempts',
    });
    const [letter] = await w.plansDead.receive({ maxCount: 1, visibilityMs: 0 });
    expect(letter?.attributes).toMatchObject({ reason: 'not planned in 20 attempts', attempts: '20', jobId: JOB });
    isBroken = false;
    await w.startRedrive('r1', {});
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 120, done: 120 });
    expect(await w.plansDead.depth()).toMatchObject({ visibleCount: 0 });
  });

  test('keeps the name of a job that a queue message has begun', async () => {
    let isBroken = true;
    const w = world({ intercept: broken(() => isBroken) });
    await w.plans.sendBatch([{ body: JSON.stringify({ worker: 'record', items: someItems(3) }) }]);
    await w.drain();
    const jobId =
      w.jobs
        .dump()
        .find(({ key }) => key.sort === 'job')
        ?.key.partition.slice('job/'.length) ?? '';
    expect(await w.api.progress(jobId)).toMatchObject({ status: 'failed', total: 3, pending: 3 });
    isBroken = false;
    await w.startRedrive('r1', {});
    await w.drain();
    expect(await w.api.progress(jobId)).toMatchObject({ status: 'done', done: 3 });
    expect(w.jobs.dump().filter(({ key }) => key.sort === 'job')).toHaveLength(1);
  });

  test('refuses the later parts of an ordered job, which would break its order', async () => {
    let isBroken = true;
    const w = world({
      intercept: async ({ operation, name, entryCount }, apply) => {
        if (isBroken && operation === 'sqs.SendMessageBatch' && name === 'ordered.fifo' && entryCount > 0)
          throw new Error('No permission.');
        return apply();
      },
    });
    await w.api.createJob(JOB, { worker: 'record', open: true, ordered: true });
    await w.api.addItems(JOB, 'p1', someItems(2));
    await w.api.addItems(JOB, 'p2', someItems(4));
    await w.api.closeJob(JOB);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'failed' });
    expect(await w.plansDead.depth()).toMatchObject({ visibleCount: 2 });
    isBroken = false;
    await w.startRedrive('r1', {});
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 4, done: 4 });
  });
});
