import { rmSync } from 'node:fs';
import type { Json } from '../../lib/primitives/table.ts';
import { isObject, parseJson, type JsonObject } from '../../localstack/plugin/template.ts';
import {
  dataIsSafe,
  everyFailureIsSeen,
  everyFunctionHasItsOwnRole,
  everyLogEnds,
  everySourceMayBeRead,
  platformAnswersAreProblems,
} from './aws-rules.ts';
import { packageService } from './package.ts';
import { noWildcardPermissions, resourcesOf, type Packaged, type Rule } from './rules.ts';

const ADMIN_ARNS = 'arn:aws:iam::123456789012:role/Ops,arn:aws:iam::123456789012:user/ada';

const folders: string[] = [];
const packaged = async (stage: string, settings: Readonly<Record<string, string>> = {}): Promise<Packaged> => {
  const { folder, template } = await packageService(stage, settings);
  folders.push(folder);
  return template;
};

let prod: Packaged;
let tuned: Packaged;
let local: Packaged;
beforeAll(async () => {
  prod = await packaged('prod');
  tuned = await packaged('prod', { ADMIN_ARNS, ALARM_EMAIL: 'ops@example.org', RETAIN_DATA: 'false' });
  local = await packaged('local', { ADMIN_ARNS, ALARM_EMAIL: 'ops@example.org' });
}, 180_000);
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** The value with every text `from` inside it replaced; `undefined` takes the property away. */
const edited = (value: Json, change: (key: string, value: Json) => Json | undefined): Json =>
  parseJson(JSON.stringify(value, (key, inner: Json) => change(key, inner)));

const without =
  (...names: readonly string[]) =>
  (key: string, value: Json) =>
    names.includes(key) ? undefined : value;
const replaced = (from: string, to: string) => (_: string, value: Json) => (value === from ? to : value);

describe('what a stage on AWS has', () => {
  /** Each rule, and changes to the real template that it has to notice. */
  const rules: readonly (readonly [string, Rule, readonly ((key: string, value: Json) => Json | undefined)[]])[] = [
    [
      'every function has a role of its own, assumed by Lambda only, that writes its own log only',
      everyFunctionHasItsOwnRole,
      [
        replaced('${WorkQueueWorkerRole.Arn}', '${WorkQueueBuryRole.Arn}'),
        replaced('${WorkQueueWorkerRole.Arn}', 'arn:aws:iam::123456789012:role/Admin'),
        replaced('lambda.amazonaws.com', 'ec2.amazonaws.com'),
        (key, value) =>
          key === 'WorkQueueWorkerRole' ? edited(value, replaced('WorkQueueWorkerLogGroup', 'X')) : value,
        (key, value) => (key === 'Policies' ? undefined : value),
        (key, value) => (key === 'AssumeRolePolicyDocument' && isObject(value) ? { ...value, Statement: [] } : value),
      ],
    ],
    [
      'every function may read its event sources',
      everySourceMayBeRead,
      [replaced('sqs:ReceiveMessage', 'sqs:SendMessage'), replaced('sqs:GetQueueAttributes', 'sqs:GetQueueUrl')],
    ],
    ['no permission has a wildcard', noWildcardPermissions, [replaced('sqs:SendMessage', 'sqs:*')]],
    ['every log ends', everyLogEnds, [without('RetentionInDays'), without('WorkQueueWorkerLogGroup')]],
    [
      'dead letters, their age, and functions that fail or are throttled raise alarms that tell somebody',
      everyFailureIsSeen,
      [
        replaced('ApproximateNumberOfMessagesVisible', 'NumberOfMessagesSent'),
        replaced('ApproximateAgeOfOldestMessage', 'NumberOfMessagesSent'),
        replaced('Throttles', 'Invocations'),
        without('WorkQueueItemsDeadLettersQueueAgeAlarm'),
        without('WorkQueueItemsUndeliverableQueueDepthAlarm'),
        without('RootHttpLambdaFunctionFailedAlarm'),
        without('AlarmActions'),
        without('AlarmsTopic'),
      ],
    ],
    [
      'data is encrypted, private, can be recovered, and outlives its stack',
      dataIsSafe,
      [
        without('DeletionPolicy'),
        without('UpdateReplacePolicy'),
        without('PointInTimeRecoverySpecification'),
        without('SqsManagedSseEnabled'),
        without('BucketEncryption'),
        without('RestrictPublicBuckets'),
        without('aws:SecureTransport'),
        (key, value) =>
          key === 'WorkQueueMediaBucket'
            ? edited(value, (name, part) =>
                name === 'Properties' && isObject(part) ? { ...part, BucketName: 'a' } : part,
              )
            : value,
      ],
    ],
    [
      'what API Gateway answers by itself is a problem in the form of ours, in every deployment',
      platformAnswersAreProblems,
      [
        replaced('THROTTLED', 'UNAUTHORIZED'),
        replaced('413', '400'),
        without('gatewayresponse.header.content-type'),
        without('gatewayresponse.header.retry-after'),
        without('ResponseTemplates'),
        (key, value) => (key === 'DependsOn' && JSON.stringify(value).includes('GatewayResponse') ? [] : value),
      ],
    ],
  ];

  test.each(rules)('%s', (_, rule, changes) => {
    expect(rule(prod)).toEqual([]);
    for (const change of changes) {
      const broken = edited(prod as Packaged & JsonObject, change) as Packaged & JsonObject;
      expect({ change: change.toString(), found: rule(broken) }).not.toMatchObject({ found: [] });
    }
  });

  test('whoever gives an address is told of alarms, nobody else', () => {
    expect(resourcesOf(prod, 'AWS::SNS::Subscription')).toEqual([]);
    expect(resourcesOf(tuned, 'AWS::SNS::Subscription')).toEqual([
      ['AlarmsSubscription', { TopicArn: { Ref: 'AlarmsTopic' }, Protocol: 'email', Endpoint: 'ops@example.org' }],
    ]);
  });

  test('data goes with its stack where that was asked for', () => {
    const { WorkQueueJobsTable: table } = tuned.Resources;
    expect(table).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
  });

  const adminsOf = (template: Packaged) =>
    resourcesOf(template, 'AWS::Lambda::Function').map(([, { Environment }]) => {
      const variables = isObject(Environment) ? Environment['Variables'] : undefined;
      return isObject(variables) ? variables['ADMIN_ARNS'] : undefined;
    });

  test('the functions know who is admin: nobody unless named, and nobody by IAM in local stages', () => {
    expect(new Set(adminsOf(prod))).toEqual(new Set(['']));
    expect(new Set(adminsOf(tuned))).toEqual(new Set([ADMIN_ARNS]));
    expect(new Set(adminsOf(local))).toEqual(new Set(['']));
  });
});

describe('what a local stage has', () => {
  test('the same roles, so that LocalStack can be asked about them', () => {
    expect(resourcesOf(local, 'AWS::IAM::Role')).toHaveLength(resourcesOf(prod, 'AWS::IAM::Role').length);
    expect(everyFunctionHasItsOwnRole(local)).toEqual([]);
  });

  test('nothing that only AWS has a use for', () => {
    for (const type of ['AWS::CloudWatch::Alarm', 'AWS::SNS::Topic', 'AWS::ApiGateway::GatewayResponse'])
      expect(resourcesOf(local, type)).toEqual([]);
    expect(Object.values(local.Resources).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')).toEqual([]);
  });

  test('a bucket with the name that the stack file tells', () => {
    const { WorkQueueMediaBucket: bucket } = local.Resources;
    expect(bucket?.Properties).toEqual({ BucketName: 'distributed-patterns-local-work-queue-media' });
  });
});
