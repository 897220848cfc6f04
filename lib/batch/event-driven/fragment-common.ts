import type { Json } from '#primitives/table';
import type { Pipeline } from './pipeline.ts';

export type JsonFields = Readonly<Record<string, Json>>;

export interface FragmentOptions {
  readonly pipelines: readonly Pipeline[];
  /** What names begin with, e.g. `shop-prod-orders`: a stage's queue is `<prefix>-<pipeline>-<stage>`. */
  readonly prefix: string;
  /** What logical ids begin with, e.g. `Orders`. */
  readonly idPrefix: string;
  /** Seconds, or a reference to them: at least six times the function's timeout. */
  readonly visibilityTimeout: Json;
  readonly maxReceiveCount: Json;
  /** Batches of one queue at a time, 2..500; of an urgent one twice as many. */
  readonly maximumConcurrency: number;
}

/** Logical ids of what all pipelines share. */
export interface CommonIds {
  readonly lists: string;
  readonly merges: string;
  readonly givenUp: string;
  readonly undeliverable: string;
  readonly deadLetters: string;
  readonly bus: string;
}

/** What an event is called on the bus whose detail is a list of events for a pipeline. */
export const LIST_TYPE = 'event-driven.events';

const KEPT_S = 1_209_600;
/** What is given up here is counted nowhere: it gets as many tries as SQS allows. */
const MANY = 1_000;

export const idsOf = (idPrefix: string): CommonIds => ({
  lists: `${idPrefix}EventsQueue`,
  merges: `${idPrefix}MergesQueue`,
  givenUp: `${idPrefix}GivenUpQueue`,
  undeliverable: `${idPrefix}UndeliverableQueue`,
  deadLetters: `${idPrefix}DeadLettersQueue`,
  bus: `${idPrefix}Bus`,
});

export const arnOf = (id: string): Json => ({ 'Fn::GetAtt': [id, 'Arn'] });

/** An event source of the function. */
export const dealtWith = (queueId: string, maximumConcurrency: number, batchSize = 10): JsonFields => ({
  sqs: {
    arn: arnOf(queueId),
    batchSize,
    maximumConcurrency,
    functionResponseType: 'ReportBatchItemFailures',
  },
});

const FIFO = {
  FifoQueue: true,
  DeduplicationScope: 'messageGroup',
  FifoThroughputLimit: 'perMessageGroupId',
} as const;

const queuesOf = ({ prefix, visibilityTimeout }: FragmentOptions, ids: CommonIds) => {
  const queue = (name: string, deadLetterId: string | undefined, more: JsonFields = {}): JsonFields => ({
    Type: 'AWS::SQS::Queue',
    Properties: {
      QueueName: `${prefix}-${name}`,
      ...more,
      ...(deadLetterId === undefined ? {} : { VisibilityTimeout: visibilityTimeout }),
      MessageRetentionPeriod: KEPT_S,
      ...(deadLetterId === undefined
        ? {}
        : { RedrivePolicy: { deadLetterTargetArn: arnOf(deadLetterId), maxReceiveCount: MANY } }),
    },
  });
  return {
    // The bus gives no id to deduplicate by: there it is the content, elsewhere what the sender says.
    [ids.lists]: queue('events.fifo', ids.givenUp, { ...FIFO, ContentBasedDeduplication: true }),
    [ids.merges]: queue('merges.fifo', ids.givenUp, FIFO),
    [ids.givenUp]: queue('given-up.fifo', undefined, FIFO),
    [ids.undeliverable]: queue('undeliverable', ids.deadLetters),
    [ids.deadLetters]: queue('dead-letters', undefined),
  };
};

/** Lets rules send to queues. */
const policyOf = (routes: readonly { readonly queueId: string; readonly ruleId: string }[]): JsonFields => ({
  Type: 'AWS::SQS::QueuePolicy',
  Properties: {
    Queues: [...new Set(routes.map(({ queueId }) => queueId))].map((Ref) => ({ Ref })),
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: routes.map(({ queueId, ruleId }) => ({
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arnOf(queueId),
        Condition: { ArnEquals: { 'aws:SourceArn': arnOf(ruleId) } },
      })),
    },
  },
});

/** @param routes The rules of stages, and the queues that they send to. */
export const commonResources = (
  options: FragmentOptions,
  ids: CommonIds,
  routes: readonly { readonly queueId: string; readonly ruleId: string }[],
): Readonly<Record<string, JsonFields>> => {
  const listsRule = `${options.idPrefix}EventsRule`;
  return {
    ...queuesOf(options, ids),
    [ids.bus]: { Type: 'AWS::Events::EventBus', Properties: { Name: `${options.prefix}-bus` } },
    [listsRule]: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventBusName: { Ref: ids.bus },
        EventPattern: { 'detail-type': [LIST_TYPE] },
        Targets: [
          {
            Id: 'events',
            Arn: arnOf(ids.lists),
            InputPath: '$.detail',
            SqsParameters: { MessageGroupId: 'bus' },
            DeadLetterConfig: { Arn: arnOf(ids.undeliverable) },
          },
        ],
      },
    },
    [`${options.idPrefix}QueuePolicy`]: policyOf([
      ...routes,
      ...routes.map(({ ruleId }) => ({ queueId: ids.undeliverable, ruleId })),
      { queueId: ids.lists, ruleId: listsRule },
      { queueId: ids.undeliverable, ruleId: listsRule },
    ]),
  };
};
