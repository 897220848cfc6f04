import { withFunctionResources } from '../../../localstack/plugin/function-resources.ts';
import type { Framework, FunctionDefinition } from '../../../localstack/plugin/service.ts';
import { parseTemplate, type JsonObject } from '../../../localstack/plugin/template.ts';
import type { Json } from '../../../lib/primitives/table.ts';

const ARN = { 'Fn::GetAtt': ['WorkerLambdaFunction', 'Arn'] };

const resourcesOf = (
  worker: Partial<FunctionDefinition>,
  resources: Json = {},
): Readonly<Record<string, JsonObject>> => {
  const provider = { region: 'us-east-1', stage: 'local' };
  const functions = { worker: { name: 'service-worker', events: [], ...worker } };
  const framework: Framework = {
    service: { service: 'service', provider, functions },
    serviceDir: '.',
    getProvider: () => ({
      naming: {
        getLambdaLogicalId: (key) => `${key.charAt(0).toUpperCase()}${key.slice(1)}LambdaFunction`,
        getQueueLogicalId: (key, queue) => `${key}EventSourceMappingSQS${queue}`,
      },
    }),
  };
  const template = withFunctionResources(parseTemplate({ Resources: resources }), framework);
  return Object.fromEntries(
    Object.entries(template.resources).map(([id, { type, properties }]) => [id, { type, ...properties }]),
  );
};

test('a function without wishes adds nothing', () => {
  expect(resourcesOf({ events: [{ sqs: 'arn' }] })).toEqual({});
});

test('an sns event makes its topic and a subscription with its filter; an ARN names a topic that is there', () => {
  const events = [
    { sns: { topicName: 'my-topic', filterPolicy: { k: ['a'] }, redrivePolicy: { deadLetterTargetRef: 'Dead' } } },
    { sns: 'arn:aws:sns:us-east-1:000000000000:there' },
  ];
  expect(resourcesOf({ events })).toEqual({
    SNSTopicmytopic: { type: 'AWS::SNS::Topic', TopicName: 'my-topic' },
    WorkerLambdaFunctionSnsSubscription0: {
      type: 'AWS::SNS::Subscription',
      TopicArn: { Ref: 'SNSTopicmytopic' },
      Protocol: 'lambda',
      Endpoint: ARN,
      FilterPolicy: { k: ['a'] },
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
    },
    WorkerLambdaFunctionSnsSubscription1: {
      type: 'AWS::SNS::Subscription',
      TopicArn: 'arn:aws:sns:us-east-1:000000000000:there',
      Protocol: 'lambda',
      Endpoint: ARN,
    },
  });
});

test('the s3 events of one bucket are one configuration of it', () => {
  const rules = [{ prefix: 'in/' }, { suffix: '.jpg' }];
  const events = [{ s3: 'photos' }, { s3: { bucket: 'photos', event: 's3:ObjectRemoved:*', rules, existing: true } }];
  expect(resourcesOf({ events })).toEqual({
    FunctionEventsBucket0: {
      type: 'AWS::S3::Bucket',
      BucketName: 'photos',
      NotificationConfiguration: {
        LambdaConfigurations: [
          { Event: 's3:ObjectCreated:*', Function: ARN },
          {
            Event: 's3:ObjectRemoved:*',
            Function: ARN,
            Filter: {
              S3Key: {
                Rules: [
                  { Name: 'prefix', Value: 'in/' },
                  { Name: 'suffix', Value: '.jpg' },
                ],
              },
            },
          },
        ],
      },
    },
  });
});

test('destinations, retries and the address of a function are resources of their own', () => {
  const worker = { maximumRetryAttempts: 0, destinations: { onFailure: 'arn:q', onSuccess: 'worker' }, url: true };
  expect(resourcesOf(worker)).toEqual({
    WorkerLambdaFunctionEvConf: {
      type: 'AWS::Lambda::EventInvokeConfig',
      FunctionName: { Ref: 'WorkerLambdaFunction' },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: 'arn:q' }, OnSuccess: { Destination: ARN } },
    },
    WorkerLambdaFunctionUrl: { type: 'AWS::Lambda::Url', TargetFunctionArn: ARN, AuthType: 'NONE' },
  });
});

test.each<[string, Partial<FunctionDefinition>]>([
  ["'deliveryPolicy' is not known here", { events: [{ sns: { topicName: 't', deliveryPolicy: {} } }] }],
  ["expected 'arn' or 'topicName'", { events: [{ sns: { displayName: 't' } }] }],
  ["expected a 'bucket'", { events: [{ s3: { event: 's3:ObjectCreated:*' } }] }],
  ["'onError' is not known here", { destinations: { onError: 'arn' } }],
  ["'qualifier' is not known here", { url: { qualifier: 'x' } }],
])('what is not known is named: %s', (message, worker) => {
  expect(() => resourcesOf(worker)).toThrow(message);
});

test('a bucket whose notifications are said twice is refused', () => {
  const Photos = { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'photos', NotificationConfiguration: {} } };
  expect(() => resourcesOf({ events: [{ s3: 'photos' }] }, { Photos })).toThrow('say all in one');
});
