import { mappingChanges, mappingsOf, type Mapping } from '../../../localstack/plugin/mappings.ts';

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

  test('events that the function host serves ask for no mapping', () => {
    expect(mappingsOf('f', [{ http: 'GET /' }, { schedule: 'rate(1 minute)' }], 'functions.f')).toEqual([]);
  });

  test('an event that nothing here would deliver is refused with its place', () => {
    expect(() => mappingsOf('f', [{ http: 'GET /' }, { sns: 'topic' }], 'functions.f')).toThrow(
      'functions.f.events[1].sns: this event is not known here. Known: http, schedule, sqs.',
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
