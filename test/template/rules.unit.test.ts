import {
  everyBatchMayFailInPart,
  everyQueueHasDeadLetters,
  everyRouteHasAuthorizer,
  fewResources,
  keysAreUnique,
  namesAreKebabCase,
  noWildcardPermissions,
  visibilityFitsTimeout,
  type Packaged,
  type Rule,
} from './rules.ts';

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
const queue = (properties: object = {}) => ({
  Type: 'AWS::SQS::Queue',
  Properties: { QueueName: 's-p-q', ...properties },
});
const mapping = (properties: object = {}) => ({
  Type: 'AWS::Lambda::EventSourceMapping',
  Properties: {
    EventSourceArn: arnOf('items'),
    FunctionName: arnOf('worker'),
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ...properties,
  },
});
const worker = { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 's-p-worker', Timeout: 5 } };
const policy = (statement: object) => ({
  Type: 'AWS::IAM::Role',
  Properties: { Policies: [{ PolicyDocument: { Statement: [{ Effect: 'Allow', ...statement }] } }] },
});
const method = (properties: object) => ({
  Type: 'AWS::ApiGateway::Method',
  Properties: { HttpMethod: 'ANY', ...properties },
});
const dead = { RedrivePolicy: { deadLetterTargetArn: arnOf('dead'), maxReceiveCount: 3 } };

const good = {
  items: queue({ VisibilityTimeout: 35, ...dead }),
  dead: queue(),
  worker,
  mapping: mapping({ MaximumBatchingWindowInSeconds: 5 }),
  role: policy({ Action: ['sqs:SendMessage'], Resource: arnOf('items') }),
  method: method({ AuthorizationType: 'AWS_IAM' }),
};
const many = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`q${index}`, queue()]));

describe('the rules for templates find what is wrong', () => {
  const wrong: readonly (readonly [string, Rule, object])[] = [
    ['a queue without dead letters', everyQueueHasDeadLetters, { items: queue() }],
    [
      'a message that comes back while it is worked on',
      visibilityFitsTimeout,
      { items: queue({ VisibilityTimeout: 34 }) },
    ],
    ['the default visibility', visibilityFitsTimeout, { items: queue() }],
    ['a mapping of a queue elsewhere', visibilityFitsTimeout, { mapping: mapping({ EventSourceArn: 'arn' }) }],
    ['a batch that fails as a whole', everyBatchMayFailInPart, { mapping: mapping({ FunctionResponseTypes: [] }) }],
    ['an open route', everyRouteHasAuthorizer, { method: method({ AuthorizationType: 'NONE' }) }],
    ['a route that says nothing', everyRouteHasAuthorizer, { method: method({}) }],
    ['too many resources', fewResources, many],
    ['a name in camel case', namesAreKebabCase('s-p'), { items: queue({ QueueName: 's-p-workItems' }) }],
    ['a name without the stage', namesAreKebabCase('s-p'), { items: queue({ QueueName: 's-items' }) }],
    ['no name', namesAreKebabCase('s-p'), { items: { Type: 'AWS::SQS::Queue' } }],
    ['any action', noWildcardPermissions, { role: policy({ Action: 'sqs:*', Resource: arnOf('items') }) }],
    ['any resource', noWildcardPermissions, { role: policy({ Action: ['sqs:SendMessage'], Resource: ['*'] }) }],
    ['a built wildcard', noWildcardPermissions, { role: policy({ Action: 'a:b', Resource: { 'Fn::Sub': '${x}/*' } }) }],
    [
      'any object, for an action on buckets',
      noWildcardPermissions,
      { role: policy({ Action: ['s3:GetObject', 's3:ListBucket'], Resource: { 'Fn::Sub': '${b.Arn}/*' } }) },
    ],
    [
      'objects of any bucket',
      noWildcardPermissions,
      { role: policy({ Action: 's3:GetObject', Resource: { 'Fn::Sub': 'arn:aws:s3:::${b}*/*' } }) },
    ],
    ['anybody', noWildcardPermissions, { role: policy({ Action: 'a:b', Principal: '*', Resource: arnOf('items') }) }],
    ['all but some', noWildcardPermissions, { role: policy({ NotAction: ['a:b'], Resource: arnOf('items') }) }],
  ];

  test.each(wrong)('%s', (_, rule, change) => {
    const template = (resources: object): Packaged => JSON.parse(JSON.stringify({ Resources: resources })) as Packaged;
    expect(rule(template(good))).toEqual([]);
    expect(rule(template({ ...good, ...change }))).not.toEqual([]);
  });

  test('and let pass what cannot be otherwise', () => {
    const objects = policy({ Action: ['s3:GetObject', 's3:PutObject'], Resource: { 'Fn::Sub': '${b.Arn}/*' } });
    const denied = policy({ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: arnOf('b') });
    expect(noWildcardPermissions(JSON.parse(JSON.stringify({ Resources: { objects, denied } })) as Packaged)).toEqual(
      [],
    );
  });

  test('a key in two fragments', () => {
    expect(keysAreUnique({ 'a.yml': ['x', 'y'], 'b.yml': ['z', 'x'] })).toEqual(['x is in a.yml and b.yml']);
  });
});
