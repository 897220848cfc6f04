import { BUCKET } from './buckets.ts';
import { EVENT_BUS } from './buses.ts';
import { EVENT_INVOKE_CONFIG, FUNCTION_URL } from './lambda-configs.ts';
import { QUEUE, QUEUE_POLICY } from './queues.ts';
import { RULE } from './rules.ts';
import { SCHEDULE } from './schedules.ts';
import { TABLE } from './tables.ts';
import { SUBSCRIPTION, TOPIC } from './topics.ts';
import type { ResourceType } from './type.ts';

/** The types that are made here. */
export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  'AWS::SQS::Queue': QUEUE,
  'AWS::SQS::QueuePolicy': QUEUE_POLICY,
  'AWS::DynamoDB::Table': TABLE,
  'AWS::S3::Bucket': BUCKET,
  'AWS::SNS::Topic': TOPIC,
  'AWS::SNS::Subscription': SUBSCRIPTION,
  'AWS::Events::EventBus': EVENT_BUS,
  'AWS::Lambda::EventInvokeConfig': EVENT_INVOKE_CONFIG,
  'AWS::Lambda::Url': FUNCTION_URL,
  'AWS::Events::Rule': RULE,
  'AWS::Scheduler::Schedule': SCHEDULE,
};

const PERMISSIONS = 'nothing checks permissions on one machine';
const API = 'the function host serves the HTTP events itself';

/** The types that say nothing on one machine, each with the reason. A name that ends in `::` stands for all below it. */
const TYPES_WITHOUT_MEANING: Readonly<Record<string, string>> = {
  'AWS::IAM::': PERMISSIONS,
  'AWS::Lambda::Permission': PERMISSIONS,
  'AWS::SNS::TopicPolicy': PERMISSIONS,
  'AWS::S3::BucketPolicy': PERMISSIONS,
  'AWS::ApiGateway::': API,
  'AWS::Lambda::LayerVersion': 'the functions load modules from the node_modules of this project',
  'AWS::Logs::': 'the functions write to the standard output',
  'AWS::CloudWatch::': 'nothing watches here',
};

export const isWithoutMeaning = (type: string): boolean =>
  Object.keys(TYPES_WITHOUT_MEANING).some((known) => (known.endsWith('::') ? type.startsWith(known) : type === known));

/** Every type that a template may have, for errors. */
export const knownTypes = (): string =>
  `${Object.keys(RESOURCE_TYPES).join(', ')}; without meaning here: ${Object.keys(TYPES_WITHOUT_MEANING)
    .map((type) => (type.endsWith('::') ? `${type}*` : type))
    .join(', ')}`;
