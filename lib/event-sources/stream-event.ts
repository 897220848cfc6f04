/** What an ARN says of a DynamoDB stream. */
export interface StreamArn {
  readonly region: string;
  readonly accountId: string;
  readonly tableName: string;
}

const STREAM_ARN = /^arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):(\d{12}):table\/([A-Za-z0-9_.-]{3,255})\/stream\/[^/\s]+$/u;

/** The parts of a stream's ARN, or undefined when it is not one. */
export const parseStreamArn = (arn: string): StreamArn | undefined => {
  const [, region, accountId, tableName] = STREAM_ARN.exec(arn) ?? [];
  if (region === undefined || accountId === undefined || tableName === undefined) return undefined;
  return { region, accountId, tableName };
};

/** A record as GetRecords of DynamoDB Streams answers it; values of items are in DynamoDB's JSON. */
export interface WireStreamRecord {
  readonly eventID: string;
  readonly eventName: string;
  readonly eventVersion: string;
  readonly eventSource: string;
  readonly awsRegion: string;
  readonly dynamodb: {
    /** Seconds since the epoch. */
    readonly ApproximateCreationDateTime: number;
    readonly Keys: Readonly<Record<string, unknown>>;
    readonly NewImage?: Readonly<Record<string, unknown>>;
    readonly OldImage?: Readonly<Record<string, unknown>>;
    readonly SequenceNumber: string;
    readonly SizeBytes: number;
    readonly StreamViewType: string;
  };
  /** Of what a service did: time to live. */
  readonly userIdentity?: Readonly<Record<string, unknown>>;
}

/** One entry of `Records` in the event that Lambda gives to a function. */
export type StreamRecord = WireStreamRecord & { readonly eventSourceARN: string };

/** The record that Lambda makes of one of the stream: the same, and where it comes from. */
export const streamRecord = (record: WireStreamRecord, eventSourceARN: string): StreamRecord => ({
  ...record,
  eventSourceARN,
});

/** FNV-1a, 32 bits. @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
};

/**
 * Which of `count` lanes a record belongs to: all records of an item take the same one, so that batches of several
 * lanes may run at once and the records of an item stay in order.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
export const laneOf = (keys: Readonly<Record<string, unknown>>, count: number): number => {
  if (count === 1) return 0;
  const sorted = Object.entries(keys).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return hashOf(JSON.stringify(sorted)) % count;
};

export type DiscardCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/** A run of records of one shard that are given up. */
export interface DiscardedBatch {
  readonly requestId: string;
  readonly functionArn: string;
  readonly condition: DiscardCondition;
  /** How often a function was called with it. */
  readonly invokeCount: number;
  readonly nowMs: number;
  readonly streamArn: string;
  readonly shardId: string;
  readonly first: { readonly sequenceNumber: string; readonly createdAtMs: number };
  readonly last: { readonly sequenceNumber: string; readonly createdAtMs: number };
  readonly count: number;
}

const timestamp = (ms: number): string => new Date(ms).toISOString();

/**
 * What Lambda tells an on-failure destination: where the records are, not the records.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export const discardNotice = (batch: DiscardedBatch): string =>
  JSON.stringify({
    requestContext: {
      requestId: batch.requestId,
      functionArn: batch.functionArn,
      condition: batch.condition,
      approximateInvokeCount: batch.invokeCount,
    },
    ...(batch.invokeCount === 0
      ? {}
      : { responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' } }),
    version: '1.0',
    timestamp: timestamp(batch.nowMs),
    DDBStreamBatchInfo: {
      shardId: batch.shardId,
      startSequenceNumber: batch.first.sequenceNumber,
      endSequenceNumber: batch.last.sequenceNumber,
      approximateArrivalOfFirstRecord: timestamp(batch.first.createdAtMs),
      approximateArrivalOfLastRecord: timestamp(batch.last.createdAtMs),
      batchSize: batch.count,
      streamArn: batch.streamArn,
    },
  });
