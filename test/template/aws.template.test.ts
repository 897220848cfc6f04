import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
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
import { CFN_LINT_VERSION, cfnLint, findCfnLint } from './cfn-lint.ts';
import { packageService, TEMPLATE_FILE } from './package.ts';
import { noWildcardPermissions, resourcesOf, type Packaged, type Rule } from './rules.ts';

const ADMIN_ARNS = 'arn:aws:iam::123456789012:role/Ops,arn:aws:iam::123456789012:user/ada';

const ALARM_EMAIL = 'ops@example.org';

const linter = findCfnLint();
if (linter === undefined)
  process.stderr.write(
    `\nNOT RUN: cfn-lint is neither named by CFN_LINT nor on the PATH, so nothing has checked the template against ` +
      `AWS's own schemas. Install it: pip install cfn-lint==${CFN_LINT_VERSION}\n\n`,
  );
const testWithLinter = linter === undefined ? test.skip : test;

interface Service {
  readonly folder: string;
  readonly template: Packaged;
}

let services: { readonly prod: Service; readonly local: Service };
let prod: Packaged;
let local: Packaged;
beforeAll(async () => {
  services = {
    prod: await packageService('prod', { ADMIN_ARNS, ALARM_EMAIL }),
    local: await packageService('local', { ADMIN_ARNS, ALARM_EMAIL }),
  };
  prod = services.prod.template;
  local = services.local.template;
}, 400_000);
afterAll(() => Object.values(services).forEach(({ folder }) => rmSync(folder, { recursive: true, force: true })));

/** The value with every text `from` inside it replaced; `undefined` takes the property away. */
const edited = (value: Json, change: (key: string, value: Json) => Json | undefined): Json =>
  parseJson(JSON.stringify(value, (key, inner: Json) => change(key, inner)));

const without =
  (...names: readonly string[]) =>
  (key: string, value: Json) =>
    names.includes(key) ? undefined : value;
const replaced = (from: string, to: string) => (_: string, value: Json) => (value === from ? to : value);

const variablesOf = (template: Packaged, name: string): ReadonlySet<Json | undefined> =>
  new Set(
    resourcesOf(template, 'AWS::Lambda::Function').map(([, { Environment }]) => {
      const variables = isObject(Environment) ? Environment['Variables'] : undefined;
      return isObject(variables) ? variables[name] : undefined;
    }),
  );

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

  test('whoever gave an address is told of alarms', () => {
    expect(resourcesOf(prod, 'AWS::SNS::Subscription')).toEqual([
      ['AlarmsSubscription', { TopicArn: { Ref: 'AlarmsTopic' }, Protocol: 'email', Endpoint: ALARM_EMAIL }],
    ]);
  });

  test('the functions know who is admin, and take no token', () => {
    expect(variablesOf(prod, 'ADMIN_ARNS')).toEqual(new Set([ADMIN_ARNS]));
    expect(variablesOf(prod, 'ADMIN_TOKEN')).toEqual(new Set(['']));
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
    expect(variablesOf(local, 'ADMIN_ARNS')).toEqual(new Set(['']));
    expect(Object.values(local.Resources).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')).toEqual([]);
  });

  test('a bucket with the name that the stack file tells', () => {
    const { WorkQueueMediaBucket: bucket } = local.Resources;
    expect(bucket?.Properties).toEqual({ BucketName: 'distributed-patterns-local-work-queue-media' });
  });
});

describe("AWS's own schemas, as cfn-lint has them", () => {
  const LINT_MS = 120_000;

  testWithLinter.each(['prod', 'local'] as const)(
    'find neither errors nor warnings in the template of stage %s',
    (stage) => expect(cfnLint(linter ?? '', path.join(services[stage].folder, TEMPLATE_FILE))).toBe(''),
    LINT_MS,
  );

  testWithLinter(
    'find an error that is put in',
    () => {
      const file = path.join(services.prod.folder, 'broken.json');
      writeFileSync(file, JSON.stringify(prod).replaceAll('"VisibilityTimeout"', '"VisibilityTimeoot"'));
      expect(cfnLint(linter ?? '', file)).toContain('VisibilityTimeoot');
    },
    LINT_MS,
  );
});
