import { isObject, parseJson, type JsonObject } from '../../localstack/plugin/template.ts';
import { asText } from '../../localstack/plugin/resources/type.ts';
import type { Json } from '../../lib/primitives/table.ts';
import { deadLetterQueue, listOf, resourcesOf, statementsIn, target, type Packaged, type Rule } from './rules.ts';

const idIn = (text: Json | undefined): string =>
  /^\$\{(\w+)\.Arn\}$/.exec(typeof text === 'string' ? text : '')?.[1] ?? '';

/** The resource that the ARN is of, however it is written. */
const ownerOf = (value: Json | undefined): string =>
  target(value) || idIn(isObject(value) ? value['Fn::Sub'] : undefined);

const logStatements = (role: JsonObject): readonly JsonObject[] =>
  statementsIn(role).filter(({ Action }) => listOf(Action).some((action) => asText(action).startsWith('logs:')));

const roleFaults = (template: Packaged, id: string, lambda: JsonObject): readonly string[] => {
  const roleId = ownerOf(lambda['Role']);
  const role = new Map(resourcesOf(template, 'AWS::IAM::Role')).get(roleId);
  if (role === undefined) return [`${id} has no role of this template`];
  const group = logGroupOf(template, lambda);
  const logs = logStatements(role).map(({ Resource }) => listOf(Resource).map(target));
  const principals = statementsIn(role).flatMap(({ Principal }) => (Principal === undefined ? [] : [Principal]));
  return [
    ...(role['ManagedPolicyArns'] === undefined ? [] : [`${roleId} has managed policies`]),
    ...(JSON.stringify(principals) === JSON.stringify([{ Service: 'lambda.amazonaws.com' }])
      ? []
      : [`${roleId} can be assumed by ${JSON.stringify(principals)}`]),
    ...(JSON.stringify(logs) === JSON.stringify([[group]]) ? [] : [`${roleId} writes other logs than ${id}'s`]),
  ];
};

const logGroupOf = (template: Packaged, { FunctionName: name }: JsonObject): string | undefined =>
  resourcesOf(template, 'AWS::Logs::LogGroup').find(
    ([, { LogGroupName }]) => LogGroupName === `/aws/lambda/${asText(name ?? '')}`,
  )?.[0];

export const everyFunctionHasItsOwnRole: Rule = (template) => {
  const functions = resourcesOf(template, 'AWS::Lambda::Function');
  const users = [...Map.groupBy(functions, ([, { Role }]) => ownerOf(Role)).values()];
  const shared = users
    .filter(({ length }) => length > 1)
    .map((sharers) => `${sharers.map(([id]) => id).join(', ')} share a role`);
  return [...shared, ...functions.flatMap(([id, lambda]) => roleFaults(template, id, lambda))];
};

/** Lambda and CloudFormation take a mapping whose role does not allow to read; then nothing is read. */
export const everySourceMayBeRead: Rule = (template) => {
  const [functions, roles] = [
    new Map(resourcesOf(template, 'AWS::Lambda::Function')),
    new Map(resourcesOf(template, 'AWS::IAM::Role')),
  ];
  return resourcesOf(template, 'AWS::Lambda::EventSourceMapping').flatMap(([id, mapping]) => {
    const source = target(mapping['EventSourceArn']);
    const role = roles.get(ownerOf(functions.get(target(mapping['FunctionName']))?.['Role'])) ?? {};
    const allowed = statementsIn(role)
      .filter(({ Resource }) => listOf(Resource).some((resource) => target(resource) === source))
      .flatMap(({ Action }) => listOf(Action));
    const isQueue = resourcesOf(template, 'AWS::SQS::Queue').some(([queue]) => queue === source);
    const needed = isQueue
      ? ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']
      : ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'];
    return needed.filter((action) => !allowed.includes(action)).map((action) => `${id}: ${action} is not allowed`);
  });
};

export const everyLogEnds: Rule = (template) => [
  ...resourcesOf(template, 'AWS::Logs::LogGroup')
    .filter(([, { RetentionInDays }]) => typeof RetentionInDays !== 'number')
    .map(([id]) => `${id} is kept for ever`),
  ...resourcesOf(template, 'AWS::Lambda::Function')
    .filter(([, lambda]) => logGroupOf(template, lambda) === undefined)
    .map(([id]) => `${id} has no log group`),
];

/** What an alarm looks at: the metrics, and whose they are. */
const watchedBy = (alarm: JsonObject): readonly string[] =>
  [alarm, ...listOf(alarm['Metrics'])].flatMap((part) => {
    const metric = isObject(part) && isObject(part['MetricStat']) ? part['MetricStat']['Metric'] : part;
    if (!isObject(metric) || metric['MetricName'] === undefined) return [];
    const [dimension] = listOf(metric['Dimensions']);
    const value = isObject(dimension) ? dimension['Value'] : undefined;
    const owner = target(value) || (isObject(value) ? asText(value['Ref'] ?? '') : '');
    return [`${owner}.${asText(metric['MetricName'])}`];
  });

const needsWatching = (template: Packaged): readonly string[] => {
  const queues = resourcesOf(template, 'AWS::SQS::Queue');
  const mappings = resourcesOf(template, 'AWS::Lambda::EventSourceMapping');
  const consumed = new Set(mappings.map(([, { EventSourceArn }]) => target(EventSourceArn)));
  const targets = new Set(queues.map(([, properties]) => deadLetterQueue(properties)).filter((id) => id !== ''));
  return [
    ...[...targets].flatMap((id) => [
      `${id}.ApproximateNumberOfMessagesVisible`,
      ...(consumed.has(id) ? [] : [`${id}.ApproximateAgeOfOldestMessage`]),
    ]),
    ...resourcesOf(template, 'AWS::Lambda::Function').flatMap(([id]) => [`${id}.Errors`, `${id}.Throttles`]),
  ];
};

export const everyFailureIsSeen: Rule = (template) => {
  const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');
  const topics = new Set(resourcesOf(template, 'AWS::SNS::Topic').map(([id]) => id));
  const watched = new Set(alarms.flatMap(([, alarm]) => watchedBy(alarm)));
  const mute = alarms.filter(([, { AlarmActions }]) => {
    const actions = listOf(AlarmActions);
    return !actions.some((action) => isObject(action) && topics.has(asText(action['Ref'] ?? '')));
  });
  return [
    ...needsWatching(template)
      .filter((metric) => !watched.has(metric))
      .map((metric) => `no alarm looks at ${metric}`),
    ...mute.map(([id]) => `${id} tells nobody`),
  ];
};

/** The framework keeps its packages there, and guards it itself. */
const DEPLOYMENT_BUCKET = 'ServerlessDeploymentBucket';
const PUBLIC_ACCESS = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'];

const tableFaults = (id: string, { PointInTimeRecoverySpecification: recovery }: JsonObject): readonly string[] =>
  isObject(recovery) && recovery['PointInTimeRecoveryEnabled'] === true ? [] : [`${id} cannot be recovered`];

const tlsOnly = (template: Packaged): ReadonlySet<string> =>
  new Set(
    resourcesOf(template, 'AWS::S3::BucketPolicy')
      .filter(([, policy]) =>
        statementsIn(policy).some(
          ({ Effect, Condition }) =>
            Effect === 'Deny' && JSON.stringify(Condition) === '{"Bool":{"aws:SecureTransport":false}}',
        ),
      )
      .map(([, { Bucket }]) => (isObject(Bucket) ? asText(Bucket['Ref'] ?? '') : '')),
  );

const bucketFaults = (id: string, properties: JsonObject, isTlsOnly: boolean): readonly string[] => {
  const access = properties['PublicAccessBlockConfiguration'];
  return [
    ...(isObject(access) && PUBLIC_ACCESS.every((part) => access[part] === true) ? [] : [`${id} can be made public`]),
    ...(properties['BucketEncryption'] === undefined ? [`${id} is not encrypted`] : []),
    ...(properties['BucketName'] === undefined ? [] : [`${id} has a name, which only one stack in the world can have`]),
    ...(isTlsOnly ? [] : [`${id} can be reached without TLS`]),
  ];
};

export const dataIsSafe: Rule = (template) => {
  const policies = tlsOnly(template);
  const buckets = resourcesOf(template, 'AWS::S3::Bucket').filter(([id]) => id !== DEPLOYMENT_BUCKET);
  const tables = resourcesOf(template, 'AWS::DynamoDB::Table');
  const lost = [...buckets, ...tables].filter(([id]) => {
    const { DeletionPolicy, UpdateReplacePolicy } = template.Resources[id] ?? {};
    return DeletionPolicy !== 'Retain' || UpdateReplacePolicy !== 'Retain';
  });
  return [
    ...tables.flatMap(([id, properties]) => tableFaults(id, properties)),
    ...buckets.flatMap(([id, properties]) => bucketFaults(id, properties, policies.has(id))),
    ...resourcesOf(template, 'AWS::SQS::Queue')
      .filter(([, { SqsManagedSseEnabled }]) => SqsManagedSseEnabled !== true)
      .map(([id]) => `${id} is not encrypted`),
    ...lost.map(([id]) => `${id} goes with its stack`),
  ];
};

/** What API Gateway answers by itself here, with the status that it has. */
const PLATFORM_ANSWERS: Readonly<Record<string, number>> = {
  ACCESS_DENIED: 403,
  EXPIRED_TOKEN: 403,
  INVALID_SIGNATURE: 403,
  MISSING_AUTHENTICATION_TOKEN: 403,
  REQUEST_TOO_LARGE: 413,
  THROTTLED: 429,
  DEFAULT_5XX: 502,
  INTEGRATION_FAILURE: 504,
  INTEGRATION_TIMEOUT: 504,
};

const isProblem = (response: JsonObject, status: number): boolean => {
  const { StatusCode, ResponseParameters: headers, ResponseTemplates: bodies } = response;
  const body = isObject(bodies) ? parseJson(asText(bodies['application/json'] ?? 'null')) : null;
  return (
    StatusCode === String(status) &&
    isObject(headers) &&
    headers['gatewayresponse.header.content-type'] === "'application/problem+json'" &&
    [429, 504].includes(status) === 'gatewayresponse.header.retry-after' in headers &&
    isObject(body) &&
    body['status'] === status &&
    ['type', 'title', 'detail'].every((member) => typeof body[member] === 'string')
  );
};

export const platformAnswersAreProblems: Rule = (template) => {
  const responses = resourcesOf(template, 'AWS::ApiGateway::GatewayResponse');
  const early = resourcesOf(template, 'AWS::ApiGateway::Deployment').flatMap(([id]) => {
    const before = listOf(template.Resources[id]?.DependsOn);
    return responses
      .filter(([response]) => !before.includes(response))
      .map(([response]) => `${id} leaves out ${response}`);
  });
  const wrong = Object.entries(PLATFORM_ANSWERS).filter(
    ([type, status]) =>
      !responses.some(([, response]) => response['ResponseType'] === type && isProblem(response, status)),
  );
  return [...early, ...wrong.map(([type]) => `${type} is not answered as a problem`)];
};
