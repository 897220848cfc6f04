import type { WireStreamRecord } from '#event-sources/stream-event';
import { PatternError } from '#primitives/errors';
import { authorization } from './authorization.ts';
import { loopbackUrl } from './sqs-api.ts';

/** What the answer of DynamoDB Streams, or its absence, says about a call. `code` of the base is `streams/<name>`. */
export class StreamCallError extends PatternError {
  /** The place that the iterator stands for is gone, or was never there. */
  readonly iteratorIsStale: boolean;

  constructor(operation: string, name: string, detail: string, cause?: unknown) {
    const iteratorIsStale = /^(?:ExpiredIterator|TrimmedDataAccess|Validation)Exception$/u.test(name);
    super(`streams/${name}`, `${operation}: ${name}: ${detail}`, { retryable: true, cause });
    this.iteratorIsStale = iteratorIsStale;
  }
}

/** A place in a shard. */
export type ShardStart =
  | { readonly kind: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly kind: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string };

export interface StreamShard {
  readonly id: string;
  /** Its records come before those of this shard. */
  readonly parentId?: string;
}

/** One stream by the DynamoDB Streams protocol over HTTP. Calls end with the signal. */
export interface StreamApi {
  shards(signal: AbortSignal): Promise<readonly StreamShard[]>;
  iterator(shardId: string, start: ShardStart, signal: AbortSignal): Promise<string>;
  /** Up to `limit` (1..1 000) records. `next` is not there when the shard has ended. */
  records(
    iterator: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ readonly records: readonly WireStreamRecord[]; readonly next?: string }>;
}

const CALL_TIMEOUT_MS = 10_000;
/** Of DescribeStream, a hundred shards each: more than a table on one machine will ever have. */
const MAX_PAGES = 10;

type Answer = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isRecord = (value: unknown): value is WireStreamRecord =>
  isObject(value) && isObject(value.dynamodb) && typeof value.dynamodb.SequenceNumber === 'string';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const shardOf = (value: unknown): readonly StreamShard[] => {
  if (!isObject(value) || typeof value.ShardId !== 'string') return [];
  return [{ id: value.ShardId, ...(typeof value.ParentShardId === 'string' ? { parentId: value.ParentShardId } : {}) }];
};

type SendCall = (operation: string, input: Answer, signal: AbortSignal) => Promise<Answer>;

const callerAt =
  (endpoint: URL, region: string): SendCall =>
  async (operation, input, signal) => {
    const lost = (cause: unknown): never => {
      throw new StreamCallError(operation, 'NoAnswer', cause instanceof Error ? cause.message : String(cause), cause);
    };
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
        'x-amz-date': '20260101T000000Z',
        authorization: authorization(region, 'dynamodb'),
      },
      body: JSON.stringify(input),
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    }).catch(lost);
    const answer: unknown = await response.json().catch(lost);
    if (response.ok && isObject(answer)) return answer;
    const { __type: type = `HTTP ${response.status}`, message = 'no message' } = isObject(answer) ? answer : {};
    throw new StreamCallError(operation, String(type).slice(String(type).indexOf('#') + 1), String(message));
  };

/**
 * A client of one stream. It speaks to loopback only: it can never read somebody's real table.
 *
 * @throws An `Error` when `endpointUrl` is not an http address on loopback.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
 */
export const streamApi = (options: {
  readonly endpointUrl: string;
  readonly arn: string;
  readonly region: string;
}): StreamApi => {
  const call = callerAt(loopbackUrl(options.endpointUrl), options.region);
  const page = async (from: string | undefined, signal: AbortSignal): Promise<Answer> => {
    const input = { StreamArn: options.arn, ...(from === undefined ? {} : { ExclusiveStartShardId: from }) };
    const { StreamDescription } = await call('DescribeStream', input, signal);
    return isObject(StreamDescription) ? StreamDescription : {};
  };
  return Object.freeze({
    shards: async (signal: AbortSignal) => {
      const found: StreamShard[] = [];
      let from: string | undefined;
      for (let pages = 0; pages < MAX_PAGES; pages += 1) {
        const { Shards, LastEvaluatedShardId } = await page(from, signal);
        found.push(...listOf(Shards).flatMap(shardOf));
        if (typeof LastEvaluatedShardId !== 'string') return found;
        from = LastEvaluatedShardId;
      }
      throw new StreamCallError('DescribeStream', 'TooManyShards', `more than ${MAX_PAGES} pages`);
    },
    iterator: async (ShardId: string, start: ShardStart, signal: AbortSignal) => {
      const { ShardIterator } = await call(
        'GetShardIterator',
        {
          StreamArn: options.arn,
          ShardId,
          ShardIteratorType: start.kind,
          ...('sequenceNumber' in start ? { SequenceNumber: start.sequenceNumber } : {}),
        },
        signal,
      );
      if (typeof ShardIterator === 'string') return ShardIterator;
      throw new StreamCallError('GetShardIterator', 'BadAnswer', 'no ShardIterator');
    },
    records: async (ShardIterator: string, Limit: number, signal: AbortSignal) => {
      const { Records, NextShardIterator: next } = await call('GetRecords', { ShardIterator, Limit }, signal);
      return { records: listOf(Records).filter(isRecord), ...(typeof next === 'string' ? { next } : {}) };
    },
  });
};
