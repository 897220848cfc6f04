import { DeleteTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetEventSourceMappingCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import type { RowGroup } from '../row.ts';
import { eventually, holdsFor } from '../wait.ts';
import { ascending, mostAtOnce, numbered, numbersIn } from './helpers.ts';
import {
  fill,
  put,
  putAll,
  remove,
  sawAll,
  seenWhen,
  sequenceNumbersIn,
  streamedTable,
  streamRecordsIn,
  TOGETHER,
} from './stream-helpers.ts';

const TRIM = { StartingPosition: 'TRIM_HORIZON' as const };

/** @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
export const streamsOrder: RowGroup = {
  subject: 'DynamoDB streams: batches and order',
  rows: [
    {
      title: 'INSERT, MODIFY and REMOVE come with keys, both images, number, size and where they are from',
      run: async (place) => {
        const table = await streamedTable(place);
        await put(place, table, { n: 1 }, 'a');
        await put(place, table, { n: 2 }, 'a');
        await remove(place, table, 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        const seen = await seenWhen(place, table, 'three records', (all) => streamRecordsIn(all).length >= 3);
        const records = streamRecordsIn(seen);
        const image = (n: number): object => ({ pk: { S: 'a' }, order: { S: JSON.stringify({ n }) } });
        const common = {
          eventID: expect.stringMatching(/^.+$/),
          eventVersion: '1.1',
          eventSource: 'aws:dynamodb',
          awsRegion: place.region,
          eventSourceARN: table.streamArn,
        };
        const change = {
          ApproximateCreationDateTime: expect.any(Number),
          Keys: { pk: { S: 'a' } },
          SequenceNumber: expect.stringMatching(/^\d{21,40}$/),
          SizeBytes: expect.any(Number),
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        };
        expect(records).toEqual([
          { ...common, eventName: 'INSERT', dynamodb: { ...change, NewImage: image(1) } },
          { ...common, eventName: 'MODIFY', dynamodb: { ...change, NewImage: image(2), OldImage: image(1) } },
          { ...common, eventName: 'REMOVE', dynamodb: { ...change, OldImage: image(2) } },
        ]);
        expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(3);
        const times = records.map(({ dynamodb }) => dynamodb?.ApproximateCreationDateTime ?? 0);
        expect(times.every((seconds) => Math.abs(Date.now() / 1000 - seconds) < 300)).toBe(true);
      },
    },
    {
      title: 'a write that changes nothing leaves no record',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, [{ n: 1 }, { n: 1 }, { n: 2 }], 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        const seen = await seenWhen(place, table, 'the last is seen', sawAll(2));
        expect(numbersIn(seen)).toEqual([1, 2]);
      },
    },
    {
      title: 'KEYS_ONLY gives keys and no image',
      run: async (place) => {
        const table = await streamedTable(place, 'KEYS_ONLY');
        await put(place, table, { n: 1 }, 'a');
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        const seen = await seenWhen(place, table, 'a record', (all) => all.length > 0);
        const [record] = streamRecordsIn(seen);
        expect(record?.dynamodb).toMatchObject({ Keys: { pk: { S: 'a' } }, StreamViewType: 'KEYS_ONLY' });
        expect(Object.keys(record?.dynamodb ?? {})).not.toEqual(expect.arrayContaining(['NewImage']));
      },
    },
    {
      title: 'TRIM_HORIZON begins with what was written before the mapping was made',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, numbered(3));
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        await put(place, table, { n: 3 });
        expect(ascending(numbersIn(await seenWhen(place, table, 'all four', sawAll(0, 1, 2, 3))))).toEqual([
          0, 1, 2, 3,
        ]);
      },
    },
    {
      title: 'LATEST begins with what is written once the mapping is enabled',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(place, table, numbered(3));
        await place.map({ EventSourceArn: table.streamArn, StartingPosition: 'LATEST' });
        await put(place, table, { n: 3 });
        expect(numbersIn(await seenWhen(place, table, 'the last one', sawAll(3)))).toEqual([3]);
      },
    },
    {
      title: 'the changes of one item come in their order, in every batch and across batches',
      run: async (place) => {
        const table = await streamedTable(place);
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, BatchSize: 7 });
        await putAll(place, table, numbered(40), 'a');
        const seen = await seenWhen(place, table, 'all forty', sawAll(39));
        expect(numbersIn(seen)).toEqual(numbered(40).map(({ n }) => n));
        const sequence = sequenceNumbersIn(seen);
        expect(sequence.every((each, index) => index === 0 || each > (sequence[index - 1] ?? 0n))).toBe(true);
      },
    },
    {
      title: 'BatchSize bounds a batch, 100 unless said otherwise',
      run: async (place) => {
        const [small, usual] = [await streamedTable(place), await streamedTable(place)];
        await fill(place, small, 25);
        await fill(place, usual, 125);
        await place.map({ EventSourceArn: small.streamArn, ...TRIM, BatchSize: 10 });
        await place.map({ EventSourceArn: usual.streamArn, ...TRIM, ...TOGETHER });
        const few = await seenWhen(place, small, 'all 25', (all) => numbersIn(all).length >= 25);
        expect(Math.max(...few.map(({ numbers }) => numbers.length))).toBeLessThanOrEqual(10);
        const many = await seenWhen(place, usual, 'all 125', (all) => numbersIn(all).length >= 125);
        expect(Math.max(...many.map(({ numbers }) => numbers.length))).toBeLessThanOrEqual(100);
        expect(ascending(numbersIn(many))).toEqual(numbered(125).map(({ n }) => n));
      },
    },
    {
      title: 'a window gathers records that are written one after the other',
      run: async (place) => {
        const table = await streamedTable(place);
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, MaximumBatchingWindowInSeconds: 4 });
        await putAll(place, table, numbered(6), 'a');
        const seen = await seenWhen(place, table, 'all six', sawAll(0, 1, 2, 3, 4, 5));
        expect(seen.map(({ numbers }) => numbers)).toEqual([[0, 1, 2, 3, 4, 5]]);
      },
    },
    {
      title: 'a shard has one batch in flight',
      run: async (place) => {
        const table = await streamedTable(place);
        await putAll(
          place,
          table,
          numbered(4).map(({ n }) => ({ n, takesMs: 300 })),
          'a',
        );
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, BatchSize: 1 });
        const seen = await seenWhen(place, table, 'all four', sawAll(3));
        expect(numbersIn(seen)).toEqual([0, 1, 2, 3]);
        expect(mostAtOnce(seen)).toBe(1);
      },
    },
    {
      title: 'ParallelizationFactor: batches of a shard run at once, and the changes of each item stay in order',
      run: async (place) => {
        const table = await streamedTable(place);
        const keys = Array.from({ length: 8 }, (_, index) => `item-${index}`);
        for (const n of [0, 1, 2])
          for (const [index, pk] of keys.entries()) await put(place, table, { n: index * 10 + n, takesMs: 400 }, pk);
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, BatchSize: 1, ParallelizationFactor: 10 });
        const seen = await seenWhen(place, table, 'all 24', (all) => numbersIn(all).length >= 24);
        expect(mostAtOnce(seen)).toBeGreaterThan(1);
        for (const index of keys.keys()) {
          const changes = numbersIn(seen).filter((n) => Math.floor(n / 10) === index);
          expect(changes).toEqual([index * 10, index * 10 + 1, index * 10 + 2]);
        }
      },
    },
    {
      title: 'FilterCriteria: only records that match a pattern come, by event name and by values of the image',
      run: async (place) => {
        const table = await streamedTable(place);
        await place.map({
          EventSourceArn: table.streamArn,
          ...TRIM,
          FilterCriteria: {
            Filters: [
              {
                Pattern: JSON.stringify({ eventName: ['INSERT'], dynamodb: { NewImage: { kind: { S: ['wanted'] } } } }),
              },
              { Pattern: JSON.stringify({ eventName: ['REMOVE'] }) },
            ],
          },
        });
        const write = (pk: string, kind: string, n: number) =>
          place.dynamodb.send(
            new PutItemCommand({
              TableName: table.name,
              Item: { pk: { S: pk }, kind: { S: kind }, order: { S: JSON.stringify({ n }) } },
            }),
          );
        await write('a', 'wanted', 1);
        await write('a', 'wanted', 2);
        await write('b', 'other', 3);
        await remove(place, table, 'a');
        await write('c', 'wanted', 4);
        const seen = await seenWhen(place, table, 'the last one', sawAll(4));
        expect(streamRecordsIn(seen).map(({ eventName }) => eventName)).toEqual(['INSERT', 'REMOVE', 'INSERT']);
        expect(numbersIn(seen)).toEqual([1, 2, 4]);
      },
    },
    {
      title: 'a mapping that is disabled and enabled again goes on where it was, and nothing is lost',
      run: async (place) => {
        const table = await streamedTable(place);
        const UUID = await place.map({ EventSourceArn: table.streamArn, StartingPosition: 'LATEST' });
        await put(place, table, { n: 1 });
        await seenWhen(place, table, 'the first', sawAll(1));
        const stateIs = (state: string): Promise<void> =>
          eventually(`it is ${state}`, async () => {
            const { State } = await place.lambda.send(new GetEventSourceMappingCommand({ UUID }));
            return State === state;
          });
        await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
        await stateIs('Disabled');
        await put(place, table, { n: 2 });
        await holdsFor(
          'nothing comes',
          3_000,
          async () => numbersIn(await place.sightings(table.streamArn)).length === 1,
        );
        await place.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
        await stateIs('Enabled');
        await put(place, table, { n: 3 });
        const seen = await seenWhen(place, table, 'the others', sawAll(2, 3));
        expect([...new Set(numbersIn(seen))]).toEqual([1, 2, 3]);
      },
    },
    {
      title: 'two functions read one stream, each all of it',
      run: async (place) => {
        const table = await streamedTable(place);
        await place.map({ EventSourceArn: table.streamArn, ...TRIM });
        await place.map({ EventSourceArn: table.streamArn, ...TRIM, FunctionName: place.fn('probeSlow').name });
        await putAll(place, table, numbered(3), 'a');
        const seen = await seenWhen(place, table, 'all, twice', (all) => numbersIn(all).length >= 6);
        for (const key of ['probe', 'probeSlow'])
          expect(numbersIn(seen.filter(({ functionName }) => functionName === place.fn(key).name))).toEqual([0, 1, 2]);
      },
    },
    {
      title: 'a table that is deleted does not disturb the mappings of others',
      run: async (place) => {
        const [gone, kept] = [await streamedTable(place), await streamedTable(place)];
        await place.map({ EventSourceArn: gone.streamArn, ...TRIM });
        await place.map({ EventSourceArn: kept.streamArn, ...TRIM });
        await place.dynamodb.send(new DeleteTableCommand({ TableName: gone.name }));
        await put(place, kept, { n: 1 });
        expect(numbersIn(await seenWhen(place, kept, 'the record', sawAll(1)))).toEqual([1]);
      },
    },
  ],
};
