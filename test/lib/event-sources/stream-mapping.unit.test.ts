import { mappingInput, parseMapping } from '#event-sources/mapping';
import type { ApiRefusal, EventSourceMapping } from '#event-sources/mapping';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000';
const QUEUE_ARN = 'arn:aws:sqs:us-east-1:000000000000:given-up';
const given = { FunctionName: 'worker', EventSourceArn: ARN, StartingPosition: 'TRIM_HORIZON' };

const parse = (extra: object, streamExists = true) =>
  parseMapping({ ...given, ...extra }, { uuid: 'u', streamExists, functionTimeoutS: 3 });
const accepted = (extra: object): EventSourceMapping => {
  const outcome = parse(extra);
  if (!outcome.ok) throw new Error(outcome.refusal.message);
  return outcome.mapping;
};
const refusal = (extra: object, streamExists = true): ApiRefusal => {
  const outcome = parse(extra, streamExists);
  if (outcome.ok) throw new Error('it was accepted');
  return outcome.refusal;
};

test('the defaults are those of Lambda for streams', () => {
  expect(accepted({})).toEqual({
    uuid: 'u',
    functionName: 'worker',
    eventSourceArn: ARN,
    enabled: true,
    batchSize: 100,
    maximumBatchingWindowS: 0,
    reportBatchItemFailures: false,
    filterPatterns: [],
    stream: {
      startingPosition: 'TRIM_HORIZON',
      parallelizationFactor: 1,
      bisectBatchOnFunctionError: false,
      maximumRetryAttempts: -1,
      maximumRecordAgeS: -1,
    },
  });
});

test('what was read can be said again, and reads the same', () => {
  const mapping = accepted({
    StartingPosition: 'LATEST',
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 300,
    ParallelizationFactor: 10,
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 0,
    MaximumRecordAgeInSeconds: 60,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    DestinationConfig: { OnFailure: { Destination: QUEUE_ARN } },
    FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"n":{"N":["1"]}}}}' }] },
    TumblingWindowInSeconds: 0,
    ScalingConfig: {},
  });
  expect(accepted(mappingInput(mapping))).toEqual(mapping);
  expect(mapping.stream?.onFailureArn).toBe(QUEUE_ARN);
});

test.each<[string, object, ApiRefusal['type'], string]>([
  ['no starting position', { StartingPosition: null }, 'InvalidParameterValueException', "'startingPosition'"],
  [
    'AT_TIMESTAMP',
    { StartingPosition: 'AT_TIMESTAMP' },
    'InvalidParameterValueException',
    'Unsupported starting position',
  ],
  ['an unknown position', { StartingPosition: 'MIDDLE' }, 'ValidationException', "'startingPosition'"],
  ['a timestamp', { StartingPositionTimestamp: 1 }, 'InvalidParameterValueException', 'StartingPositionTimestamp'],
  ['a tumbling window', { TumblingWindowInSeconds: 1 }, 'InvalidParameterValueException', 'TumblingWindowInSeconds'],
  ['BatchSize 0', { BatchSize: 0 }, 'ValidationException', "'batchSize'"],
  ['BatchSize 10 001', { BatchSize: 10_001 }, 'ValidationException', "'batchSize'"],
  ['no lane', { ParallelizationFactor: 0 }, 'ValidationException', "'parallelizationFactor'"],
  ['eleven lanes', { ParallelizationFactor: 11 }, 'ValidationException', "'parallelizationFactor'"],
  ['-2 retries', { MaximumRetryAttempts: -2 }, 'ValidationException', "'maximumRetryAttempts'"],
  ['10 001 retries', { MaximumRetryAttempts: 10_001 }, 'ValidationException', "'maximumRetryAttempts'"],
  ['an age of 59 s', { MaximumRecordAgeInSeconds: 59 }, 'InvalidParameterValueException', 'MaximumRecordAgeInSeconds'],
  ['an age of 8 days', { MaximumRecordAgeInSeconds: 604_801 }, 'ValidationException', "'maximumRecordAgeInSeconds'"],
  [
    'MaximumConcurrency',
    { ScalingConfig: { MaximumConcurrency: 2 } },
    'InvalidParameterValueException',
    'ScalingConfig',
  ],
  ['a halving that is no boolean', { BisectBatchOnFunctionError: 'yes' }, 'SerializationException', 'true or false'],
  [
    'a FIFO destination',
    { DestinationConfig: { OnFailure: { Destination: `${QUEUE_ARN}.fifo` } } },
    'InvalidParameterValueException',
    'OnFailure.Destination',
  ],
  [
    'a destination of success',
    { DestinationConfig: { OnSuccess: { Destination: QUEUE_ARN } } },
    'InvalidParameterValueException',
    'OnSuccess',
  ],
  [
    'a filter that is no pattern',
    { FilterCriteria: { Filters: [{ Pattern: '{"eventName":"INSERT"}' }] } },
    'InvalidParameterValueException',
    'filter pattern',
  ],
])('refused: %s', (_, extra, type, words) => {
  expect(refusal(extra)).toEqual({ type, message: expect.stringContaining(words) as string });
});

test('refused: a stream that does not exist', () => {
  expect(refusal({}, false)).toEqual({ type: 'InvalidParameterValueException', message: `Stream not found: ${ARN}` });
});
