import { mappingChanges, mappingsOf, type Mapping } from '../../../localstack/plugin/mappings.ts';
import type { JsonObject } from '../../../localstack/plugin/template.ts';

const ARN = 'arn:aws:sqs:us-east-1:000000000000:items';
const plain: Mapping = {
  FunctionName: 'f',
  EventSourceArn: ARN,
  BatchSize: 10,
  MaximumBatchingWindowInSeconds: 0,
  Enabled: true,
  FunctionResponseTypes: [],
  FilterCriteria: {},
  ScalingConfig: {},
};

const STREAM_ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/1';
const plainStream: Mapping = {
  ...plain,
  EventSourceArn: STREAM_ARN,
  StartingPosition: 'TRIM_HORIZON',
  ParallelizationFactor: 1,
  BisectBatchOnFunctionError: false,
  MaximumRetryAttempts: -1,
  MaximumRecordAgeInSeconds: -1,
  DestinationConfig: {},
};

describe("a function's events", () => {
  test('an ARN alone asks for the mapping that Lambda makes by default', () => {
    expect(mappingsOf('f', [{ sqs: ARN }], 'functions.f')).toEqual([plain]);
  });

  test('every property of an sqs event is passed on', () => {
    const sqs = {
      arn: ARN,
      batchSize: 100,
      enabled: false,
      maximumBatchingWindow: 5,
      functionResponseType: 'ReportBatchItemFailures',
      filterPatterns: [{ body: { a: [1] } }],
      maximumConcurrency: 7,
    };
    expect(mappingsOf('f', [{ sqs }], 'functions.f')).toEqual([
      {
        ...plain,
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 5,
        Enabled: false,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        FilterCriteria: { Filters: [{ Pattern: '{"body":{"a":[1]}}' }] },
        ScalingConfig: { MaximumConcurrency: 7 },
      },
    ]);
  });

  test('an ARN alone of a stream asks for the mapping that the framework makes by default', () => {
    expect(mappingsOf('f', [{ stream: STREAM_ARN }], 'functions.f')).toEqual([plainStream]);
  });

  test('every property of a stream event is passed on', () => {
    const stream = {
      type: 'dynamodb',
      arn: STREAM_ARN,
      batchSize: 1000,
      batchWindow: 5,
      startingPosition: 'LATEST',
      enabled: false,
      parallelizationFactor: 10,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 3,
      maximumRecordAgeInSeconds: 60,
      functionResponseType: 'ReportBatchItemFailures',
      filterPatterns: [{ eventName: ['INSERT'] }],
      destinations: { onFailure: { arn: ARN, type: 'sqs' } },
    };
    expect(mappingsOf('f', [{ stream }], 'functions.f')).toEqual([
      {
        FunctionName: 'f',
        EventSourceArn: STREAM_ARN,
        BatchSize: 1000,
        MaximumBatchingWindowInSeconds: 5,
        Enabled: false,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
        ScalingConfig: {},
        StartingPosition: 'LATEST',
        ParallelizationFactor: 10,
        BisectBatchOnFunctionError: true,
        MaximumRetryAttempts: 3,
        MaximumRecordAgeInSeconds: 60,
        DestinationConfig: { OnFailure: { Destination: ARN } },
      },
    ]);
  });

  test.each<[string, JsonObject, string]>([
    [
      'a tumbling window',
      { arn: STREAM_ARN, tumblingWindowInSeconds: 1 },
      "'tumblingWindowInSeconds' is not known here",
    ],
    ['a stream of Kinesis', { arn: 'arn:aws:kinesis:us-east-1:000000000000:stream/s' }, "streams of 'kinesis'"],
    ['a destination of another kind', { arn: STREAM_ARN, destinations: { onSuccess: ARN } }, "expected 'onFailure'"],
  ])('%s is refused with its place', (_, stream, message) => {
    expect(() => mappingsOf('f', [{ stream }], 'functions.f')).toThrow(message);
    expect(() => mappingsOf('f', [{ stream }], 'functions.f')).toThrow('functions.f.events[0].stream');
  });

  test('events that the function host serves ask for no mapping', () => {
    expect(mappingsOf('f', [{ http: 'GET /' }, { schedule: 'rate(1 minute)' }], 'functions.f')).toEqual([]);
  });

  test('an event that nothing here would deliver is refused with its place', () => {
    expect(() => mappingsOf('f', [{ http: 'GET /' }, { kafka: 'topic' }], 'functions.f')).toThrow(
      'functions.f.events[1].kafka: this event is not known here. Known: http, schedule, eventBridge, sns, s3, sqs, stream.',
    );
  });

  test('an unknown property of an sqs event is refused with its place', () => {
    expect(() => mappingsOf('f', [{ sqs: { arn: ARN, batchWindow: 1 } }], 'functions.f')).toThrow(
      "functions.f.events[0].sqs: 'batchWindow' is not known here. Known: arn,",
    );
  });
});

describe('bringing the mappings to what is wanted', () => {
  const other: Mapping = { ...plain, FunctionName: 'g' };

  test('equal ones are left alone', () => {
    expect(mappingChanges([plain], [{ uuid: '1', mapping: { ...plain } }])).toEqual({
      create: [],
      update: [],
      remove: [],
    });
  });

  test('missing ones are made, changed ones updated under their id, vanished ones removed', () => {
    const changed: Mapping = { ...plain, BatchSize: 1 };
    const gone = { uuid: '2', mapping: { ...plain, FunctionName: 'h' } };
    expect(mappingChanges([changed, other], [{ uuid: '1', mapping: plain }, gone])).toEqual({
      create: [other],
      update: [{ uuid: '1', mapping: changed }],
      remove: [gone],
    });
  });

  test('a stream that is to begin elsewhere is mapped anew', () => {
    const latest: Mapping = { ...plainStream, StartingPosition: 'LATEST' };
    const before = { uuid: '1', mapping: plainStream };
    expect(mappingChanges([latest], [before])).toEqual({ create: [latest], update: [], remove: [before] });
  });

  test.each<[string, Partial<Mapping>]>([
    ['the window', { MaximumBatchingWindowInSeconds: 1 }],
    ['whether it is enabled', { Enabled: false }],
    ['the response types', { FunctionResponseTypes: ['ReportBatchItemFailures'] }],
    ['the filters', { FilterCriteria: { Filters: [{ Pattern: '{}' }] } }],
    ['the concurrency', { ScalingConfig: { MaximumConcurrency: 2 } }],
  ])('a change of %s is a change', (_, change) => {
    const mapping = { ...plain, ...change };
    expect(mappingChanges([mapping], [{ uuid: '1', mapping: plain }]).update).toEqual([{ uuid: '1', mapping }]);
  });
});

test('a concurrency that was set since stays where the template says none, and goes where it says another', () => {
  const set = { uuid: 'u', mapping: { ...plain, ScalingConfig: { MaximumConcurrency: 5 } } };
  expect(mappingChanges([plain], [set]).update).toEqual([]);
  const larger = { ...plain, BatchSize: 5 };
  expect(mappingChanges([larger], [set]).update).toEqual([
    { uuid: 'u', mapping: { ...larger, ScalingConfig: { MaximumConcurrency: 5 } } },
  ]);
  const stated = { ...plain, ScalingConfig: { MaximumConcurrency: 9 } };
  expect(mappingChanges([stated], [set]).update).toEqual([{ uuid: 'u', mapping: stated }]);
});
