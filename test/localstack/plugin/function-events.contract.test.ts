import { GetFunctionEventInvokeConfigCommand, GetFunctionUrlConfigCommand } from '@aws-sdk/client-lambda';
import { GetBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3';
import { GetSubscriptionAttributesCommand } from '@aws-sdk/client-sns';
import type { Json } from '../../../lib/primitives/table.ts';
import { provision, type Provisioned } from '../../../localstack/plugin/provision.ts';
import { awsClients } from '../../../localstack/plugin/resources/clients.ts';
import type { Made } from '../../../localstack/plugin/resources/type.ts';
import { parseTemplate } from '../../../localstack/plugin/template.ts';
import { registered, startWorld, type World } from '../embedded/fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  world.endpoint.functions.put({ functions: [registered('worker')] });
});
afterAll(() => world.close());

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:worker';
const given = new Map<string, Made>([['Worker', { ref: 'worker', attributes: { Arn: ARN } }]]);
const make = (Resources: Json): Promise<Provisioned> =>
  provision({
    template: parseTemplate({ Resources }),
    stackName: 'stack',
    given,
    clients: awsClients({ endpoint: world.endpoint.url, region: 'us-east-1', accountId: '000000000000' }),
  });
const resource = (Type: string, Properties: Json): Json => ({ Type, Properties });
const WORKER = { 'Fn::GetAtt': ['Worker', 'Arn'] };

test('a bucket tells whom the template says, and nobody when it says so no more', async () => {
  const bucket = (NotificationConfiguration: Json): Json =>
    resource('AWS::S3::Bucket', { BucketName: 'photos', NotificationConfiguration });
  const items = resource('AWS::SQS::Queue', { QueueName: 'items' });
  const Filter = { S3Key: { Rules: [{ Name: 'prefix', Value: 'in/' }] } };
  const notifications = {
    LambdaConfigurations: [{ Event: 's3:ObjectRemoved:*', Function: WORKER }],
    QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: { 'Fn::GetAtt': ['items', 'Arn'] }, Filter }],
    EventBridgeConfiguration: { EventBridgeEnabled: true },
  };
  await make({ photos: bucket(notifications), items });
  const read = () => world.s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'photos' }));
  expect(await read()).toMatchObject({
    LambdaFunctionConfigurations: [{ LambdaFunctionArn: ARN, Events: ['s3:ObjectRemoved:*'] }],
    QueueConfigurations: [{ Filter: { Key: { FilterRules: [{ Name: 'Prefix', Value: 'in/' }] } } }],
    EventBridgeConfiguration: {},
  });
  await make({ photos: resource('AWS::S3::Bucket', { BucketName: 'photos' }) });
  const after = await read();
  for (const name of ['QueueConfigurations', 'LambdaFunctionConfigurations', 'EventBridgeConfiguration'])
    expect(after).not.toHaveProperty(name);
  await expect(make({ photos: bucket({ Other: [] }) })).rejects.toThrow("'Other' is not known here");
});

test('a function is subscribed with its filter and its dead-letter queue', async () => {
  const { made } = await make({
    topic: resource('AWS::SNS::Topic', { TopicName: 'topic' }),
    dead: resource('AWS::SQS::Queue', { QueueName: 'dead' }),
    subscription: resource('AWS::SNS::Subscription', {
      TopicArn: { Ref: 'topic' },
      Protocol: 'lambda',
      Endpoint: WORKER,
      FilterPolicyScope: 'MessageBody',
      FilterPolicy: { a: { b: ['c'] } },
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['dead', 'Arn'] } },
    }),
  });
  const SubscriptionArn = made.get('subscription')?.ref ?? '';
  const { Attributes } = await world.sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  expect(Attributes).toMatchObject({
    Protocol: 'lambda',
    Endpoint: ARN,
    PendingConfirmation: 'false',
    FilterPolicyScope: 'MessageBody',
    FilterPolicy: '{"a":{"b":["c"]}}',
    RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}',
  });
});

test('the events and the address of a function are set, also again on a changed template', async () => {
  const FunctionName = 'worker';
  const resources = (AuthType: string, retries: Json): Json => ({
    events: resource('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: 'Worker' },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: retries,
    }),
    url: resource('AWS::Lambda::Url', { TargetFunctionArn: WORKER, AuthType }),
  });
  await make(resources('NONE', 2));
  const { made } = await make(resources('AWS_IAM', '1'));
  const config = await world.lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }));
  expect(config.MaximumRetryAttempts).toBe(1);
  const url = await world.lambda.send(new GetFunctionUrlConfigCommand({ FunctionName }));
  expect(url).toMatchObject({ AuthType: 'AWS_IAM', FunctionUrl: made.get('url')?.attributes['FunctionUrl'] });
  await expect(
    make({ url: resource('AWS::Lambda::Url', { TargetFunctionArn: WORKER, AuthType: 'OTHER' }) }),
  ).rejects.toThrow("expected 'AuthType' to be NONE or AWS_IAM, got 'OTHER'");
});
