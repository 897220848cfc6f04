import { cancelledJobs } from '#batch/work-queue/cancelled-jobs';
import { recordWorker } from '#batch/work-queue/record-worker';
import { CANCEL_CACHE_MS, someItems, world } from './world.ts';

const JOB = 'job-1';

test('a cancelled job begins nothing more: all of it ends as cancelled, counted once, and adds up', async () => {
  let runs = 0;
  const w = world({
    worker: (clock) => recordWorker({ clock, misbehaves: false, post: async () => void (runs += 1) }),
  });
  await w.api.createJob(JOB, { worker: 'record', items: someItems(25) });
  expect(await w.api.cancelJob(JOB)).toBe('cancelled');
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'cancelling', total: 25, pending: 25, failed: 0 });
  await w.drain();
  expect(runs).toBe(0);
  expect(await w.api.progress(JOB)).toEqual({
    status: 'cancelled',
    total: 25,
    pending: 0,
    inFlight: 0,
    done: 0,
    failed: 25,
    cancelled: 25,
  });
  const results = await w.allResults(JOB);
  expect(results).toHaveLength(25);
  expect(results[0]).toEqual({
    id: expect.any(String),
    status: 'cancelled',
    reason: 'the job was cancelled',
    attempts: 0,
  });
  expect(await w.deadLetters()).toEqual([]);
});

test('what runs when the job is cancelled ends as it would have; what failed then is not tried again', async () => {
  const hooks = { cancel: async (): Promise<unknown> => undefined };
  const post = async ({ id }: { readonly id: string }): Promise<void> => {
    if (id === 'item-0') await hooks.cancel();
  };
  const w = world({ worker: (clock) => recordWorker({ clock, misbehaves: true, post }) });
  hooks.cancel = () => w.api.cancelJob(JOB);
  await w.api.createJob(JOB, { worker: 'record', open: true });
  await w.api.addItems(
    JOB,
    'p1',
    someItems(12, (n) => (n === 5 ? { takesMs: 60_000 } : {})),
  );
  await w.drain();
  expect(await w.api.progress(JOB)).toEqual({
    status: 'cancelled',
    total: 12,
    pending: 0,
    inFlight: 0,
    done: 9,
    failed: 3,
    cancelled: 3,
  });
  expect(await w.api.addItems(JOB, 'p2', someItems(1))).toBe('closed');
  const results = await w.allResults(JOB);
  expect(results.find(({ id }) => id === 'item-5')).toMatchObject({ status: 'cancelled', attempts: 1 });
  expect(results.find(({ id }) => id === 'item-11')).toMatchObject({ status: 'cancelled', attempts: 0 });
});

test('a job that has ended stays as it is, and one that there is not is unknown', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(2) });
  await w.drain();
  expect(await w.api.cancelJob(JOB)).toBe('cancelled');
  expect(await w.api.progress(JOB)).toEqual({ status: 'done', total: 2, pending: 0, inFlight: 0, done: 2, failed: 0 });
  expect(await w.api.cancelJob('other')).toBe('unknown');
  expect(await w.api.progress('other')).toBeUndefined();
});

test('the listing of a cancelled job ends where it stands', async () => {
  const w = world({ planMs: 0 });
  for (let n = 0; n < 600; n += 1) await w.media.put(`in/${n}`, new Uint8Array([1]));
  await w.api.createJob(JOB, { worker: 'record', source: { bucket: 'media', prefix: 'in/' } });
  const [first] = await w.plans.receive({ maxCount: 1 });
  if (first === undefined) throw new Error('No plan.');
  await w.plan(first, 0);
  await w.plans.deleteBatch([first.receipt]);
  await w.api.cancelJob(JOB);
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'cancelled', total: 250, failed: 250, cancelled: 250 });
});

test('a cancellation is seen when what was read of the job is too old, at the latest', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', open: true });
  await w.api.addItems(JOB, 'p1', someItems(1));
  await w.drain();
  await w.api.addItems(JOB, 'p2', [{ id: 'within', payload: null }]);
  await w.api.cancelJob(JOB);
  await w.drain();
  const within = (await w.allResults(JOB)).find(({ id }) => id === 'within');
  expect(within?.status).toBe('done');

  const other = 'job-2';
  await w.api.createJob(other, { worker: 'record', open: true });
  await w.api.addItems(other, 'p1', someItems(1));
  await w.drain();
  await w.api.addItems(other, 'p2', [{ id: 'after', payload: null }]);
  await w.api.cancelJob(other);
  await w.clock.advance(CANCEL_CACHE_MS);
  await w.drain();
  expect((await w.allResults(other)).find(({ id }) => id === 'after')?.status).toBe('cancelled');
});

test('the record of a job is read once in the time that it is remembered, however many batches there are', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(200) });
  await w.drain();
  expect(w.wire.counts()['dynamodb.BatchGetItem']).toBe(1);
});

test('a cancellation that was seen is not forgotten for the jobs that are read with it', async () => {
  const w = world();
  const pause = (): Promise<void> => Promise.resolve();
  const which = cancelledJobs({ jobs: w.jobs, clock: w.clock, cacheMs: 900_000, pause });
  await w.api.createJob('c', { worker: 'record', open: true });
  await w.api.cancelJob('c');
  expect(await which(['c'])).toEqual(new Set(['c']));
  for (let n = 0; n < 999; n += 1) await which([`job-${n}`]);
  expect(await which(['c', 'fresh'])).toEqual(new Set(['c']));
  expect(await which(['c'])).toEqual(new Set(['c']));
});
