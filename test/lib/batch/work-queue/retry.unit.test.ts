import fc from 'fast-check';
import { retryDelayMs } from '#batch/work-queue/retry-later';
import { UnavailableError } from '#primitives/errors';
import { seededRandom } from '#primitives/memory/random';
import { someItems, world } from './world.ts';

const JOB = 'job-1';
const CHANGE = 'sqs.ChangeMessageVisibilityBatch';

test('a delay is at most the doubled base, and never more than the limit', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2_000 }), (seed, attempt) => {
      const delayMs = retryDelayMs(attempt, { baseMs: 1_000, limitMs: 60_000 }, seededRandom(seed));
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** (attempt - 1)));
    }),
  );
});

test('delays use all of their range: items that failed together do not come together', () => {
  const random = seededRandom(1);
  const delays = Array.from({ length: 200 }, () => retryDelayMs(4, { baseMs: 1_000, limitMs: 60_000 }, random));
  expect(Math.min(...delays)).toBeLessThan(1_000);
  expect(Math.max(...delays)).toBeGreaterThan(7_000);
});

test('items that fail cost one call a batch more, items that do not fail none', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: someItems(20, (n) => (n < 3 ? { fail: 'once' } : {})) });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 20 });
  expect(w.wire.counts()[CHANGE]).toBe(1);
  w.wire.resetCounts();
  await w.api.createJob('job-2', { worker: 'record', items: someItems(20) });
  await w.drain();
  expect(w.wire.counts()[CHANGE]).toBeUndefined();
});

test('a failed item comes again before its visibility timeout ends', async () => {
  const w = world();
  const startMs = w.clock.nowMs();
  await w.items.sendBatch([{ body: JSON.stringify({ id: 'a', worker: 'record', payload: { fail: 'once' } }) }]);
  await w.step();
  expect((await w.items.depth()).inFlightCount).toBe(1);
  await w.clock.advance(1_000);
  await w.step();
  expect(w.effects.dump()[0]?.fields).toMatchObject({ status: 'done', attempts: 2 });
  expect(w.clock.nowMs() - startMs).toBeLessThan(2_000);
});

test('an item that cannot be put off comes again all the same', async () => {
  const w = world({
    intercept: async ({ operation }, apply) => {
      if (operation === CHANGE) throw new UnavailableError('the queue');
      return apply();
    },
  });
  await w.api.createJob(JOB, { worker: 'record', items: someItems(3, () => ({ fail: 'once' })) });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 3 });
});
