import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import type { ParityPlace, ParityQueue } from '../place.ts';
import type { Row, RowGroup } from '../row.ts';
import type { Sighting } from '../service/orders.ts';
import { eventually } from '../wait.ts';
import { numbersIn, REPORTING } from './helpers.ts';
import { putAll, sawAll, seenWhen, sequenceNumbersIn, streamedTable, TOGETHER } from './stream-helpers.ts';

const TRIM = { StartingPosition: 'TRIM_HORIZON' as const };

const batches = (seen: readonly Sighting[]): readonly (readonly number[])[] => seen.map(({ numbers }) => numbers);

const success = (said: string, answer: unknown): Row => ({
  title: `ReportBatchItemFailures: ${said} is complete success`,
  run: async (place) => {
    const table = await streamedTable(place);
    await putAll(place, table, [{ n: 1, then: 'answer', answer }, { n: 2 }], 'a');
    await place.map({ EventSourceArn: table.streamArn, ...TRIM, ...TOGETHER, ...REPORTING });
    await seenWhen(place, table, 'both', sawAll(1, 2));
    await putAll(place, table, [{ n: 3 }], 'a');
    expect(batches(await seenWhen(place, table, 'the next', sawAll(3)))).toEqual([[1, 2], [3]]);
  },
});

const failure = (said: string, answer: unknown): Row => ({
  title: `ReportBatchItemFailures: ${said} is complete failure`,
  run: async (place) => {
    const table = await streamedTable(place);
    await putAll(place, table, [{ n: 1, then: 'answer', answer, times: 1 }, { n: 2 }], 'a');
    await place.map({ EventSourceArn: table.streamArn, ...TRIM, ...TOGETHER, ...REPORTING });
    const seen = await seenWhen(place, table, 'twice both', (all) => numbersIn(all).length >= 4);
    expect(batches(seen)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  },
});

type Notice = Readonly<Record<string, Readonly<Record<string, unknown>>>> & { readonly version?: string };

const noticeIn = async (place: ParityPlace, queue: ParityQueue): Promise<Notice> => {
  await eventually('the destination is told', async () => (await place.depth(queue)) > 0);
  let body: string | undefined;
  await eventually('its message is visible', async () => {
    body ??= (await place.take(queue))[0]?.Body;
    return body !== undefined;
  });
  return JSON.parse(body ?? '') as Notice;
};

const onFailure = (arn: string) => ({
  DestinationConfig: { OnFailure: { Destination: arn } },
});

/** A queue that hears all that a topic is told, as it was told. */
const topicWithQueue = async (place: ParityPlace): Promise<{ readonly arn: string; readonly queue: ParityQueue }> => {
  const { TopicArn: arn = '' } = await place.sns.send(new CreateTopicCommand({ Name: `parity-${randomUUID()}` }));
  const queue = await place.queue();
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: queue.arn },
    ],
  });
  await place.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes: { Policy } }));
  const Attributes = { RawMessageDelivery: 'true' };
  await place.sns.send(new SubscribeCommand({ TopicArn: arn, Protocol: 'sqs', Endpoint: queue.arn, Attributes }));
  return { arn, queue };
};

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html */
export const streamsErrors: RowGroup = {
  subject: 'DynamoDB streams: errors',
  rows: [
    {
      title: 'an error sends the same batch again, and nothing overtakes it',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, [{ n: 1 }, { n: 2, then: 'fail', times: 2 }, { n: 3 }], 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, ...TOGETHER, BatchSize: 2 });
        const seen = await seenWhen(place, table, 'the last one', sawAll(3));
        expect(batches(seen)).toEqual([[1, 2], [1, 2], [1, 2], [3]]);
        const sequence = sequenceNumbersIn(seen);
        expect(sequence.slice(0, 2)).toEqual(sequence.slice(2, 4));
      },
    },
    {
      title: 'without ReportBatchItemFailures a report is a success',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, [{ n: 1, then: 'report' }, { n: 2 }], 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, ...TOGETHER });
        await seenWhen(place, table, 'both', sawAll(1, 2));
        await putAll(place, table, [{ n: 3 }], 'a');
        expect(batches(await seenWhen(place, table, 'the next', sawAll(3)))).toEqual([[1, 2], [3]]);
      },
    },
    {
      title: 'ReportBatchItemFailures: all from the lowest reported record on come again, and none before it',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(
          place,
          table,
          [{ n: 1 }, { n: 2 }, { n: 3, then: 'report', times: 1 }, { n: 4 }, { n: 5, then: 'report', times: 1 }],
          'a',
        );
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, ...TOGETHER, ...REPORTING });
        const seen = await seenWhen(place, table, 'the rest again', (all) => numbersIn(all).length >= 8);
        expect(batches(seen)).toEqual([
          [1, 2, 3, 4, 5],
          [3, 4, 5],
        ]);
      },
    },
    success('null', null),
    success('{}', {}),
    success('an empty list', { batchItemFailures: [] }),
    success('a list that is null', { batchItemFailures: null }),
    failure('an empty itemIdentifier', { batchItemFailures: [{ itemIdentifier: '' }] }),
    failure('an itemIdentifier that is null', { batchItemFailures: [{ itemIdentifier: null }] }),
    failure('a wrong key', { batchItemFailures: [{ sequenceNumber: '1' }] }),
    {
      title: 'MaximumRetryAttempts: so many tries after the first, then the batch is given up and the next one comes',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, [{ n: 1, then: 'fail' }, { n: 2 }], 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, BatchSize: 1, MaximumRetryAttempts: 2 });
        const seen = await seenWhen(place, table, 'the next one', sawAll(2));
        expect(batches(seen)).toEqual([[1], [1], [1], [2]]);
      },
    },
    {
      title: 'the on-failure queue is told why, of which function, and where the records are',
      run: async (place) => {
        const [table, queue] = [await streamedTable(place), await place.queue()];
        await putAll(place, table, [{ n: 1, then: 'fail' }, { n: 2 }], 'a');
        await place.map({
          EventSourceArn: table.streamArn,
          ...TRIM,
          ...TOGETHER,
          MaximumRetryAttempts: 1,
          ...onFailure(queue.arn),
        });
        const {
          requestContext,
          responseContext,
          version,
          timestamp,
          DDBStreamBatchInfo: info,
        } = await noticeIn(place, queue);
        const seen = await place.sightings(table.streamArn);
        const [first, second] = sequenceNumbersIn(seen);
        expect(requestContext).toMatchObject({
          requestId: expect.stringMatching(/^.+$/),
          functionArn: expect.stringContaining(place.fn('probe').name),
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 2,
        });
        expect(responseContext).toMatchObject({ statusCode: 200, functionError: 'Unhandled' });
        expect(version).toBe('1.0');
        expect(timestamp).toEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT.+Z$/));
        expect(info).toMatchObject({
          shardId: expect.stringMatching(/^shardId-/),
          approximateArrivalOfFirstRecord: expect.stringMatching(/^\d{4}-\d\d-\d\dT.+Z$/),
          approximateArrivalOfLastRecord: expect.stringMatching(/^\d{4}-\d\d-\d\dT.+Z$/),
          batchSize: 2,
          streamArn: table.streamArn,
        });
        expect(
          [info?.['startSequenceNumber'], info?.['endSequenceNumber']].map((each) => BigInt(String(each))),
        ).toEqual([first, second]);
      },
    },
    {
      title: 'an on-failure topic is told in the same words',
      run: async (place) => {
        const table = await streamedTable(place);
        const { arn, queue } = await topicWithQueue(place);
        await putAll(place, table, [{ n: 1, then: 'fail' }], 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, MaximumRetryAttempts: 0, ...onFailure(arn) });
        const { requestContext, DDBStreamBatchInfo: info } = await noticeIn(place, queue);
        expect(requestContext?.['condition']).toBe('RetryAttemptsExhausted');
        expect(info).toMatchObject({ batchSize: 1, streamArn: table.streamArn });
      },
    },
    {
      title: 'BisectBatchOnFunctionError: halving isolates the record that fails, and all others succeed in order',
      run: async (place) => {
        const [table, queue] = [await streamedTable(place), await place.queue()];
        const orders = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => (n === 6 ? { n, then: 'fail' as const } : { n }));
        await putAll(place, table, orders, 'a');
        await place.map({
          EventSourceArn: table.streamArn,
          ...TRIM,
          ...TOGETHER,
          BisectBatchOnFunctionError: true,
          MaximumRetryAttempts: 0,
          ...onFailure(queue.arn),
        });
        const { DDBStreamBatchInfo: info } = await noticeIn(place, queue);
        expect(info?.['batchSize']).toBe(1);
        const succeeded = (all: readonly Sighting[]): readonly number[] =>
          numbersIn(all.filter(({ numbers }) => !numbers.includes(6)));
        const seen = await seenWhen(place, table, 'the others are done', (all) => succeeded(all).includes(8));
        expect(succeeded(seen)).toEqual([1, 2, 3, 4, 5, 7, 8]);
        expect(batches(seen)[0]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      },
    },
    {
      title: 'MaximumRecordAgeInSeconds: records that are too old are given up, and the destination is told so',
      timeoutMs: 200_000,
      run: async (place) => {
        const [table, queue] = [await streamedTable(place), await place.queue()];
        await putAll(place, table, [{ n: 1, then: 'fail' }, { n: 2 }], 'a');
        await place.map({
          EventSourceArn: table.streamArn,
          ...TRIM,
          BatchSize: 1,
          MaximumRecordAgeInSeconds: 60,
          ...onFailure(queue.arn),
        });
        await eventually('it is told', async () => (await place.depth(queue)) > 0, 150_000);
        const { requestContext, DDBStreamBatchInfo: info } = await noticeIn(place, queue);
        expect(requestContext?.['condition']).toBe('RecordAgeExceeded');
        expect(Number(requestContext?.['approximateInvokeCount'])).toBeGreaterThan(1);
        expect(info).toMatchObject({ batchSize: 1, streamArn: table.streamArn });
      },
    },
  ],
};
