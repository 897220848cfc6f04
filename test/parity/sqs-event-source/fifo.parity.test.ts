import { eventually, startProbePlace } from '../../support/probe-place.ts';
import type { ProbePlace } from '../../support/probe-place.ts';
import { numbersOf } from '../../support/probe-function.ts';

let place: ProbePlace;
beforeAll(async () => {
  place = await startProbePlace();
});
afterAll(() => place.close());

const FIFO = { FifoQueue: 'true' };
const REPORTING = { FunctionResponseTypes: ['ReportBatchItemFailures' as const] };
const ofGroup = (numbers: readonly number[], group: number): readonly number[] =>
  numbers.filter((n) => Math.floor(n / 100) === group);

test('FIFO: order per MessageGroupId', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue({ ...FIFO, VisibilityTimeout: '30' });
  const numbers = Array.from({ length: 10 }, (_, i) => [100 + i, 200 + i, 300 + i]).flat();
  await place.send(
    queue,
    numbers.map((n) => ({ n, takesMs: n % 3, groupId: String(Math.floor(n / 100)) })),
  );
  await place.map({ queue, name, BatchSize: 3 });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  const seen = probe.seen.flatMap(numbersOf);
  for (const group of [1, 2, 3]) expect(ofGroup(seen, group)).toEqual(ofGroup(numbers, group));
  expect(
    probe.seen.some((sighting) => new Set(sighting.records.map((r) => r.attributes.MessageGroupId)).size > 1),
  ).toBe(true);
});

test('FIFO: a failed message stops its group, in order, and its group only', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue(FIFO);
  await place.send(queue, [
    { n: 100, then: 'report', times: 2, groupId: '1' },
    ...[101, 102].map((n) => ({ n, groupId: '1' })),
    ...[200, 201, 202].map((n) => ({ n, groupId: '2' })),
  ]);
  await place.map({ queue, name, BatchSize: 1, ...REPORTING });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  const seen = probe.seen.flatMap(numbersOf);
  expect(ofGroup(seen, 1)).toEqual([100, 100, 100, 101, 102]);
  expect(ofGroup(seen, 2)).toEqual([200, 201, 202]);
  expect(seen.indexOf(202)).toBeLessThan(seen.lastIndexOf(100));
});

test('FIFO: a head that goes to the dead-letter queue lets its group go on', async () => {
  const { name, probe } = place.fn();
  const deadLetters = await place.queue({ ...FIFO, VisibilityTimeout: '30' });
  const queue = await place.queue({
    ...FIFO,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 1 }),
  });
  await place.send(queue, [
    { n: 1, then: 'fail', groupId: 'g' },
    { n: 2, groupId: 'g' },
  ]);
  await place.map({ queue, name, BatchSize: 1 });
  await eventually('the tail is done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.map(numbersOf)).toEqual([[1], [2]]);
  expect(await place.depth(deadLetters)).toBe(1);
});

test('FIFO: records carry group, deduplication id and sequence number', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue(FIFO);
  await place.send(queue, [{ n: 1, groupId: 'g' }]);
  await place.map({ queue, name });
  await eventually('it is done', async () => (await place.depth(queue)) === 0);
  const attributes = probe.seen[0]?.records[0]?.attributes ?? {};
  expect(attributes.MessageGroupId).toBe('g');
  expect(attributes.MessageDeduplicationId).toMatch(/^[0-9a-f-]{36}$/u);
  expect(attributes.SequenceNumber).toMatch(/^\d{20}$/u);
});
