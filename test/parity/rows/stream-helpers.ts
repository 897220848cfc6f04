import { randomUUID } from 'node:crypto';
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  PutItemCommand,
  type StreamViewType,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { ParityPlace } from '../place.ts';
import type { ProbeOrder, ProbeRecord, Sighting } from '../service/orders.ts';
import { eventually } from '../wait.ts';
import { numbersIn, recordsIn } from './helpers.ts';

export interface StreamedTable {
  readonly name: string;
  readonly streamArn: string;
}

const WRITE_SIZE = 25;

/** A table of its own with a stream; its key is `pk`. */
export const streamedTable = async (
  { dynamodb }: ParityPlace,
  StreamViewType: StreamViewType = 'NEW_AND_OLD_IMAGES',
): Promise<StreamedTable> => {
  const TableName = `parity-${randomUUID()}`;
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType },
    }),
  );
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 30 }, { TableName });
  return { name: TableName, streamArn: TableDescription?.LatestStreamArn ?? '' };
};

/** Writes one item with an order for the probe; of the key `pk`, or else of one of its own. */
export const put = async (
  { dynamodb }: ParityPlace,
  table: StreamedTable,
  order: ProbeOrder,
  pk: string = randomUUID(),
): Promise<void> => {
  await dynamodb.send(
    new PutItemCommand({ TableName: table.name, Item: { pk: { S: pk }, order: { S: JSON.stringify(order) } } }),
  );
};

/** Writes items with an order each, one after the other: their records have this order in a shard. */
export const putAll = async (
  place: ParityPlace,
  table: StreamedTable,
  orders: readonly ProbeOrder[],
  pk?: string,
): Promise<void> => {
  for (const order of orders) await put(place, table, order, pk);
};

/** Writes `count` items that ask for nothing. */
export const fill = async ({ dynamodb }: ParityPlace, table: StreamedTable, count: number): Promise<void> => {
  for (let from = 0; from < count; from += WRITE_SIZE) {
    const requests = Array.from({ length: Math.min(WRITE_SIZE, count - from) }, (_, index) => ({
      PutRequest: { Item: { pk: { S: `item-${from + index}` }, order: { S: JSON.stringify({ n: from + index }) } } },
    }));
    await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table.name]: requests } }));
  }
};

export const remove = async ({ dynamodb }: ParityPlace, table: StreamedTable, pk: string): Promise<void> => {
  await dynamodb.send(new DeleteItemCommand({ TableName: table.name, Key: { pk: { S: pk } } }));
};

/** A probe has ended or run into its timeout after so long. */
const LONGEST_RUN_MS = 5_000;

/**
 * What the probe saw once it holds and nothing runs; the last look is the one that counts. Invocations that never ended
 * (the first one of a process may run into its timeout) are left out: their batch came again.
 */
export const seenWhen = async (
  place: ParityPlace,
  table: StreamedTable,
  what: string,
  holds: (seen: readonly Sighting[]) => boolean,
  timeoutMs?: number,
): Promise<readonly Sighting[]> => {
  let ended: readonly Sighting[] = [];
  await eventually(
    what,
    async () => {
      const seen = await place.sightings(table.streamArn);
      ended = seen.filter(({ endedAtMs }) => endedAtMs !== undefined);
      const running = seen.filter(
        ({ endedAtMs, startedAtMs }) => endedAtMs === undefined && Date.now() - startedAtMs < LONGEST_RUN_MS,
      );
      return running.length === 0 && holds(ended);
    },
    timeoutMs,
  );
  return ended;
};

/** Whether each of these was seen. */
export const sawAll =
  (...wanted: readonly number[]) =>
  (seen: readonly Sighting[]): boolean => {
    const numbers = new Set(numbersIn(seen));
    return wanted.every((n) => numbers.has(n));
  };

/** A record of a stream as a function gets it, with all that AWS documents. */
export interface SeenStreamRecord extends ProbeRecord {
  readonly eventID?: string;
  readonly eventName?: string;
  readonly eventVersion?: string;
  readonly eventSource?: string;
  readonly awsRegion?: string;
  readonly userIdentity?: unknown;
  readonly dynamodb?: NonNullable<ProbeRecord['dynamodb']> & { readonly ApproximateCreationDateTime?: number };
}

export const streamRecordsIn = (seen: readonly Sighting[]): readonly SeenStreamRecord[] => recordsIn(seen);

export const sequenceNumbersIn = (seen: readonly Sighting[]): readonly bigint[] =>
  recordsIn(seen).map(({ dynamodb }) => BigInt(dynamodb?.SequenceNumber ?? '-1'));

/** Records that come together: the window is long enough for all that a row writes. */
export const TOGETHER = { MaximumBatchingWindowInSeconds: 2 };
