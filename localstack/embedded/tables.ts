import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import {
  isJsonObject,
  jsonOf,
  patientCaller,
  withBody,
  type Answer,
  type Backend,
  type Call,
  type JsonObject,
} from './call.ts';
import { ttlSweep, type TablesCall, type TtlSweep } from './ttl-sweep.ts';

export interface Tables {
  /** Serves a call of DynamoDB or of its streams. */
  readonly apply: (operation: string, call: Call) => Promise<Answer>;
  close(): Promise<void>;
}

export interface TablesOptions {
  /** The tables' own server, dynoxide. */
  readonly apply: Backend;
  readonly region: string;
  readonly ttlSweepMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Nobody checks it. The tables want one all the same, and who has no AWS CLI must be able to ask them with curl. */
const UNCHECKED_AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0';

const withAuthorization = (call: Call): Call =>
  call.headers.authorization === undefined
    ? {
        ...call,
        headers: { ...call.headers, authorization: UNCHECKED_AUTHORIZATION, 'x-amz-date': '20260101T000000Z' },
      }
    : call;

/** What time to live has removed. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html */
const EXPIRY = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
/** As many digits as AWS gives at least, so that numbers compare as text too. */
const SEQUENCE_DIGITS = 21;
/** Streams that came after records of the same table. */
const MAX_STARTS = 1000;
const STREAM_OPERATIONS = new Set(['DescribeStream', 'GetShardIterator', 'GetRecords', 'ListStreams']);

const textAt = (value: unknown, name: string): string => {
  const found = isJsonObject(value) ? value[name] : undefined;
  return typeof found === 'string' ? found : '';
};

const answeredWith = (answer: Answer, body: unknown): Answer => ({ ...answer, body: JSON.stringify(body) });

/** The table that an iterator of dynoxide reads. */
const tableOfIterator = (call: Call): string =>
  textAt(jsonOf(Buffer.from(textAt(jsonOf(call.body), 'ShardIterator'), 'base64')), 'table_name');

/** AWS writes no record for a write that changes nothing. */
const changesNothing = (record: JsonObject): boolean => {
  const { NewImage, OldImage } = isJsonObject(record['dynamodb']) ? record['dynamodb'] : {};
  return NewImage !== undefined && OldImage !== undefined && isDeepStrictEqual(NewImage, OldImage);
};

const padded = (sequenceNumber: string): string => sequenceNumber.padStart(SEQUENCE_DIGITS, '0');

/** The last sequence number so far, as dynoxide tells it; empty when there is none. */
const lastNumberOf = (shard: unknown): string =>
  textAt(isJsonObject(shard) ? shard['SequenceNumberRange'] : undefined, 'EndingSequenceNumber');

/** An open shard has no end; dynoxide gives the last number so far. */
const openShard = (shard: unknown): unknown => {
  const start = textAt(isJsonObject(shard) ? shard['SequenceNumberRange'] : undefined, 'StartingSequenceNumber');
  return isJsonObject(shard)
    ? { ...shard, SequenceNumberRange: start === '' ? {} : { StartingSequenceNumber: padded(start) } }
    : shard;
};

const mendedDescription = (answer: Answer): Answer => {
  const body = jsonOf(answer.body);
  const description = isJsonObject(body) ? body['StreamDescription'] : undefined;
  if (!isJsonObject(description) || !Array.isArray(description['Shards'])) return answer;
  return answeredWith(answer, {
    StreamDescription: { ...description, Shards: description['Shards'].map(openShard) },
  });
};

const mendedRecords = (answer: Answer, table: string, region: string, sweep: TtlSweep): Answer => {
  const body = jsonOf(answer.body);
  const records = isJsonObject(body) ? body['Records'] : undefined;
  if (!isJsonObject(body) || !Array.isArray(records)) return answer;
  const mended = records.filter(isJsonObject).flatMap((record): readonly JsonObject[] => {
    const { dynamodb } = record;
    const number = textAt(dynamodb, 'SequenceNumber');
    if (!isJsonObject(dynamodb) || changesNothing(record)) return [];
    return [
      {
        ...record,
        // Those of dynoxide count from one in each table.
        eventID: createHash('md5').update(`${table}/${number}`).digest('hex'),
        awsRegion: region,
        dynamodb: { ...dynamodb, SequenceNumber: padded(number) },
        ...(sweep.isExpiry(table, BigInt(number)) ? { userIdentity: EXPIRY } : {}),
      },
    ];
  });
  return answeredWith(answer, { ...body, Records: mended });
};

const callOf =
  (apply: Backend): TablesCall =>
  async (operation, input) => {
    const target = STREAM_OPERATIONS.has(operation) ? 'DynamoDBStreams_20120810' : 'DynamoDB_20120810';
    const { status, body } = await apply(
      withAuthorization({
        method: 'POST',
        url: '/',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `${target}.${operation}` },
        body: Buffer.from(JSON.stringify(input)),
        caller: patientCaller,
      }),
    );
    const answer = jsonOf(body);
    if (status === 200 && isJsonObject(answer)) return answer;
    throw new Error(`${operation}: ${body.toString().slice(0, 500)}`);
  };

/** The part of a stream's ARN that two spellings of the region have in common. */
const streamId = (arn: string): string => arn.slice(arn.indexOf(':table/'));

/** Remembers where a stream begins whose table has records of an earlier one: dynoxide keeps them in one sequence. */
const streamStarts = (ask: TablesCall) => {
  const starts = new Map<string, string>();
  return {
    note: async (call: Call, answer: Answer): Promise<void> => {
      const input = jsonOf(call.body);
      const body = jsonOf(answer.body);
      if (!isJsonObject(input) || input['StreamSpecification'] === undefined) return;
      const StreamArn = textAt(isJsonObject(body) ? body['TableDescription'] : undefined, 'LatestStreamArn');
      if (StreamArn === '' || starts.has(streamId(StreamArn))) return;
      const { StreamDescription } = await ask('DescribeStream', { StreamArn });
      const shards = isJsonObject(StreamDescription) ? StreamDescription['Shards'] : undefined;
      starts.set(streamId(StreamArn), lastNumberOf(Array.isArray(shards) ? shards[0] : undefined));
      for (const oldest of starts.keys()) {
        if (starts.size <= MAX_STARTS) break;
        starts.delete(oldest);
      }
    },
    /** TRIM_HORIZON of this stream, not of the one before it. */
    applied: (call: Call): Call => {
      const input = jsonOf(call.body);
      const start = starts.get(streamId(textAt(input, 'StreamArn'))) ?? '';
      if (start === '' || !isJsonObject(input) || input['ShardIteratorType'] !== 'TRIM_HORIZON') return call;
      return withBody(call, { ...input, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: start });
    },
  };
};

/**
 * DynamoDB and its streams as AWS has them, on dynoxide, which knows no region and no expiry: ARNs and records name
 * the region, items past their time to live go, and their records say so; open shards have no end, numbers have 21
 * digits, ids of records are unique, and writes that change nothing leave no record.
 */
export const tables = (options: TablesOptions): Tables => {
  const { region, clock, log } = options;
  const call = callOf(options.apply);
  const sweep = ttlSweep({ call, intervalMs: options.ttlSweepMs, clock, log });
  const starts = streamStarts(call);

  const withRegion = (answer: Answer): Answer => ({
    ...answer,
    body: answer.body.toString().replaceAll('"arn:aws:dynamodb:dynoxide:', `"arn:aws:dynamodb:${region}:`),
  });

  const apply = async (operation: string, given: Call): Promise<Answer> => {
    const plain = withAuthorization(given);
    const answer = await options.apply(operation === 'GetShardIterator' ? starts.applied(plain) : plain);
    if (answer.status !== 200) return answer;
    if (operation === 'GetRecords') {
      await sweep.settled();
      return mendedRecords(answer, tableOfIterator(given), region, sweep);
    }
    if (operation === 'DescribeStream') return withRegion(mendedDescription(answer));
    if (operation === 'CreateTable' || operation === 'UpdateTable') await starts.note(given, answer);
    return /Table$|^ListStreams$/.test(operation) ? withRegion(answer) : answer;
  };

  return Object.freeze({ apply, close: () => sweep.close() });
};

/** Whether whatever serves DynamoDB Streams has the stream. */
export const streamExists =
  (apply: Backend) =>
  async (StreamArn: string): Promise<boolean> =>
    callOf(apply)('DescribeStream', { StreamArn }).then(
      () => true,
      () => false,
    );
