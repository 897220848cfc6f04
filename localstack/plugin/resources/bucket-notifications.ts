import type { NotificationConfiguration } from '@aws-sdk/client-s3';
import type { Json } from '#primitives/table';
import { StackError } from '../errors.ts';
import { isList, isObject, type JsonObject } from '../template.ts';
import { asText, isTrue } from './type.ts';

/** What is notified, as the template and as the API call it. */
const KINDS = [
  { list: 'LambdaConfigurations', target: 'Function', api: 'LambdaFunctionConfigurations', arn: 'LambdaFunctionArn' },
  { list: 'QueueConfigurations', target: 'Queue', api: 'QueueConfigurations', arn: 'QueueArn' },
  { list: 'TopicConfigurations', target: 'Topic', api: 'TopicConfigurations', arn: 'TopicArn' },
] as const;
const KNOWN = [...KINDS.map(({ list }) => list), 'EventBridgeConfiguration'];

const filterOf = (filter: Json | undefined): JsonObject => {
  const key = isObject(filter) ? filter['S3Key'] : undefined;
  const rules = isObject(key) ? key['Rules'] : undefined;
  return isList(rules) ? { Filter: { Key: { FilterRules: rules } } } : {};
};

const configurationOf = (value: Json, target: string, arn: string, where: string): JsonObject => {
  if (!isObject(value)) throw new StackError(`${where}: expected an object, got ${JSON.stringify(value)}.`);
  const unknown = Object.keys(value).filter((name) => !['Event', 'Filter', target].includes(name));
  if (unknown.length > 0) throw new StackError(`${where}: '${unknown.join("', '")}' is not known here.`);
  const { Event = '', Filter } = value;
  return { [arn]: value[target] ?? '', Events: [asText(Event)], ...filterOf(Filter) };
};

/**
 * The notification configuration of a bucket in the words of the API.
 *
 * @throws {@link StackError} that names what is not known.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-notificationconfiguration.html
 */
export const notificationsOf = (given: Json, where: string): NotificationConfiguration => {
  if (!isObject(given)) throw new StackError(`${where}: expected an object, got ${JSON.stringify(given)}.`);
  const unknown = Object.keys(given).filter((name) => !KNOWN.includes(name));
  if (unknown.length > 0)
    throw new StackError(`${where}: '${unknown.join("', '")}' is not known here. Known: ${KNOWN.join(', ')}.`);
  const lists = KINDS.map(({ list, target, api, arn }): readonly [string, Json] => {
    const values = given[list];
    return [
      api,
      isList(values)
        ? values.map((value: Json, index: number) => configurationOf(value, target, arn, `${where}.${list}[${index}]`))
        : [],
    ];
  });
  const bus = given['EventBridgeConfiguration'];
  const isOnBus = isObject(bus) && (bus['EventBridgeEnabled'] === undefined || isTrue(bus['EventBridgeEnabled']));
  const configuration: JsonObject = {
    ...Object.fromEntries(lists),
    ...(isOnBus ? { EventBridgeConfiguration: {} } : {}),
  };
  return configuration;
};
