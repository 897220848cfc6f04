import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import type { ParityPlace } from '../place.ts';
import type { Row, RowGroup } from '../row.ts';
import { streamedTable } from './stream-helpers.ts';

const TRIM = { StartingPosition: 'TRIM_HORIZON' as const };

type Input = Partial<CreateEventSourceMappingCommandInput>;

const create = (place: ParityPlace, input: Input) =>
  place.lambda.send(new CreateEventSourceMappingCommand({ FunctionName: place.fn('probe').name, ...input }));

/** A mapping that is refused before it reads anything; made disabled, so that one that is taken reads nothing either. */
const refused = (said: string, input: Input, error: RegExp): Row => ({
  title: `refused: ${said}`,
  run: async (place) => {
    const { streamArn: EventSourceArn } = await streamedTable(place);
    await expect(create(place, { EventSourceArn, Enabled: false, ...TRIM, ...input })).rejects.toMatchObject({
      name: expect.stringMatching(error),
    });
  },
});

const INVALID = /^InvalidParameterValueException$/;
/** AWS tells values out of range either way. */
const OUT_OF_RANGE = /^(?:InvalidParameterValue|Validation)Exception$/;

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html */
export const streamsMapping: RowGroup = {
  subject: 'DynamoDB streams: mappings',
  rows: [
    {
      title: 'a new mapping has the documented defaults',
      run: async (place) => {
        const { streamArn: EventSourceArn } = await streamedTable(place);
        const UUID = await place.map({ EventSourceArn, ...TRIM });
        expect(await place.lambda.send(new GetEventSourceMappingCommand({ UUID }))).toMatchObject({
          EventSourceArn,
          State: 'Enabled',
          StartingPosition: 'TRIM_HORIZON',
          BatchSize: 100,
          MaximumBatchingWindowInSeconds: 0,
          ParallelizationFactor: 1,
          BisectBatchOnFunctionError: false,
          MaximumRetryAttempts: -1,
          MaximumRecordAgeInSeconds: -1,
        });
      },
    },
    {
      title: 'what was given is kept, listed by its stream, changed by an update, and gone when it is deleted',
      run: async (place) => {
        const { streamArn: EventSourceArn } = await streamedTable(place);
        const queue = await place.queue();
        const given = {
          BatchSize: 10_000,
          MaximumBatchingWindowInSeconds: 300,
          ParallelizationFactor: 10,
          BisectBatchOnFunctionError: true,
          MaximumRetryAttempts: 10_000,
          MaximumRecordAgeInSeconds: 604_800,
          FunctionResponseTypes: ['ReportBatchItemFailures' as const],
          DestinationConfig: { OnFailure: { Destination: queue.arn } },
          FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
        };
        const UUID = await place.map({ EventSourceArn, ...TRIM, ...given });
        expect(await place.lambda.send(new GetEventSourceMappingCommand({ UUID }))).toMatchObject(given);
        const { EventSourceMappings = [] } = await place.lambda.send(
          new ListEventSourceMappingsCommand({ EventSourceArn }),
        );
        expect(EventSourceMappings.map((each) => each.UUID)).toEqual([UUID]);
        const change = { BatchSize: 5, MaximumRetryAttempts: 3, ParallelizationFactor: 2 };
        expect(await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, ...change }))).toMatchObject({
          ...given,
          ...change,
        });
        await place.lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
      },
    },
    {
      title: 'refused: a second mapping of the same stream and function',
      run: async (place) => {
        const { streamArn: EventSourceArn } = await streamedTable(place);
        await place.map({ EventSourceArn, ...TRIM });
        await expect(create(place, { EventSourceArn, ...TRIM })).rejects.toMatchObject({
          name: 'ResourceConflictException',
        });
      },
    },
    {
      title: 'refused: a stream that does not exist',
      run: async (place) => {
        const { streamArn } = await streamedTable(place);
        const EventSourceArn = streamArn.replace('table/', 'table/nowhere-');
        await expect(create(place, { EventSourceArn, ...TRIM })).rejects.toMatchObject({
          name: 'InvalidParameterValueException',
        });
      },
    },
    {
      title: 'refused: no starting position',
      run: async (place) => {
        const { streamArn: EventSourceArn } = await streamedTable(place);
        await expect(create(place, { EventSourceArn })).rejects.toMatchObject({
          name: expect.stringMatching(OUT_OF_RANGE),
        });
      },
    },
    refused(
      'AT_TIMESTAMP, which only Kinesis has',
      { StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: new Date(0) },
      INVALID,
    ),
    refused('BatchSize 0', { BatchSize: 0 }, OUT_OF_RANGE),
    refused('BatchSize 10 001', { BatchSize: 10_001 }, OUT_OF_RANGE),
    refused('a window of 301 s', { MaximumBatchingWindowInSeconds: 301 }, OUT_OF_RANGE),
    refused('ParallelizationFactor 11', { ParallelizationFactor: 11 }, OUT_OF_RANGE),
    refused('MaximumRetryAttempts 10 001', { MaximumRetryAttempts: 10_001 }, OUT_OF_RANGE),
    refused('MaximumRecordAgeInSeconds 59', { MaximumRecordAgeInSeconds: 59 }, OUT_OF_RANGE),
    refused('MaximumConcurrency, which only queues have', { ScalingConfig: { MaximumConcurrency: 2 } }, INVALID),
    refused(
      'a filter that is no pattern',
      { FilterCriteria: { Filters: [{ Pattern: '{"eventName":"INSERT"}' }] } },
      INVALID,
    ),
    {
      title: 'refused: options of streams for a queue',
      run: async (place) => {
        const { arn: EventSourceArn } = await place.queue();
        for (const option of [
          { ParallelizationFactor: 2 },
          { MaximumRetryAttempts: 1 },
          { BisectBatchOnFunctionError: true },
        ])
          await expect(create(place, { EventSourceArn, ...option })).rejects.toMatchObject({
            name: 'InvalidParameterValueException',
          });
      },
    },
  ],
};
