import { compileRecordFilter } from '#event-sources/filter';
import { InvalidPatternError } from '#event-sources/pattern';
import { sqsRecord } from '#event-sources/sqs-event';

const record = (body: string): ReturnType<typeof sqsRecord> =>
  sqsRecord(
    {
      MessageId: 'm1',
      ReceiptHandle: 'r',
      Body: body,
      MD5OfBody: 'x',
      Attributes: { ApproximateReceiveCount: '1' },
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'order' } },
    },
    { arn: 'arn:aws:sqs:us-east-1:000000000000:q', region: 'us-east-1' },
  );

const passes = (body: string, ...patterns: readonly unknown[]): boolean =>
  compileRecordFilter(patterns.map((pattern) => JSON.stringify(pattern)))(record(body));

test('without filters everything passes', () => {
  expect(passes('anything')).toBe(true);
});

test('one filter that matches is enough', () => {
  expect(passes('{"a":1}', { body: { a: [2] } }, { body: { a: [1] } })).toBe(true);
  expect(passes('{"a":3}', { body: { a: [2] } }, { body: { a: [1] } })).toBe(false);
});

test.each([
  ['JSON body, pattern on fields', '{"code":"BBBB"}', { body: { code: ['BBBB'] } }, true],
  ['JSON body, pattern on plain text', '{"code":"BBBB"}', { body: ['{"code":"BBBB"}'] }, false],
  ['plain text, pattern on plain text', 'hello', { body: [{ prefix: 'he' }] }, true],
  ['plain text, pattern on fields', 'hello', { body: { code: ['BBBB'] } }, false],
  ['plain text, pattern on the absence of a field', 'hello', { body: { code: [{ exists: false }] } }, false],
  ['JSON body, pattern on the absence of text', '{}', { body: [{ exists: false }] }, false],
  ['plain text, pattern on metadata', 'hello', { messageAttributes: { kind: { stringValue: ['order'] } } }, true],
  ['JSON body, pattern on metadata', '{}', { messageAttributes: { kind: { stringValue: ['bill'] } } }, false],
  ['a number is plain text', '5', { body: ['5'] }, true],
  ['a number is no field', '5', { body: [5] }, false],
  ['JSON array, pattern on fields', '[{"a":1},{"a":2}]', { body: { a: [2] } }, true],
  ['system attributes', 'x', { attributes: { ApproximateReceiveCount: ['1'] } }, true],
])('%s', (_, body, pattern, expected) => {
  expect(passes(body, pattern)).toBe(expected);
});

test.each([
  ['text that is no JSON', 'x'],
  ['JSON that is no object', '5'],
  ['a list', '[]'],
  ['an empty pattern', '{}'],
  ['a pattern that EventBridge refuses', '{"body":{"a":[{"like":"x"}]}}'],
  ['a pattern that is too long', JSON.stringify({ body: ['x'.repeat(4096)] })],
])('%s is refused', (_, pattern) => {
  expect(() => compileRecordFilter([pattern])).toThrow(InvalidPatternError);
});
