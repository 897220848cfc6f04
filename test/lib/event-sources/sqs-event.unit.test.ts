import { BATCH_LIMIT_BYTES, parseQueueArn, recordBytes, sqsPayload, sqsRecord } from '#event-sources/sqs-event';

const source = { arn: 'arn:aws:sqs:us-east-1:000000000000:q.fifo', region: 'us-east-1' };

test('a record has every field of AWS, with its name and type', () => {
  const record = sqsRecord(
    {
      MessageId: 'id',
      ReceiptHandle: 'receipt',
      Body: 'body',
      MD5OfBody: 'md5',
      MD5OfMessageAttributes: 'md5a',
      Attributes: {
        SentTimestamp: '1',
        ApproximateReceiveCount: '2',
        SenderId: 's',
        ApproximateFirstReceiveTimestamp: '3',
        SequenceNumber: '4',
        MessageGroupId: 'g',
        MessageDeduplicationId: 'd',
      },
      MessageAttributes: {
        text: { DataType: 'String', StringValue: 't' },
        count: { DataType: 'Number', StringValue: '5' },
        bytes: { DataType: 'Binary', BinaryValue: 'AQI=' },
      },
    },
    source,
  );
  expect(record).toEqual({
    messageId: 'id',
    receiptHandle: 'receipt',
    body: 'body',
    attributes: {
      SentTimestamp: '1',
      ApproximateReceiveCount: '2',
      SenderId: 's',
      ApproximateFirstReceiveTimestamp: '3',
      SequenceNumber: '4',
      MessageGroupId: 'g',
      MessageDeduplicationId: 'd',
    },
    messageAttributes: {
      text: { stringValue: 't', stringListValues: [], binaryListValues: [], dataType: 'String' },
      count: { stringValue: '5', stringListValues: [], binaryListValues: [], dataType: 'Number' },
      bytes: { binaryValue: 'AQI=', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
    },
    md5OfBody: 'md5',
    md5OfMessageAttributes: 'md5a',
    eventSource: 'aws:sqs',
    eventSourceARN: source.arn,
    awsRegion: 'us-east-1',
  });
});

test('a message without attributes has empty ones', () => {
  const record = sqsRecord({ MessageId: 'i', ReceiptHandle: 'r', Body: 'b', MD5OfBody: 'm' }, source);
  expect(record.attributes).toEqual({});
  expect(record.messageAttributes).toEqual({});
  expect(record).not.toHaveProperty('md5OfMessageAttributes');
});

test('the sizes of records add up to that of the payload, which stays at 6 MB', () => {
  const records = ['é', 'x', '\u{1F600}'].map((text) => JSON.stringify({ text }));
  const empty = Buffer.byteLength(sqsPayload([]));
  const commaBytes = 1;
  expect(Buffer.byteLength(sqsPayload(records))).toBe(
    empty + records.reduce((sum, record) => sum + recordBytes(record), 0) - commaBytes,
  );
  expect(BATCH_LIMIT_BYTES + empty).toBe(6 * 1024 * 1024);
});

test.each([
  'arn:aws:sns:us-east-1:000000000000:q',
  'arn:aws:sqs:us-east-1:12:q',
  'arn:aws:sqs:us-east-1:000000000000:q/x',
  'http://127.0.0.1/q',
  '',
])('%j is no ARN of a queue', (arn) => {
  expect(parseQueueArn(arn)).toBeUndefined();
});

test('the ARN of a queue says region, account and name', () => {
  expect(parseQueueArn(source.arn)).toEqual({ region: 'us-east-1', accountId: '000000000000', queueName: 'q.fifo' });
});
