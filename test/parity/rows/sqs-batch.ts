import { setTimeout as sleep } from 'node:timers/promises';
import type { RowGroup } from '../row.ts';
import { ascending, drained, finished, HIDDEN, mostAtOnce, numbered, numbersIn, receiveCounts } from './helpers.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and services-sqs-scaling.html */
export const sqsBatch: RowGroup = {
  subject: 'SQS event source: batches and scaling',
  rows: [
    {
      title: 'no batch is larger than BatchSize, and every message comes once',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(queue, numbered(25));
        await place.map({ EventSourceArn: queue.arn, BatchSize: 4 });
        await drained(place, queue);
        const seen = await place.sightings(queue.arn);
        expect(Math.max(...seen.map(({ numbers }) => numbers.length))).toBe(4);
        expect(ascending(numbersIn(seen))).toEqual(numbered(25).map(({ n }) => n));
      },
    },
    {
      title: 'a BatchSize over 10 fills a batch from several receives within the window',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(queue, numbered(40));
        await place.map({ EventSourceArn: queue.arn, BatchSize: 35, MaximumBatchingWindowInSeconds: 3 });
        await drained(place, queue);
        const seen = await place.sightings(queue.arn);
        expect(Math.max(...seen.map(({ numbers }) => numbers.length))).toBeGreaterThan(10);
        expect(Math.max(...seen.map(({ numbers }) => numbers.length))).toBeLessThanOrEqual(35);
        expect(ascending(numbersIn(seen))).toEqual(numbered(40).map(({ n }) => n));
      },
    },
    {
      title: 'with a window, messages sent one after the other come together',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.map({ EventSourceArn: queue.arn, MaximumBatchingWindowInSeconds: 4 });
        for (const n of [1, 2, 3]) await place.send(queue, [{ n }]);
        await drained(place, queue);
        expect((await place.sightings(queue.arn)).map(({ numbers }) => ascending(numbers))).toEqual([[1, 2, 3]]);
      },
    },
    {
      title: 'messages of nearly 1 MiB are taken, at most 6 MB in a batch',
      run: async (place) => {
        const queue = await place.queue({ ...HIDDEN, MaximumMessageSize: '1048576' });
        const pad = 'x'.repeat(1_000_000);
        for (const { n } of numbered(8)) await place.send(queue, [{ body: JSON.stringify({ n, pad }) }]);
        await place.map({ EventSourceArn: queue.arn, BatchSize: 100, MaximumBatchingWindowInSeconds: 2 });
        await drained(place, queue);
        const seen = await place.sightings(queue.arn);
        expect(ascending(numbersIn(seen))).toEqual(numbered(8).map(({ n }) => n));
        expect(Math.max(...seen.map(({ numbers }) => numbers.length))).toBeLessThanOrEqual(6);
      },
    },
    {
      title: 'a message that comes to an idle queue is taken',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.map({ EventSourceArn: queue.arn });
        await sleep(5_000);
        await place.send(queue, [{ n: 1 }]);
        await drained(place, queue);
        expect(numbersIn(await place.sightings(queue.arn))).toEqual([1]);
      },
    },
    {
      title: 'a backlog is worked on by several batches at once, and by at most 5 at first',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(
          queue,
          numbered(10).map(({ n }) => ({ n, takesMs: 1_000 })),
        );
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1 });
        await drained(place, queue);
        const seen = finished(await place.sightings(queue.arn));
        expect(seen).toHaveLength(10);
        expect(mostAtOnce(seen)).toBeGreaterThan(1);
        // It grows by 5 a second at most, and each takes a second.
        const firstMs = seen[0]?.startedAtMs ?? 0;
        const atFirst = seen.filter(({ startedAtMs }) => startedAtMs - firstMs < 500);
        expect(mostAtOnce(atFirst)).toBeLessThanOrEqual(5);
      },
    },
    {
      title: 'MaximumConcurrency is reached and never passed',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(
          queue,
          numbered(16).map(({ n }) => ({ n, takesMs: 300 })),
        );
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
        await drained(place, queue);
        const seen = finished(await place.sightings(queue.arn));
        expect(seen).toHaveLength(16);
        expect(mostAtOnce(seen)).toBe(2);
      },
    },
    {
      title: 'FIFO has no more batches at once than active groups',
      run: async (place) => {
        const queue = await place.queue({ ...HIDDEN, FifoQueue: 'true' });
        await place.send(
          queue,
          numbered(12).map(({ n }) => ({ n, takesMs: 200, groupId: `g${n % 2}` })),
        );
        await place.map({ EventSourceArn: queue.arn, BatchSize: 1 });
        await drained(place, queue);
        const seen = finished(await place.sightings(queue.arn));
        expect(seen).toHaveLength(12);
        expect(mostAtOnce(seen)).toBeLessThanOrEqual(2);
      },
    },
    {
      title: 'a throttled batch is tried again until its visibility ends, without another receive',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(
          queue,
          numbered(6).map(({ n }) => ({ n, takesMs: 200 })),
        );
        const FunctionName = place.fn('probeReserved').name;
        await place.map({ EventSourceArn: queue.arn, FunctionName, BatchSize: 1 });
        await drained(place, queue);
        const seen = await place.sightings(queue.arn);
        expect(mostAtOnce(seen)).toBe(1);
        expect(receiveCounts(seen)).toEqual(Array.from({ length: 6 }, () => '1'));
      },
    },
  ],
};
