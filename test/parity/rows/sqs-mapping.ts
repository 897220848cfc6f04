import { createHash } from 'node:crypto';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import type { ParityPlace, Send } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually, holdsFor } from '../wait.ts';
import { ascending, drained, HIDDEN, numbersIn, recordsIn } from './helpers.ts';

const INVALID = { name: 'InvalidParameterValueException' };
const redrive = (arn: string): Record<string, string> => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 3 }),
});
const stateOf = async (place: ParityPlace, UUID: string): Promise<string | undefined> =>
  (await place.lambda.send(new GetEventSourceMappingCommand({ UUID }))).State;

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
export const sqsMapping: RowGroup = {
  subject: 'SQS event source: event, filters, validation',
  rows: [
    {
      title: 'a record has every field that Lambda gives',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(queue, [
          {
            body: 'grüße',
            attributes: {
              text: { DataType: 'String', StringValue: 't' },
              bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
            },
          },
        ]);
        await place.map({ EventSourceArn: queue.arn });
        await drained(place, queue);
        expect(recordsIn(await place.sightings(queue.arn))).toEqual([
          {
            messageId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
            receiptHandle: expect.stringMatching(/.+/u),
            body: 'grüße',
            attributes: {
              SentTimestamp: expect.stringMatching(/^\d{13}$/u),
              ApproximateReceiveCount: '1',
              SenderId: expect.stringMatching(/.+/u),
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/u),
            },
            messageAttributes: {
              text: { dataType: 'String', stringValue: 't', stringListValues: [], binaryListValues: [] },
              bytes: { dataType: 'Binary', binaryValue: 'AQI=', stringListValues: [], binaryListValues: [] },
            },
            md5OfBody: createHash('md5').update('grüße').digest('hex'),
            md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/u),
            eventSource: 'aws:sqs',
            eventSourceARN: queue.arn,
            awsRegion: 'us-east-1',
          },
        ]);
      },
    },
    {
      title: 'a body comes byte for byte, JSON too',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        const body = '{"n":1,\t"spaced" :  [1.50, "\\u00e9"] }';
        await place.send(queue, [{ body }]);
        await place.map({ EventSourceArn: queue.arn });
        await drained(place, queue);
        expect(recordsIn(await place.sightings(queue.arn)).map((record) => record.body)).toEqual([body]);
      },
    },
    {
      title: 'filters drop, and delete, what does not match',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(queue, [{ n: 1 }, { n: 2 }, { n: 3 }, { body: 'no JSON' }]);
        const Pattern = JSON.stringify({ body: { n: [{ numeric: ['>=', 2] }] } });
        await place.map({ EventSourceArn: queue.arn, FilterCriteria: { Filters: [{ Pattern }] } });
        await drained(place, queue);
        expect(ascending(numbersIn(await place.sightings(queue.arn)))).toEqual([2, 3]);
      },
    },
    {
      title: 'refuses a visibility timeout under the timeout of the function',
      run: async (place) => {
        const queue = await place.queue({ VisibilityTimeout: '2' });
        await expect(place.map({ EventSourceArn: queue.arn })).rejects.toMatchObject({
          ...INVALID,
          message: 'Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds',
        });
      },
    },
    {
      title: 'refuses a BatchSize over 10 without a window',
      run: async (place) => {
        const queue = await place.queue();
        await expect(place.map({ EventSourceArn: queue.arn, BatchSize: 11 })).rejects.toMatchObject(INVALID);
      },
    },
    {
      title: 'refuses a window, and a BatchSize over 10, for FIFO',
      run: async (place) => {
        const { arn: EventSourceArn } = await place.queue({ FifoQueue: 'true' });
        await expect(place.map({ EventSourceArn, MaximumBatchingWindowInSeconds: 1 })).rejects.toMatchObject(INVALID);
        await expect(place.map({ EventSourceArn, BatchSize: 11 })).rejects.toMatchObject(INVALID);
      },
    },
    {
      title: 'refuses a queue that is not there',
      run: async (place) => {
        const { arn } = await place.queue();
        await expect(place.map({ EventSourceArn: `${arn}x` })).rejects.toMatchObject(INVALID);
      },
    },
    {
      title: 'refuses a function that is not there',
      run: async (place) => {
        const { arn } = await place.queue();
        await expect(place.map({ EventSourceArn: arn, FunctionName: 'nobody' })).rejects.toMatchObject({
          name: 'ResourceNotFoundException',
        });
      },
    },
    {
      title: 'refuses a MaximumConcurrency under 2',
      run: async (place) => {
        const { arn } = await place.queue();
        await expect(
          place.map({ EventSourceArn: arn, ScalingConfig: { MaximumConcurrency: 1 } }),
        ).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
      },
    },
    {
      title: 'refuses a filter whose pattern is none',
      run: async (place) => {
        const { arn } = await place.queue();
        const FilterCriteria = { Filters: [{ Pattern: '{"body": "not a list"}' }] };
        await expect(place.map({ EventSourceArn: arn, FilterCriteria })).rejects.toMatchObject(INVALID);
      },
    },
    {
      title: 'a dead-letter queue that is missing is refused',
      run: async (place) => {
        const { arn } = await place.queue();
        await expect(place.queue(redrive(`${arn}x`))).rejects.toMatchObject({
          name: expect.stringContaining('InvalidParameterValue'),
        });
        await expect(place.queue(redrive(arn))).resolves.toMatchObject({
          arn: expect.stringContaining('arn:aws:sqs:'),
        });
      },
    },
    {
      title: 'a dead-letter queue of the other type is refused',
      run: async (place) => {
        const { arn } = await place.queue();
        await expect(place.queue({ FifoQueue: 'true', ...redrive(arn) })).rejects.toMatchObject({
          name: expect.stringContaining('InvalidParameterValue'),
        });
      },
    },
    {
      title: 'a message with more than ten attributes is refused',
      run: async (place) => {
        const queue = await place.queue();
        const attributes = (count: number): Send['attributes'] =>
          Object.fromEntries(
            Array.from({ length: count }, (_, i) => [`a${i}`, { DataType: 'String', StringValue: 'x' }]),
          );
        await expect(place.send(queue, [{ attributes: attributes(11) }])).rejects.toThrow('InvalidParameterValue');
        await place.send(queue, [{ attributes: attributes(10) }]);
        expect(await place.depth(queue)).toBe(1);
      },
    },
    {
      title: 'refuses the same queue and function twice, and names the first',
      run: async (place) => {
        const { arn: EventSourceArn } = await place.queue();
        const uuid = await place.map({ EventSourceArn });
        const again = place.lambda.send(
          new CreateEventSourceMappingCommand({ FunctionName: place.fn('probe').name, EventSourceArn }),
        );
        await expect(again).rejects.toMatchObject({
          name: 'ResourceConflictException',
          message: expect.stringContaining(uuid),
        });
      },
    },
    {
      title: 'a disabled mapping takes nothing, an enabled one again does',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        const UUID = await place.map({ EventSourceArn: queue.arn, Enabled: false });
        expect(await stateOf(place, UUID)).toBe('Disabled');
        await place.send(queue, [{ n: 1 }]);
        await holdsFor('nothing is taken', 3_000, async () => (await place.sightings(queue.arn)).length === 0);
        await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
        await drained(place, queue);
        await eventually('it says so', async () => (await stateOf(place, UUID)) === 'Enabled');
      },
    },
    {
      title: 'what is in flight when a mapping is disabled ends well, once',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        await place.send(queue, [{ n: 1, takesMs: 1_500 }]);
        const UUID = await place.map({ EventSourceArn: queue.arn });
        await eventually('it is in flight', async () => (await place.sightings(queue.arn)).length === 1);
        await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
        await drained(place, queue);
        expect(numbersIn(await place.sightings(queue.arn))).toEqual([1]);
      },
    },
    {
      title: 'a deleted mapping is gone from the list, and takes nothing',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        const UUID = await place.map({ EventSourceArn: queue.arn });
        await place.lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
        const listed = async (): Promise<number> =>
          (await place.lambda.send(new ListEventSourceMappingsCommand({ EventSourceArn: queue.arn })))
            .EventSourceMappings?.length ?? 0;
        await eventually('it is gone', async () => (await listed()) === 0);
        await expect(stateOf(place, UUID)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
        await place.send(queue, [{ n: 1 }]);
        await holdsFor('nothing is taken', 3_000, async () => (await place.sightings(queue.arn)).length === 0);
      },
    },
    {
      title: 'a changed BatchSize is in force',
      run: async (place) => {
        const queue = await place.queue(HIDDEN);
        const UUID = await place.map({ EventSourceArn: queue.arn, BatchSize: 1, Enabled: false });
        await place.send(
          queue,
          [1, 2, 3].map((n) => ({ n })),
        );
        await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 3, Enabled: true }));
        await drained(place, queue);
        const sizes = (await place.sightings(queue.arn)).map(({ numbers }) => numbers.length);
        expect(Math.max(...sizes)).toBeGreaterThan(1);
      },
    },
  ],
};
