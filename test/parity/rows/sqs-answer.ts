import type { Row, RowGroup } from '../row.ts';
import { eventually } from '../wait.ts';
import { ascending, drained, numbersIn, receiveCounts, recordsIn, REPORTING } from './helpers.ts';

const success = (said: string, answer: unknown): Row => ({
  title: `ReportBatchItemFailures: ${said} is complete success`,
  run: async (place) => {
    const queue = await place.queue();
    await place.send(queue, [{ n: 1, then: 'answer', answer }, { n: 2 }]);
    await place.map({ EventSourceArn: queue.arn, ...REPORTING });
    await drained(place, queue);
    expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 2]);
  },
});

const failure = (said: string, answer: unknown): Row => ({
  title: `ReportBatchItemFailures: ${said} is complete failure`,
  run: async (place) => {
    const queue = await place.queue();
    // In one batch: a second one is what the failure of the first makes of it.
    await place.send(queue, [{ n: 1, then: 'answer', answer, times: 1 }, { n: 2 }]);
    await place.map({ EventSourceArn: queue.arn, MaximumBatchingWindowInSeconds: 1, ...REPORTING });
    await drained(place, queue);
    expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 1, 2, 2]);
  },
});

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html */
export const sqsAnswer: RowGroup = {
  subject: 'SQS event source: answers',
  rows: [
    {
      title: 'a function error makes the whole batch visible again after its visibility timeout',
      run: async (place) => {
        const queue = await place.queue();
        await place.send(queue, [{ n: 1, then: 'fail', times: 1 }, { n: 2 }]);
        await place.map({ EventSourceArn: queue.arn, MaximumBatchingWindowInSeconds: 1 });
        await drained(place, queue);
        const [first, ...later] = await place.sightings(queue.arn);
        expect(ascending(first?.numbers ?? [])).toEqual([1, 2]);
        expect(receiveCounts(later)).toEqual(['2', '2']);
        expect((later[0]?.startedAtMs ?? 0) - (first?.startedAtMs ?? 0)).toBeGreaterThan(4_000);
      },
    },
    {
      title: 'a function that runs into its timeout makes the whole batch visible again',
      run: async (place) => {
        const queue = await place.queue();
        await place.send(queue, [{ n: 1, then: 'hang', times: 1 }, { n: 2 }]);
        await place.map({ EventSourceArn: queue.arn, MaximumBatchingWindowInSeconds: 1, ...REPORTING });
        await drained(place, queue);
        expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 1, 2, 2]);
      },
    },
    {
      title: 'without ReportBatchItemFailures any success deletes all',
      run: async (place) => {
        const queue = await place.queue();
        await place.send(queue, [{ n: 1, then: 'report' }, { n: 2 }]);
        await place.map({ EventSourceArn: queue.arn });
        await drained(place, queue);
        expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 2]);
      },
    },
    success('null', null),
    success('{}', {}),
    success('an empty list', { batchItemFailures: [] }),
    success('a list that is null', { batchItemFailures: null }),
    failure('a text', 'text'),
    failure('an empty itemIdentifier', { batchItemFailures: [{ itemIdentifier: '' }] }),
    failure('an itemIdentifier that is null', { batchItemFailures: [{ itemIdentifier: null }] }),
    failure('a wrong key', { batchItemFailures: [{ messageId: 'x' }] }),
    failure('an id that is not in the batch', { batchItemFailures: [{ itemIdentifier: 'elsewhere' }] }),
    {
      title: 'ReportBatchItemFailures: else exactly the others are deleted',
      run: async (place) => {
        const queue = await place.queue();
        await place.send(queue, [
          { n: 1 },
          { n: 2, then: 'report', times: 1 },
          { n: 3 },
          { n: 4, then: 'report', times: 1 },
        ]);
        await place.map({ EventSourceArn: queue.arn, ...REPORTING });
        await drained(place, queue);
        expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 2, 2, 3, 4, 4]);
      },
    },
    {
      title:
        'the receive count rises, and after maxReceiveCount the message is in the dead-letter queue, once, with its attributes',
      run: async (place) => {
        const deadLetters = await place.queue();
        const queue = await place.queue({
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 2 }),
        });
        await place.send(queue, [
          { n: 1, then: 'report', attributes: { kind: { DataType: 'String', StringValue: 'order' } } },
          { n: 2 },
        ]);
        await place.map({ EventSourceArn: queue.arn, ...REPORTING });
        await eventually('it is dead', async () => (await place.depth(deadLetters)) === 1);
        expect(await place.depth(queue)).toBe(0);
        const records = recordsIn(await place.sightings(queue.arn)).filter(({ body }) => body?.includes('report'));
        expect(records.map(({ attributes }) => attributes?.['ApproximateReceiveCount'])).toEqual(['1', '2']);
        const dead = await place.take(deadLetters);
        expect(dead.map(({ Body }) => Body)).toEqual([JSON.stringify({ n: 1, then: 'report' })]);
        expect(dead[0]?.MessageAttributes).toMatchObject({ kind: { DataType: 'String', StringValue: 'order' } });
      },
    },
    {
      title: 'failures do not stop the messages behind them',
      run: async (place) => {
        const queue = await place.queue();
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1 });
        await place.send(queue, [{ n: 1, then: 'fail', times: 2 }]);
        await eventually('it failed', async () => (await place.sightings(queue.arn)).length > 0);
        await place.send(queue, [{ n: 2 }]);
        await drained(place, queue);
        expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([1, 1, 1, 2]);
      },
    },
  ],
};
