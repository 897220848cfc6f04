import { InvalidArgumentError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import { getAtt, type JsonObject, type Resource, type Resources } from './template.ts';

/** What a function may do besides reading its event sources: actions of IAM, by the id of the resource. */
export type Permissions = Readonly<Record<string, readonly string[]>>;

/** Some actions are on a resource, some on what is in it. */
interface Grant {
  readonly actions: readonly string[];
  readonly arn: (id: string, resource: Resource) => Json;
}

interface Kind {
  readonly service: string;
  readonly grants: readonly Grant[];
}

const ownArn = (id: string): Json => getAtt(id, 'Arn');

/** By name: a function that may invoke another, or itself, would be in a circle with its role otherwise. */
const functionArn = (id: string, { Properties = {} }: Resource): Json => {
  const { FunctionName: name } = Properties;
  if (typeof name !== 'string')
    throw new InvalidArgumentError(`Resources.${id}: expected a 'FunctionName', got ${JSON.stringify(name)}.`);
  return { 'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${name}` };
};

/** The template knows a mapping by its UUID. */
const mappingArn = (id: string): Json => ({
  'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:event-source-mapping:\${${id}}`,
});

/**
 * What the primitives call, and nothing else. A batch of SQS needs the action of its single form, a transaction of
 * DynamoDB the actions of its parts.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
const KINDS: Readonly<Record<string, Kind>> = {
  'AWS::DynamoDB::Table': {
    service: 'dynamodb',
    grants: [
      {
        actions: [
          'GetItem',
          'BatchGetItem',
          'Query',
          'PutItem',
          'UpdateItem',
          'DeleteItem',
          'ConditionCheckItem',
          'DescribeTable',
        ],
        arn: ownArn,
      },
    ],
  },
  'AWS::SQS::Queue': {
    service: 'sqs',
    grants: [
      {
        actions: ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'],
        arn: ownArn,
      },
    ],
  },
  'AWS::S3::Bucket': {
    service: 's3',
    grants: [
      { actions: ['ListBucket'], arn: ownArn },
      {
        actions: ['GetObject', 'PutObject', 'DeleteObject'],
        arn: (id) => ({ 'Fn::Sub': `\${${id}.Arn}/*` }),
      },
    ],
  },
  'AWS::Events::EventBus': { service: 'events', grants: [{ actions: ['PutEvents'], arn: ownArn }] },
  'AWS::SNS::Topic': { service: 'sns', grants: [{ actions: ['Publish'], arn: (id) => ({ Ref: id }) }] },
  'AWS::Lambda::EventSourceMapping': {
    service: 'lambda',
    grants: [{ actions: ['GetEventSourceMapping', 'UpdateEventSourceMapping'], arn: mappingArn }],
  },
  'AWS::Lambda::Function': { service: 'lambda', grants: [{ actions: ['InvokeFunction'], arn: functionArn }] },
};

/**
 * What Lambda does with the function's role to read an event source, and of which attribute that is the ARN.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
 */
const SOURCES: Readonly<Record<string, { readonly attribute: string; readonly actions: readonly string[] }>> = {
  'AWS::SQS::Queue': {
    attribute: 'Arn',
    actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
  },
  'AWS::DynamoDB::Table': {
    attribute: 'StreamArn',
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
  },
};

const allow = (Action: readonly string[], Resource: Json): JsonObject => ({ Effect: 'Allow', Action, Resource });

const grantsOf = (where: string, id: string, actions: readonly string[], resources: Resources) => {
  const resource = resources[id];
  const kind = resource === undefined ? undefined : KINDS[resource.Type];
  if (resource === undefined || kind === undefined)
    throw new InvalidArgumentError(
      `${where}: expected the id of a resource of type ${Object.keys(KINDS).join(', ')}, got '${id}'` +
        `${resource === undefined ? '' : ` (${resource.Type})`}.`,
    );
  const known = kind.grants.flatMap((grant) => grant.actions);
  const unknown = actions.filter((action) => !known.includes(action));
  if (unknown.length > 0 || actions.length === 0)
    throw new InvalidArgumentError(
      `${where}.${id}: expected some of ${known.join(', ')}, got '${unknown.join("', '")}'.`,
    );
  return kind.grants.flatMap((grant) => {
    const granted = grant.actions.filter((action) => actions.includes(action));
    return granted.length === 0
      ? []
      : [
          allow(
            granted.map((action) => `${kind.service}:${action}`),
            grant.arn(id, resource),
          ),
        ];
  });
};

/**
 * The statements that allow what `permissions` name: one for each resource, of a bucket up to two.
 *
 * @param where Names the function, for errors.
 * @throws {@link InvalidArgumentError} for a resource or an action that is not known here: it would be missed on AWS only.
 */
export const statementsOf = (where: string, permissions: Permissions, resources: Resources): readonly JsonObject[] =>
  Object.entries(permissions).flatMap(([id, actions]) => grantsOf(where, id, actions, resources));

/**
 * The statement that lets Lambda read an event source for the function.
 *
 * @throws {@link InvalidArgumentError} for a source that is neither a queue nor a table.
 */
export const readingStatement = (where: string, id: string, resources: Resources): JsonObject => {
  const type = resources[id]?.Type ?? 'nothing';
  const source = SOURCES[type];
  if (source === undefined)
    throw new InvalidArgumentError(
      `${where}: expected an event source of type ${Object.keys(SOURCES).join(', ')}, got '${id}' (${type}).`,
    );
  return allow(source.actions, getAtt(id, source.attribute));
};
