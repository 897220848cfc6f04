import { eventually, startProbePlace } from '../../support/probe-place.ts';
import type { ProbePlace } from '../../support/probe-place.ts';
import { numbersOf } from '../../support/probe-function.ts';

let place: ProbePlace;
beforeAll(async () => {
  place = await startProbePlace();
});
afterAll(() => place.close());

const numbered = (count: number): readonly { readonly n: number }[] => Array.from({ length: count }, (_, n) => ({ n }));
const ascending = (a: number, b: number): number => a - b;

test('batch: no batch is larger than BatchSize, and every message comes once', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(queue, numbered(25));
  await place.map({ queue, name, BatchSize: 4 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(Math.max(...probe.seen.map((sighting) => sighting.records.length))).toBe(4);
  expect(probe.seen.flatMap(numbersOf).toSorted(ascending)).toEqual(numbered(25).map(({ n }) => n));
});

test('batch: a BatchSize over 10 fills a batch from several receives within the window', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(queue, numbered(40));
  await place.map({ queue, name, BatchSize: 35, MaximumBatchingWindowInSeconds: 2 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.map((sighting) => sighting.records.length)).toEqual([35, 5]);
});

test('batch: with a window, messages sent one after the other come together', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.map({ queue, name, MaximumBatchingWindowInSeconds: 2 });
  await place.send(queue, [{ n: 1 }]);
  await place.send(queue, [{ n: 2 }]);
  await place.send(queue, [{ n: 3 }]);
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.map(numbersOf)).toEqual([[1, 2, 3]]);
});

test('batch: at most 6 MB, however many messages there are', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30', MaximumMessageSize: '1048576' });
  const body = 'x'.repeat(1_000_000);
  for (let i = 0; i < 8; i += 1) await place.send(queue, [{ body }]);
  await place.map({ queue, name, BatchSize: 100, MaximumBatchingWindowInSeconds: 2 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.map((sighting) => sighting.records.length)).toEqual([6, 2]);
});

test('batch: a message that comes later is fetched by long polling', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue();
  await place.map({ queue, name });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await place.send(queue, [{ n: 1 }]);
  await eventually('it is done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.map(numbersOf)).toEqual([[1]]);
});

test('scaling: no more than 5 batches at once at the start, and that many are used', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(
    queue,
    numbered(8).map(({ n }) => ({ n, takesMs: 150 })),
  );
  await place.map({ queue, name, BatchSize: 1 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  // It may have grown by a few within this time, 5 a second.
  expect(probe.seen.slice(0, 5).map((sighting) => sighting.runningCount)).toEqual([1, 2, 3, 4, 5]);
  expect(probe.seen).toHaveLength(8);
});

test('scaling: MaximumConcurrency is never passed', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(
    queue,
    numbered(30).map(({ n }) => ({ n, takesMs: 20 })),
  );
  await place.map({ queue, name, BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen).toHaveLength(30);
  expect(probe.mostRunning()).toBe(2);
});

test('scaling: FIFO has no more batches at once than active groups', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ VisibilityTimeout: '30', FifoQueue: 'true' });
  await place.send(
    queue,
    numbered(12).map(({ n }) => ({ n, takesMs: 20, groupId: `g${n % 2}` })),
  );
  await place.map({ queue, name, BatchSize: 1 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen).toHaveLength(12);
  expect(probe.mostRunning()).toBeLessThanOrEqual(2);
});

test('scaling: a throttled batch is tried again until its visibility ends, without another receive', async () => {
  const { name, probe } = place.fn(1);
  const queue = await place.queue({ VisibilityTimeout: '30' });
  await place.send(
    queue,
    numbered(10).map(({ n }) => ({ n, takesMs: 20 })),
  );
  await place.map({ queue, name, BatchSize: 1 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.mostRunning()).toBe(1);
  const records = probe.seen.flatMap((sighting) => sighting.records);
  expect(records.map((record) => record.attributes.ApproximateReceiveCount)).toEqual(
    Array.from({ length: 10 }, () => '1'),
  );
});
