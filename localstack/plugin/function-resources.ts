import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { asText } from './resources/type.ts';
import type { FunctionDefinition, Framework, Service } from './service.ts';
import { isList, isObject, type JsonObject, type Resource, type Template } from './template.ts';

/** A function, and what the template may call it. */
interface Known {
  readonly key: string;
  readonly logicalId: string;
  readonly definition: FunctionDefinition;
}

type Resources = Readonly<Record<string, Resource>>;

const resource = (type: string, properties: JsonObject): Resource => ({ type, properties, dependsOn: [] });
const arnOf = ({ logicalId }: Known): Json => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });
const idOf = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '');
const given = (name: string, value: Json | undefined): JsonObject => (value === undefined ? {} : { [name]: value });

const checkKeys = (value: JsonObject, known: readonly string[], where: string): void => {
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StackError(`${where}: '${unknown.join("', '")}' is not known here. Known: ${known.join(', ')}.`);
};

const redriveOf = (policy: Json | undefined, where: string): JsonObject => {
  if (policy === undefined) return {};
  if (!isObject(policy)) throw new StackError(`${where}: expected an object, got ${JSON.stringify(policy)}.`);
  checkKeys(policy, ['deadLetterTargetArn', 'deadLetterTargetRef'], where);
  const { deadLetterTargetArn: arn, deadLetterTargetRef: id } = policy;
  return { RedrivePolicy: { deadLetterTargetArn: arn ?? { 'Fn::GetAtt': [asText(id ?? ''), 'Arn'] } } };
};

const SNS_KEYS = ['arn', 'topicName', 'displayName', 'filterPolicy', 'filterPolicyScope', 'redrivePolicy'];

/** A subscription to a topic that is there (`arn`), or to one that is made (`topicName`). */
const topicResources = (known: Known, value: Json, index: number, where: string): Resources => {
  const text = typeof value === 'string' ? value : undefined;
  const named = text?.startsWith('arn:') === true ? { arn: text } : { topicName: text ?? '' };
  const event: Json = text === undefined ? value : named;
  if (!isObject(event)) throw new StackError(`${where}: expected a topic, got ${JSON.stringify(value)}.`);
  checkKeys(event, SNS_KEYS, where);
  const { arn, topicName, displayName, filterPolicy, filterPolicyScope, redrivePolicy } = event;
  if (arn === undefined && typeof topicName !== 'string')
    throw new StackError(`${where}: expected 'arn' or 'topicName', got neither.`);
  const topicId = `SNSTopic${idOf(asText(topicName ?? ''))}`;
  const subscription = resource('AWS::SNS::Subscription', {
    TopicArn: arn ?? { Ref: topicId },
    Protocol: 'lambda',
    Endpoint: arnOf(known),
    ...given('FilterPolicyScope', filterPolicyScope),
    ...given('FilterPolicy', filterPolicy),
    ...redriveOf(redrivePolicy, `${where}.redrivePolicy`),
  });
  const topic = resource('AWS::SNS::Topic', { TopicName: topicName ?? '', ...given('DisplayName', displayName) });
  return {
    ...(arn === undefined ? { [topicId]: topic } : {}),
    [`${known.logicalId}SnsSubscription${index}`]: subscription,
  };
};

interface BucketEvent {
  readonly bucket: Json;
  readonly configuration: JsonObject;
}

const bucketEvent = (known: Known, value: Json, where: string): BucketEvent => {
  const event: Json = typeof value === 'string' ? { bucket: value } : value;
  if (!isObject(event)) throw new StackError(`${where}: expected a bucket, got ${JSON.stringify(value)}.`);
  checkKeys(event, ['bucket', 'event', 'rules', 'existing', 'forceDeploy'], where);
  const { bucket, rules = [] } = event;
  if (bucket === undefined) throw new StackError(`${where}: expected a 'bucket', got none.`);
  const filters = (isList(rules) ? rules : []).flatMap((rule: Json) =>
    isObject(rule) ? Object.entries(rule).map(([Name, Value]) => ({ Name, Value })) : [],
  );
  const configuration: JsonObject = {
    Event: event['event'] ?? 's3:ObjectCreated:*',
    Function: arnOf(known),
    ...(filters.length === 0 ? {} : { Filter: { S3Key: { Rules: filters } } }),
  };
  return { bucket, configuration };
};

const notifies = ({ type, properties }: Resource, bucket: Json): boolean =>
  type === 'AWS::S3::Bucket' &&
  JSON.stringify(properties['BucketName']) === JSON.stringify(bucket) &&
  properties['NotificationConfiguration'] !== undefined;

/** One resource for each bucket: all that it tells functions is one configuration. */
const bucketResources = (events: readonly BucketEvent[], template: Template): Resources => {
  const byBucket = Map.groupBy(events, ({ bucket }) => JSON.stringify(bucket));
  const named = [...byBucket.values()].map((group, index): readonly [string, Resource] => {
    const bucket = group[0]?.bucket ?? '';
    if (Object.values(template.resources).some((each) => notifies(each, bucket)))
      throw new StackError(
        `The bucket ${JSON.stringify(bucket)} has notifications in the template and in events: say all in one.`,
      );
    const configurations = group.map(({ configuration }) => configuration);
    const properties = { BucketName: bucket, NotificationConfiguration: { LambdaConfigurations: configurations } };
    return [`FunctionEventsBucket${index}`, resource('AWS::S3::Bucket', properties)];
  });
  return Object.fromEntries(named);
};

/** An ARN, a function of the service by its key, or `{type, arn}`. */
const destinationOf = (value: Json, all: readonly Known[]): JsonObject => {
  if (isObject(value)) return { Destination: value['arn'] ?? value };
  const other = all.find(({ key, definition }) => key === value || definition.name === value);
  return { Destination: other === undefined ? value : arnOf(other) };
};

const eventInvokeResources = (known: Known, all: readonly Known[]): Resources => {
  const { maximumRetryAttempts: retries, maximumEventAge: age, destinations } = known.definition;
  if (retries === undefined && age === undefined && destinations === undefined) return {};
  const where = `functions.${known.key}.destinations`;
  if (destinations !== undefined && !isObject(destinations))
    throw new StackError(`${where}: expected onSuccess and onFailure, got ${JSON.stringify(destinations)}.`);
  checkKeys(destinations ?? {}, ['onSuccess', 'onFailure'], where);
  const { onSuccess, onFailure } = destinations ?? {};
  const config = {
    ...(onSuccess === undefined ? {} : { OnSuccess: destinationOf(onSuccess, all) }),
    ...(onFailure === undefined ? {} : { OnFailure: destinationOf(onFailure, all) }),
  };
  return {
    [`${known.logicalId}EvConf`]: resource('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: known.logicalId },
      Qualifier: '$LATEST',
      ...given('MaximumRetryAttempts', retries),
      ...given('MaximumEventAgeInSeconds', age),
      ...(destinations === undefined ? {} : { DestinationConfig: config }),
    }),
  };
};

const urlResources = (known: Known): Resources => {
  const { url } = known.definition;
  if (url === undefined || url === false) return {};
  const settings = isObject(url) ? url : {};
  checkKeys(settings, ['authorizer', 'cors', 'invokeMode'], `functions.${known.key}.url`);
  const { authorizer, cors, invokeMode } = settings;
  return {
    [`${known.logicalId}Url`]: resource('AWS::Lambda::Url', {
      TargetFunctionArn: arnOf(known),
      AuthType: authorizer === 'aws_iam' ? 'AWS_IAM' : 'NONE',
      ...given('InvokeMode', invokeMode),
      ...(cors === undefined || cors === false ? {} : { Cors: cors }),
    }),
  };
};

const eventsOf = (known: Known, kind: string): readonly { readonly value: Json; readonly where: string }[] =>
  known.definition.events.flatMap((event, index) => {
    const value = event[kind];
    return value === undefined ? [] : [{ value, where: `functions.${known.key}.events[${index}].${kind}` }];
  });

const knownOf = (service: Service, framework: Framework): readonly Known[] => {
  const { naming } = framework.getProvider('aws');
  return Object.entries(service.functions).map(([key, definition]) => ({
    key,
    logicalId: naming.getLambdaLogicalId(key),
    definition,
  }));
};

/**
 * The template with what the functions ask for beside it, as the framework would write it for CloudFormation: topics and
 * subscriptions of `sns` events, notifications of `s3` events, `destinations`, retries and the `url` of functions.
 *
 * @throws {@link StackError} that names the function and what is not known.
 */
export const withFunctionResources = (template: Template, framework: Framework): Template => {
  const all = knownOf(framework.service, framework);
  const own = all.flatMap((known) => [
    ...eventsOf(known, 'sns').map(({ value, where }, index) => topicResources(known, value, index, where)),
    eventInvokeResources(known, all),
    urlResources(known),
  ]);
  const buckets = all.flatMap((known) =>
    eventsOf(known, 's3').map(({ value, where }) => bucketEvent(known, value, where)),
  );
  const made = [...own, bucketResources(buckets, template)];
  return { ...template, resources: Object.assign({ ...template.resources }, ...made) as Resources };
};
