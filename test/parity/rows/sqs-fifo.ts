import type { RowGroup } from '../row.ts';
import { drained, HIDDEN, numbersIn, recordsIn, REPORTING } from './helpers.ts';

const FIFO = { FifoQueue: 'true' };
const ofGroup = (numbers: readonly number[], group: number): readonly number[] =>
  numbers.filter((n) => Math.floor(n / 100) === group);

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html (FIFO) */
export const sqsFifo: RowGroup = {
  subject: 'SQS event source: FIFO',
  rows: [
    {
      title: 'order per MessageGroupId; a batch may hold several groups',
      run: async (place) => {
        const queue = await place.queue({ ...FIFO, ...HIDDEN });
        const numbers = Array.from({ length: 8 }, (_, i) => [100 + i, 200 + i, 300 + i]).flat();
        await place.send(
          queue,
          numbers.map((n) => ({ n, takesMs: n % 3, groupId: String(Math.floor(n / 100)) })),
        );
        await place.map({ EventSourceArn: queue.arn, BatchSize: 3 });
        await drained(place, queue);
        const seen = await place.sightings(queue.arn);
        for (const group of [1, 2, 3]) expect(ofGroup(numbersIn(seen), group)).toEqual(ofGroup(numbers, group));
      },
    },
    {
      title: 'a failed message stops its group, in order, and its group only',
      run: async (place) => {
        const queue = await place.queue(FIFO);
        await place.send(queue, [
          { n: 100, then: 'report', times: 2, groupId: '1' },
          ...[101, 102].map((n) => ({ n, groupId: '1' })),
          ...[200, 201, 202].map((n) => ({ n, groupId: '2' })),
        ]);
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1, ...REPORTING });
        await drained(place, queue);
        const seen = numbersIn(await place.sightings(queue.arn));
        expect(ofGroup(seen, 1)).toEqual([100, 100, 100, 101, 102]);
        expect(ofGroup(seen, 2)).toEqual([200, 201, 202]);
        expect(seen.indexOf(202)).toBeLessThan(seen.lastIndexOf(100));
      },
    },
    {
      title: 'a head that goes to the dead-letter queue lets its group go on',
      run: async (place) => {
        const deadLetters = await place.queue(FIFO);
        const queue = await place.queue({
          ...FIFO,
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 1 }),
        });
        await place.send(queue, [
          { n: 1, then: 'fail', groupId: 'g' },
          { n: 2, groupId: 'g' },
        ]);
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1 });
        await drained(place, queue);
        expect((await place.sightings(queue.arn)).map(({ numbers }) => numbers)).toEqual([[1], [2]]);
        expect(await place.depth(deadLetters)).toBe(1);
      },
    },
    {
      title: 'records carry group, deduplication id and sequence number',
      run: async (place) => {
        const queue = await place.queue(FIFO);
        await place.send(queue, [{ n: 1, groupId: 'g' }]);
        await place.map({ EventSourceArn: queue.arn });
        await drained(place, queue);
        const [record] = recordsIn(await place.sightings(queue.arn));
        expect(record?.attributes).toMatchObject({
          MessageGroupId: 'g',
          MessageDeduplicationId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
          SequenceNumber: expect.stringMatching(/^\d{20}$/u),
        });
      },
    },
    {
      title: 'while the head of a group is hidden its tail is not given out',
      run: async (place) => {
        const queue = await place.queue({ ...FIFO, ...HIDDEN });
        await place.send(
          queue,
          [1, 2, 3].map((n) => ({ n, groupId: 'g' })),
        );
        const first = await place.take(queue);
        expect(first.length).toBeGreaterThan(0);
        expect(await place.take(queue)).toEqual([]);
      },
    },
  ],
};
