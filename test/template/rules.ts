import { asText } from '../../localstack/plugin/resources/type.ts';
import { isList, isObject, type JsonObject } from '../../localstack/plugin/template.ts';
import type { Json } from '../../lib/primitives/table.ts';

interface PackagedResource {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly DependsOn?: Json;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** A CloudFormation template as it was packaged. */
export interface Packaged {
  readonly Resources: Readonly<Record<string, PackagedResource>>;
}

/** What is wrong with a template: one line for each violation, none when the rule holds. */
export type Rule = (template: Packaged) => readonly string[];

/** CloudFormation's own limit is 500; the rest is room for what is added between two looks. */
const MAX_RESOURCES = 400;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const VISIBILITY_TO_TIMEOUT = 6;
const DEFAULT_VISIBILITY_S = 30;

type Entry = readonly [id: string, properties: JsonObject];

export const resourcesOf = ({ Resources }: Packaged, type: string): readonly Entry[] =>
  Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]): readonly Entry[] =>
    Type === type ? [[id, Properties]] : [],
  );

/** The resource that a `Fn::GetAtt` refers to; empty for any other value. */
export const target = (value: Json | undefined): string => {
  const reference = isObject(value) ? value['Fn::GetAtt'] : undefined;
  const first = isList(reference) ? reference[0] : reference;
  return typeof first === 'string' ? (first.split('.')[0] ?? '') : '';
};

/** The queue that the undeliverable messages of one go to; empty when there is none. */
export const deadLetterQueue = (properties: JsonObject): string => {
  const { RedrivePolicy: policy } = properties;
  return isObject(policy) ? target(policy['deadLetterTargetArn']) : '';
};

export const everyQueueHasDeadLetters: Rule = (template) => {
  const queues = resourcesOf(template, 'AWS::SQS::Queue');
  const deadLetters = new Set(queues.map(([, properties]) => deadLetterQueue(properties)));
  return queues
    .filter(([id, properties]) => deadLetterQueue(properties) === '' && !deadLetters.has(id))
    .map(([id]) => `${id} has no dead-letter queue and is none`);
};

export const visibilityFitsTimeout: Rule = (template) => {
  const queues = new Map(resourcesOf(template, 'AWS::SQS::Queue'));
  const functions = new Map(resourcesOf(template, 'AWS::Lambda::Function'));
  return resourcesOf(template, 'AWS::Lambda::EventSourceMapping').flatMap(([id, mapping]) => {
    const queue = queues.get(target(mapping['EventSourceArn']));
    const consumer = functions.get(target(mapping['FunctionName']));
    if (queue === undefined || consumer === undefined) return [`${id} joins what is not in the template`];
    const visibilityS = Number(queue['VisibilityTimeout'] ?? DEFAULT_VISIBILITY_S);
    const windowS = Number(mapping['MaximumBatchingWindowInSeconds'] ?? 0);
    const neededS = VISIBILITY_TO_TIMEOUT * Number(consumer['Timeout']) + windowS;
    return visibilityS >= neededS
      ? []
      : [`${id}: the queue hides a message for ${visibilityS} s, ${neededS} s are needed`];
  });
};

export const everyBatchMayFailInPart: Rule = (template) =>
  resourcesOf(template, 'AWS::Lambda::EventSourceMapping')
    .filter(([, { FunctionResponseTypes: types }]) => !isList(types) || !types.includes('ReportBatchItemFailures'))
    .map(([id]) => `${id} does not report batch item failures`);

export const everyRouteHasAuthorizer: Rule = (template) =>
  resourcesOf(template, 'AWS::ApiGateway::Method')
    .filter(
      ([, { HttpMethod, AuthorizationType }]) => HttpMethod !== 'OPTIONS' && (AuthorizationType ?? 'NONE') === 'NONE',
    )
    .map(([id]) => `${id} may be called by everybody`);

export const fewResources: Rule = ({ Resources }) => {
  const count = Object.keys(Resources).length;
  return count < MAX_RESOURCES ? [] : [`${count} resources, fewer than ${MAX_RESOURCES} are allowed`];
};

const NAMES: Readonly<Record<string, string>> = {
  'AWS::SQS::Queue': 'QueueName',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::Events::EventBus': 'Name',
  'AWS::Lambda::Function': 'FunctionName',
};

/** @param prefix `<service>-<stage>`, what every name begins with. */
export const namesAreKebabCase =
  (prefix: string): Rule =>
  (template) =>
    Object.entries(NAMES).flatMap(([type, property]) =>
      resourcesOf(template, type)
        .map(([id, properties]) => [id, asText(properties[property] ?? '')] as const)
        .filter(([, name]) => !name.startsWith(`${prefix}-`) || !/^[a-z0-9]+(-[a-z0-9]+)*(\.fifo)?$/.test(name))
        .map(([id, name]) => `${id}: '${name}' is not ${prefix}-… in kebab-case`),
    );

export const listOf = (value: Json | undefined): readonly Json[] =>
  isList(value) ? value : value === undefined ? [] : [value];

/** Every statement of every policy in the value, with the id of its resource. */
export const statementsIn = (value: Json): readonly JsonObject[] => {
  if (isList(value)) return value.flatMap(statementsIn);
  if (!isObject(value)) return [];
  const own = 'Effect' in value && ('Action' in value || 'NotAction' in value) ? [value] : [];
  return [...own, ...Object.values(value).flatMap(statementsIn)];
};

const OBJECT_ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'];

/** Objects have no names before there are any: actions on objects, and only those, may be on all of one bucket. */
const isOfObjects = ({ Action: actions, Resource: resource }: JsonObject): boolean =>
  listOf(actions).every((action) => OBJECT_ACTIONS.includes(asText(action))) &&
  isObject(resource) &&
  /^\$\{\w+\.Arn\}\/\*$/.test(asText(resource['Fn::Sub'] ?? ''));

const wildcardsOf = (statement: JsonObject): readonly string[] => {
  const wild = ['Principal', 'Action', 'NotAction', 'Resource', 'NotResource'].filter((part) =>
    listOf(statement[part]).some((item) => JSON.stringify(item).includes('*')),
  );
  const negated = ['NotAction', 'NotResource', 'NotPrincipal'].filter((part) => part in statement);
  return [...wild.filter((part) => part !== 'Resource' || !isOfObjects(statement)), ...negated];
};

/** What is denied may be denied to everybody. */
export const noWildcardPermissions: Rule = ({ Resources }) =>
  Object.entries(Resources).flatMap(([id, { Properties = {} }]) =>
    statementsIn(Properties)
      .filter(({ Effect }) => Effect !== 'Deny')
      .flatMap((statement) => wildcardsOf(statement).map((part) => `${id}: ${part} of ${JSON.stringify(statement)}`)),
  );

/** @param fragments By file: the keys that the file defines. The framework merges equal ones without a word. */
export const keysAreUnique = (fragments: Readonly<Record<string, readonly string[]>>): readonly string[] => {
  const owners = new Map<string, string[]>();
  for (const [file, keys] of Object.entries(fragments))
    for (const key of keys) owners.set(key, [...(owners.get(key) ?? []), file]);
  return [...owners]
    .filter(([, files]) => files.length > 1)
    .map(([key, files]) => `${key} is in ${files.join(' and ')}`);
};
