import { eventually, startProbePlace } from '../../support/probe-place.ts';
import type { ProbePlace } from '../../support/probe-place.ts';
import { numbersOf } from '../../support/probe-function.ts';

let place: ProbePlace;
beforeAll(async () => {
  place = await startProbePlace();
});
afterAll(() => place.close());

const ascending = (a: number, b: number): number => a - b;
const REPORTING = { FunctionResponseTypes: ['ReportBatchItemFailures' as const] };

test('answer: a function error makes the whole batch visible again after its visibility timeout', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue();
  await place.send(queue, [{ n: 1, then: 'fail', times: 1 }, { n: 2 }]);
  await place.map({ queue, name });
  await eventually('both come again', () => probe.seen.length >= 2);
  expect(numbersOf(probe.seen[0] ?? { records: [], runningCount: 0 })).toEqual([1, 2]);
  await eventually('both are done', async () => (await place.depth(queue)) === 0);
  const again = probe.seen.slice(1).flatMap((sighting) => sighting.records);
  expect(again.map((record) => record.attributes.ApproximateReceiveCount)).toEqual(['2', '2']);
});

test('answer: without ReportBatchItemFailures any success deletes all', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue();
  await place.send(queue, [{ n: 1, then: 'report' }, { n: 2 }]);
  await place.map({ queue, name });
  await eventually('both are deleted', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.flatMap(numbersOf)).toEqual([1, 2]);
});

test.each(['null', '{}', '{"batchItemFailures":[]}', '{"batchItemFailures":null}'])(
  'ReportBatchItemFailures: %s is complete success',
  async (answer) => {
    const { name, probe } = place.fn();
    const queue = await place.queue();
    await place.send(queue, [{ n: 1, then: 'answer', answer }, { n: 2 }]);
    await place.map({ queue, name, ...REPORTING });
    await eventually('both are deleted', async () => (await place.depth(queue)) === 0);
    expect(probe.seen.flatMap(numbersOf)).toEqual([1, 2]);
  },
);

test.each([
  '"text"',
  '{"batchItemFailures":[',
  '{"batchItemFailures":[{"itemIdentifier":""}]}',
  '{"batchItemFailures":[{"itemIdentifier":null}]}',
  '{"batchItemFailures":[{"messageId":"x"}]}',
  '{"batchItemFailures":[{"itemIdentifier":"not-in-the-batch"}]}',
])('ReportBatchItemFailures: %s is complete failure', async (answer) => {
  const { name, probe } = place.fn();
  const queue = await place.queue();
  await place.send(queue, [{ n: 1, then: 'answer', answer, times: 1 }, { n: 2 }]);
  await place.map({ queue, name, ...REPORTING });
  await eventually('both come again and are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.flatMap(numbersOf).toSorted(ascending)).toEqual([1, 1, 2, 2]);
});

test('ReportBatchItemFailures: else exactly the others are deleted', async () => {
  const { name, probe } = place.fn();
  const queue = await place.queue();
  await place.send(queue, [{ n: 1 }, { n: 2, then: 'report', times: 1 }, { n: 3 }, { n: 4, then: 'report', times: 1 }]);
  await place.map({ queue, name, ...REPORTING });
  await eventually('all are done', async () => (await place.depth(queue)) === 0);
  expect(probe.seen.flatMap(numbersOf).toSorted(ascending)).toEqual([1, 2, 2, 3, 4, 4]);
});

test('redrive: the receive count rises, and after maxReceiveCount the message is in the dead-letter queue, once, with its attributes', async () => {
  const { name, probe } = place.fn();
  const deadLetters = await place.queue({ VisibilityTimeout: '30' });
  const queue = await place.queue({
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 2 }),
  });
  await place.send(queue, [
    { n: 1, then: 'report', attributes: { kind: { DataType: 'String', StringValue: 'order' } } },
    { n: 2 },
  ]);
  await place.map({ queue, name, ...REPORTING });
  await eventually('it is dead', async () => (await place.depth(deadLetters)) === 1);
  expect(await place.depth(queue)).toBe(0);
  const records = probe.seen.flatMap((sighting) => sighting.records).filter((record) => record.body.includes('"n":1'));
  expect(records.map((record) => record.attributes.ApproximateReceiveCount)).toEqual(['1', '2']);
  const dead = await place.take(deadLetters);
  expect(dead.map((message) => message.Body)).toEqual([JSON.stringify({ n: 1, then: 'report' })]);
  expect(dead[0]?.MessageAttributes).toMatchObject({ kind: { DataType: 'String', StringValue: 'order' } });
});
