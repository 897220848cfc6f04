import { functionNameOf, mappingInput, parseMapping } from '#event-sources/mapping';
import type { ApiRefusal, MappingFacts } from '#event-sources/mapping';

const arn = 'arn:aws:sqs:us-east-1:000000000000:items';
const facts: MappingFacts = { uuid: 'u', queue: { visibilityTimeoutS: 30 }, functionTimeoutS: 5 };
const base = { FunctionName: 'worker', EventSourceArn: arn };

const refusal = (input: unknown, given: MappingFacts = facts): ApiRefusal => {
  const outcome = parseMapping(input, given);
  if (outcome.ok) throw new Error('was not refused');
  return outcome.refusal;
};

test('the defaults are those of Lambda', () => {
  expect(parseMapping(base, facts)).toEqual({
    ok: true,
    mapping: {
      uuid: 'u',
      functionName: 'worker',
      eventSourceArn: arn,
      enabled: true,
      batchSize: 10,
      maximumBatchingWindowS: 0,
      reportBatchItemFailures: false,
      filterPatterns: [],
    },
  });
});

test('what is given is kept, and described in the words in which it was given', () => {
  const input = {
    ...base,
    Enabled: false,
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 300,
    ScalingConfig: { MaximumConcurrency: 1000 },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    FilterCriteria: { Filters: [{ Pattern: '{"body":{"a":[1]}}' }] },
  };
  const outcome = parseMapping(input, facts);
  expect(outcome).toMatchObject({ ok: true, mapping: { enabled: false, batchSize: 10_000, maximumConcurrency: 1000 } });
  expect(outcome.ok && mappingInput(outcome.mapping)).toEqual(input);
});

test.each([
  [{ BatchSize: 10 }],
  [{ BatchSize: 11, MaximumBatchingWindowInSeconds: 1 }],
  [{ EventSourceArn: `${arn}.fifo`, BatchSize: 10 }],
  [{ ScalingConfig: { MaximumConcurrency: 2 } }],
  [{ ScalingConfig: {} }],
  [{ FilterCriteria: {} }],
  [{ StartingPosition: null }],
])('%j is accepted', (extra) => {
  expect(parseMapping({ ...base, ...extra }, facts).ok).toBe(true);
});

test.each([
  [
    'BatchSize over 10 without window',
    { BatchSize: 11 },
    'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10',
  ],
  [
    'FIFO with a window',
    { EventSourceArn: `${arn}.fifo`, MaximumBatchingWindowInSeconds: 1 },
    'Batching window is not supported for FIFO queues',
  ],
  [
    'FIFO with BatchSize over 10',
    { EventSourceArn: `${arn}.fifo`, BatchSize: 11 },
    'Maximum batch size for FIFO queues is 10',
  ],
  [
    'a source that is no queue',
    { EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/s' },
    'Unrecognized event source',
  ],
  [
    'a parameter of streams',
    { StartingPosition: 'LATEST' },
    'Unsupported StartingPosition parameter for given event source mapping type.',
  ],
  [
    'bisecting, which streams have',
    { BisectBatchOnFunctionError: false },
    'Unsupported BisectBatchOnFunctionError parameter',
  ],
  [
    'a bad filter',
    { FilterCriteria: { Filters: [{ Pattern: '{"body":"x"}' }] } },
    'Invalid filter pattern definition.',
  ],
  [
    'more than five filters',
    { FilterCriteria: { Filters: Array.from({ length: 6 }, () => ({ Pattern: '{"body":["x"]}' })) } },
    'The maximum number of filters is 5.',
  ],
])('refuses %s', (_, extra, message) => {
  const refused = refusal({ ...base, ...extra });
  expect(refused.type).toBe('InvalidParameterValueException');
  expect(refused.message).toContain(message);
});

test('refuses a visibility timeout under the function timeout, and says both', () => {
  expect(refusal(base, { ...facts, functionTimeoutS: 31 })).toEqual({
    type: 'InvalidParameterValueException',
    message: 'Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds',
  });
  expect(parseMapping(base, { ...facts, functionTimeoutS: 30 }).ok).toBe(true);
});

test('refuses a queue and a function that do not exist', () => {
  expect(refusal(base, { ...facts, queue: undefined }).message).toContain('AWS.SimpleQueueService.NonExistentQueue');
  expect(refusal(base, { ...facts, functionTimeoutS: undefined })).toEqual({
    type: 'ResourceNotFoundException',
    message: 'Function not found: worker',
  });
});

test.each([
  [
    'batchSize',
    { BatchSize: 0 },
    "Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  ['batchSize', { BatchSize: 10_001 }, 'less than or equal to 10000'],
  ['window', { MaximumBatchingWindowInSeconds: 301 }, 'less than or equal to 300'],
  ['concurrency', { ScalingConfig: { MaximumConcurrency: 1 } }, 'greater than or equal to 2'],
  ['concurrency', { ScalingConfig: { MaximumConcurrency: 1001 } }, 'less than or equal to 1000'],
  ['response types', { FunctionResponseTypes: ['Other'] }, 'ReportBatchItemFailures'],
  ['function name', { FunctionName: 'a b' }, 'functionName'],
  ['missing function', { FunctionName: undefined }, 'Member must not be null'],
  ['missing source', { EventSourceArn: undefined }, 'Member must not be null'],
])('refuses %s out of its range', (_, extra, message) => {
  const refused = refusal({ ...base, ...extra });
  expect(refused.type).toBe('ValidationException');
  expect(refused.message).toContain(message);
});

test.each([
  [null],
  ['x'],
  [[]],
  [{ ...base, BatchSize: '5' }],
  [{ ...base, BatchSize: 1.5 }],
  [{ ...base, Enabled: 'yes' }],
  [{ ...base, ScalingConfig: 5 }],
  [{ ...base, FunctionResponseTypes: 'ReportBatchItemFailures' }],
  [{ ...base, FilterCriteria: { Filters: ['x'] } }],
  [{ ...base, FunctionName: 5 }],
])('input of a wrong type is refused: %j', (input) => {
  expect(refusal(input).type).toBe('SerializationException');
});

test.each([
  ['worker', 'worker'],
  ['worker:live', 'worker'],
  ['function:worker', 'worker'],
  ['000000000000:function:worker', 'worker'],
  ['arn:aws:lambda:us-east-1:000000000000:function:worker', 'worker'],
  ['arn:aws:lambda:us-east-1:000000000000:function:worker:$LATEST', 'worker'],
  ['arn:aws:sqs:us-east-1:000000000000:worker', undefined],
  ['', undefined],
])('the function of %j is %s', (reference, name) => {
  expect(functionNameOf(reference)).toBe(name);
});
