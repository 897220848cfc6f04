import { recordWorker } from '#batch/work-queue/record-worker';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { queueScaler } from '#batch/work-queue/scaling/queue-scaler';
import { workReporter, workSince } from '#batch/work-queue/scaling/work-reports';
import { memoryClock } from '#primitives/memory/clock';
import { memoryConcurrencyLimit } from '#primitives/memory/concurrency-limit';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { UnavailableError } from '#primitives/errors';
import { quiet } from '../world.ts';

const POLICY = { minConcurrency: 2, maxConcurrency: 40, drainMs: 60_000 };

const place = (intercept?: Intercept) => {
  const clock = memoryClock();
  const random = seededRandom(1);
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const jobs = memoryTable({ name: 'jobs', clock, wire });
  const effects = memoryTable({ name: 'effects', clock, wire });
  const queue = memoryQueue({ name: 'items', clock, wire, visibilityMs: 30_000 });
  const undeliverable = memoryQueue({ name: 'lost', clock, wire, visibilityMs: 30_000 });
  const limit = memoryConcurrencyLimit();
  const scaler = queueScaler({ queue, limit, jobs, clock, log: quiet });
  const work = batchWorker({
    jobs,
    effects,
    undeliverable,
    workers: [recordWorker({ clock, misbehaves: true })],
    clock,
    random,
    log: quiet,
    maxReceiveCount: 5,
    leaseMs: 30_000,
    keepMs: 30 * 86_400_000,
    reportEveryMs: 10_000,
  });
  const send = (count: number) =>
    queue.sendBatch(
      Array.from({ length: count }, () => ({
        body: JSON.stringify({ id: random.uuid(), worker: 'record', payload: { takesMs: 2_000 } }),
      })),
    );
  const workOnce = async (): Promise<void> => {
    const messages = await queue.receive({ maxCount: 10 });
    await clock.until(work(messages, 20_000));
    await queue.deleteBatch(messages.map(({ receipt }) => receipt));
  };
  return { clock, random, wire, jobs, limit, scaler, queue, send, workOnce };
};

test('a run sets the limit to what the queue needs, from what its workers told', async () => {
  const { clock, limit, scaler, send, workOnce } = place();
  await send(10);
  await workOnce();
  await scaler.plan({ mode: 'automatic', policy: POLICY });
  // One invocation ends 10 items in 2 s, so that 3 000 in a minute need ten.
  await send(3_000);
  await clock.advance(1_000);
  await scaler.run();
  expect(await limit.get()).toBe(40);
  const { last, visibleCount, plan } = await scaler.read();
  expect({ visibleCount, plan }).toEqual({ visibleCount: 3_000, plan: { mode: 'automatic', policy: POLICY } });
  expect(last).toMatchObject({ concurrency: 40, endsPerSecond: 5, reason: 'hold' });
});

test('with little to do it asks for less, when it has been so for five minutes', async () => {
  const { clock, limit, scaler, send, workOnce } = place();
  await scaler.plan({ mode: 'automatic', policy: POLICY });
  for (let minute = 0; minute < 8; minute += 1) {
    await send(10);
    await workOnce();
    await clock.advance(60_000);
    await scaler.run();
  }
  expect(await limit.get()).toBe(2);
});

test('a fixed number that somebody else has changed is set again; without a plan nothing is', async () => {
  const { limit, scaler } = place();
  await limit.set(9);
  await scaler.run();
  expect(await limit.get()).toBe(9);
  await scaler.plan({ mode: 'fixed', maximumConcurrency: 4 });
  await limit.set(9);
  await scaler.run();
  expect(await limit.get()).toBe(4);
  await scaler.plan({ mode: 'unlimited' });
  expect(await limit.get()).toBeUndefined();
});

test('a run costs five calls of queue and table, and one that has nothing to decide one', async () => {
  const { scaler, wire } = place();
  await scaler.run();
  expect(wire.counts()).toEqual({ 'dynamodb.BatchGetItem': 1 });
  await scaler.plan({ mode: 'automatic', policy: POLICY });
  wire.resetCounts();
  await scaler.run();
  expect(wire.counts()).toEqual({
    'dynamodb.BatchGetItem': 2,
    'dynamodb.Query': 1,
    'dynamodb.PutItem': 1,
    'sqs.GetQueueAttributes': 1,
  });
});

test('a host tells once in so long what it did, and what nobody could write hurts nobody', async () => {
  const flaky: { isDown: boolean } = { isDown: true };
  const { clock, random, jobs, wire } = place(async (operation, apply) => {
    if (flaky.isDown && operation.operation === 'dynamodb.PutItem') throw new UnavailableError('jobs');
    return apply();
  });
  const report = workReporter({ jobs, clock, random, everyMs: 10_000 });
  await report({ endedCount: 1, busyMs: 100 });
  flaky.isDown = false;
  for (let second = 0; second < 25; second += 1) {
    await clock.advance(1_000);
    await report({ endedCount: 2, busyMs: 50 });
  }
  expect(wire.counts()['dynamodb.PutItem']).toBeLessThanOrEqual(3);
  // Told at 10 and at 20 s; the first attempt was lost, the last five seconds are not told yet.
  expect(await workSince(jobs, 0, clock.nowMs())).toEqual({ endedCount: 40, busyMs: 1_000 });
  expect(await workSince(jobs, clock.nowMs() - 6_000, clock.nowMs())).toEqual({ endedCount: 20, busyMs: 500 });
});

test('what a clock that is ahead has told counts once, in the run whose time it is', async () => {
  const { clock, random, jobs } = place();
  await clock.advance(60_000);
  const ahead = { ...clock, nowMs: () => clock.nowMs() + 60_000 };
  await workReporter({ jobs, clock: ahead, random, everyMs: 10_000 })({ endedCount: 100, busyMs: 1_000 });
  const seen: number[] = [];
  for (let run = 0; run < 6; run += 1) {
    const fromMs = clock.nowMs();
    await clock.advance(15_000);
    seen.push((await workSince(jobs, fromMs, clock.nowMs())).endedCount);
  }
  expect(seen).toEqual([0, 0, 0, 100, 0, 0]);
});
