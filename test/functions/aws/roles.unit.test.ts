import type { Permissions } from '../../../functions/aws/permissions.ts';
import { rolesOf } from '../../../functions/aws/roles.ts';
import type { Resources } from '../../../functions/aws/template.ts';

const arnOf = (id: string, attribute = 'Arn') => ({ 'Fn::GetAtt': [id, attribute] });

const resources: Resources = {
  Items: { Type: 'AWS::SQS::Queue' },
  Orders: { Type: 'AWS::DynamoDB::Table' },
  Media: { Type: 'AWS::S3::Bucket' },
  Bus: { Type: 'AWS::Events::EventBus' },
  Topic: { Type: 'AWS::SNS::Topic' },
  LeafLambdaFunction: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 's-leaf' } },
  WorkerLambdaFunction: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 's-worker' } },
  WorkerLogGroup: { Type: 'AWS::Logs::LogGroup' },
};

const mapping = (source: object) => ({
  Type: 'AWS::Lambda::EventSourceMapping',
  Properties: { FunctionName: arnOf('WorkerLambdaFunction'), EventSourceArn: { ...source } },
});

const statements = (permissions: Permissions, more: Resources = {}) => {
  const owner = {
    key: 'worker',
    roleId: 'WorkerRole',
    functionId: 'WorkerLambdaFunction',
    logGroupId: 'WorkerLogGroup',
  };
  const { WorkerRole: role } = rolesOf([{ ...owner, permissions }], { ...resources, ...more });
  const [policy] = (role?.Properties?.['Policies'] ?? []) as readonly {
    PolicyDocument: { Statement: readonly object[] };
  }[];
  return policy?.PolicyDocument.Statement ?? [];
};

const LOGS = {
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  Resource: arnOf('WorkerLogGroup'),
};

describe('the role of a function', () => {
  test('without permissions it writes its own log, and nothing else', () => {
    expect(statements({})).toEqual([LOGS]);
  });

  test.each([
    ['Items', 'SendMessage', 'sqs:SendMessage', arnOf('Items')],
    ['Orders', 'ConditionCheckItem', 'dynamodb:ConditionCheckItem', arnOf('Orders')],
    ['Media', 'ListBucket', 's3:ListBucket', arnOf('Media')],
    ['Media', 'GetObject', 's3:GetObject', { 'Fn::Sub': '${Media.Arn}/*' }],
    ['Bus', 'PutEvents', 'events:PutEvents', arnOf('Bus')],
    ['Topic', 'Publish', 'sns:Publish', { Ref: 'Topic' }],
    [
      'LeafLambdaFunction',
      'InvokeFunction',
      'lambda:InvokeFunction',
      { 'Fn::Sub': 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:s-leaf' },
    ],
  ])('%s: [%s] allows %s on exactly that', (id, action, allowed, resource) => {
    expect(statements({ [id]: [action] })).toEqual([LOGS, { Effect: 'Allow', Action: [allowed], Resource: resource }]);
  });

  test('actions on a bucket and on its objects are apart', () => {
    expect(statements({ Media: ['GetObject', 'ListBucket', 'PutObject'] }).slice(1)).toEqual([
      { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: arnOf('Media') },
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: { 'Fn::Sub': '${Media.Arn}/*' } },
    ]);
  });

  test('its event sources it may read without a word', () => {
    const queue = statements({}, { Mapping: mapping(arnOf('Items')) });
    expect(queue).toEqual([LOGS, expect.objectContaining({ Resource: arnOf('Items') })]);
    const stream = statements({}, { Mapping: mapping(arnOf('Orders', 'StreamArn')) });
    expect(stream).toEqual([LOGS, expect.objectContaining({ Resource: arnOf('Orders', 'StreamArn') })]);
  });

  test.each<[string, Permissions, string]>([
    [
      'a resource that is not there',
      { Item: ['SendMessage'] },
      'functions.worker.permissions: expected the id of a resource',
    ],
    ['a resource of another type', { WorkerLogGroup: ['PutLogEvents'] }, "got 'WorkerLogGroup' (AWS::Logs::LogGroup)"],
    [
      'an action of another service',
      { Items: ['PutItem'] },
      'functions.worker.permissions.Items: expected some of SendMessage',
    ],
    ['any action', { Items: ['*'] }, "got '*'"],
    ['no action', { Items: [] }, 'expected some of SendMessage'],
  ])('%s is refused by name', (_, permissions, message) => {
    expect(() => statements(permissions)).toThrow(message);
  });

  test('an event source of another type is refused by name', () => {
    expect(() => statements({}, { Mapping: mapping(arnOf('Bus')) })).toThrow(
      "functions.worker: expected an event source of type AWS::SQS::Queue, AWS::DynamoDB::Table, got 'Bus' (AWS::Events::EventBus).",
    );
  });
});
