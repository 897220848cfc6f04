import { InvalidArgumentError } from '#primitives/errors';
import {
  getAtt,
  ofType,
  redriveTargets,
  sourcesByFunction,
  type JsonObject,
  type Resource,
  type Resources,
} from './template.ts';

const TOPIC = 'AlarmsTopic';
const PERIOD_S = 300;
/** A function that ends undeliverable messages has failed to when some are still there after so many periods. */
const CONSUMED_PERIODS = 3;
/** What SQS keeps messages for when the template says nothing. */
const DEFAULT_RETENTION_S = 345_600;
const DAY_S = 86_400;

type Entry = readonly [id: string, resource: Resource];

export interface AlarmOptions {
  /** Of the topic's name: `<service>-<stage>`. */
  readonly prefix: string;
  /** Is told of every alarm, once it has confirmed that it wants to be. Empty: nobody is. */
  readonly email: string;
}

const alarm = (properties: JsonObject): Resource => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
    EvaluationPeriods: 1,
    // A queue that nobody touches and a function that nobody calls give no data.
    TreatMissingData: 'notBreaching',
    AlarmActions: [{ Ref: TOPIC }],
    OKActions: [{ Ref: TOPIC }],
    ...properties,
  },
});

const nameIn = (id: string, properties: JsonObject, property: string): string => {
  const { [property]: name } = properties;
  if (typeof name !== 'string') throw new InvalidArgumentError(`Resources.${id}: expected '${property}' to be a text.`);
  return name;
};

/** A metric of SQS. Each is of the queue with the name, whether or not it is a FIFO queue. */
const ofQueue = (id: string, MetricName: string): JsonObject => ({
  Namespace: 'AWS/SQS',
  MetricName,
  Dimensions: [{ Name: 'QueueName', Value: getAtt(id, 'QueueName') }],
  Statistic: 'Maximum',
  Period: PERIOD_S,
});

/**
 * Of a queue where dead letters stay: that there are any, and that the oldest has used up half of the time that SQS
 * keeps it. Of one that a function empties: that it has not been emptied for a quarter of an hour. There the age says
 * nothing, since SQS leaves out what was received three times and not deleted.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
const queueAlarms = (id: string, properties: JsonObject, isConsumed: boolean): readonly Entry[] => {
  const name = nameIn(id, properties, 'QueueName');
  const periods = isConsumed ? CONSUMED_PERIODS : 1;
  const depth: Entry = [
    `${id}DepthAlarm`,
    alarm({
      AlarmName: `${name}-depth`,
      AlarmDescription: isConsumed
        ? `Nothing has emptied ${name} for ${(periods * PERIOD_S) / 60} minutes.`
        : `There are dead letters in ${name}.`,
      ...ofQueue(id, 'ApproximateNumberOfMessagesVisible'),
      EvaluationPeriods: periods,
    }),
  ];
  if (isConsumed) return [depth];
  const halfOfRetentionS = Math.floor(Number(properties['MessageRetentionPeriod'] ?? DEFAULT_RETENTION_S) / 2);
  const age: Entry = [
    `${id}AgeAlarm`,
    alarm({
      AlarmName: `${name}-age`,
      AlarmDescription: `SQS deletes the oldest dead letter of ${name} in ${Math.round(halfOfRetentionS / DAY_S)} days.`,
      ...ofQueue(id, 'ApproximateAgeOfOldestMessage'),
      Threshold: halfOfRetentionS,
    }),
  ];
  return [depth, age];
};

const metricOfFunction = (id: string, MetricName: string): JsonObject => ({
  Id: MetricName.toLowerCase(),
  ReturnData: false,
  MetricStat: {
    Metric: { Namespace: 'AWS/Lambda', MetricName, Dimensions: [{ Name: 'FunctionName', Value: { Ref: id } }] },
    Period: PERIOD_S,
    Stat: 'Sum',
  },
});

/** That invocations ended in an error or a timeout, or were refused for lack of concurrency: one alarm for both. */
const functionAlarm = (id: string, properties: JsonObject): Entry => {
  const name = nameIn(id, properties, 'FunctionName');
  const sum: JsonObject = { Id: 'failed', Expression: 'errors + throttles', Label: 'Errors and throttles' };
  return [
    `${id}FailedAlarm`,
    alarm({
      AlarmName: `${name}-failed`,
      AlarmDescription: `Invocations of ${name} failed, or were throttled.`,
      Metrics: [sum, metricOfFunction(id, 'Errors'), metricOfFunction(id, 'Throttles')],
    }),
  ];
};

const topic = ({ prefix, email }: AlarmOptions): readonly Entry[] => {
  const own: Entry = [TOPIC, { Type: 'AWS::SNS::Topic', Properties: { TopicName: `${prefix}-alarms` } }];
  if (email === '') return [own];
  const properties = { TopicArn: { Ref: TOPIC }, Protocol: 'email', Endpoint: email };
  return [own, ['AlarmsSubscription', { Type: 'AWS::SNS::Subscription', Properties: properties }]];
};

/**
 * Alarms for whatever the template has: every queue that undeliverable messages go to, every function. All go to one
 * topic; whoever wants them subscribes to it.
 */
export const alarmsOf = (resources: Resources, options: AlarmOptions): Resources => {
  const targets = redriveTargets(resources);
  const consumed = new Set([...sourcesByFunction(resources).values()].flatMap((sources) => [...sources]));
  return Object.fromEntries([
    ...topic(options),
    ...ofType(resources, 'AWS::SQS::Queue')
      .filter(([id]) => targets.has(id))
      .flatMap(([id, properties]) => queueAlarms(id, properties, consumed.has(id))),
    ...ofType(resources, 'AWS::Lambda::Function').map(([id, properties]) => functionAlarm(id, properties)),
  ]);
};
