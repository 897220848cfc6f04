import { compileStreamFilter } from '#event-sources/filter';
import { discardNotice, laneOf, parseStreamArn } from '#event-sources/stream-event';

const ARN = 'arn:aws:dynamodb:eu-west-1:123456789012:table/orders.v1/stream/2026-01-01T00:00:00.000';

test('the ARN of a stream tells region, account and table; others are none', () => {
  expect(parseStreamArn(ARN)).toEqual({ region: 'eu-west-1', accountId: '123456789012', tableName: 'orders.v1' });
  for (const other of [ARN.replace('/stream/', '/index/'), ARN.replace('dynamodb', 'kinesis'), ARN.split('/stream')[0]])
    expect(parseStreamArn(other ?? '')).toBeUndefined();
});

test('all records of an item take one lane, whatever the order of its keys; items spread over all lanes', () => {
  const lane = (pk: string): number => laneOf({ pk: { S: pk }, sk: { N: '1' } }, 10);
  expect(lane('a')).toBe(laneOf({ sk: { N: '1' }, pk: { S: 'a' } }, 10));
  const lanes = new Set(Array.from({ length: 200 }, (_, index) => lane(`item-${index}`)));
  expect([...lanes].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('the notice of given up records has the words of Lambda', () => {
  const notice = discardNotice({
    requestId: 'r',
    functionArn: 'f',
    condition: 'RetryAttemptsExhausted',
    invokeCount: 3,
    nowMs: 0,
    streamArn: ARN,
    shardId: 'shardId-1',
    first: { sequenceNumber: '1', createdAtMs: 1000 },
    last: { sequenceNumber: '2', createdAtMs: 2000 },
    count: 2,
  });
  expect(JSON.parse(notice)).toEqual({
    requestContext: {
      requestId: 'r',
      functionArn: 'f',
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 3,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: '1970-01-01T00:00:00.000Z',
    DDBStreamBatchInfo: {
      shardId: 'shardId-1',
      startSequenceNumber: '1',
      endSequenceNumber: '2',
      approximateArrivalOfFirstRecord: '1970-01-01T00:00:01.000Z',
      approximateArrivalOfLastRecord: '1970-01-01T00:00:02.000Z',
      batchSize: 2,
      streamArn: ARN,
    },
  });
});

test('a filter matches the record as a whole; without one everything passes', () => {
  const record = { eventName: 'INSERT', dynamodb: { NewImage: { kind: { S: 'wanted' }, n: { N: '5' } } } };
  const passes = (pattern: object): boolean => compileStreamFilter([JSON.stringify(pattern)])(record);
  expect(compileStreamFilter([])(record)).toBe(true);
  expect(passes({ eventName: ['INSERT'], dynamodb: { NewImage: { kind: { S: ['wanted'] } } } })).toBe(true);
  expect(passes({ eventName: ['REMOVE'] })).toBe(false);
  // Values of items are text in a record.
  expect(passes({ dynamodb: { NewImage: { n: { N: [{ numeric: ['>', 1] }] } } } })).toBe(false);
});
