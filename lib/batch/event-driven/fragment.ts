import { checkInteger, checkNames } from '#primitives/checks';
import {
  arnOf,
  commonResources,
  dealtWith,
  idsOf,
  type CommonIds,
  type FragmentOptions,
  type JsonFields,
} from './fragment-common.ts';
import { busType, SOURCE } from './outlets.ts';
import { stepOf, type Pipeline } from './pipeline.ts';

/** What a template needs for pipelines: CloudFormation, and for the function that runs the stages. */
export interface Fragment {
  readonly resources: Readonly<Record<string, JsonFields>>;
  readonly outputs: Readonly<Record<string, JsonFields>>;
  /** Event sources of the function, as the Serverless Framework writes them. */
  readonly events: readonly JsonFields[];
  /** Of the function: addresses of queues, the name of the bus. */
  readonly environment: Readonly<Record<string, JsonFields>>;
  /** What the function does: actions of IAM, by logical id. */
  readonly permissions: Readonly<Record<string, readonly string[]>>;
  readonly ids: CommonIds;
}

interface Place {
  readonly pipeline: Pipeline;
  readonly stage: string;
  readonly urgent: boolean;
}

const roleOf = ({ pipeline, stage, urgent }: Place): string => `${pipeline.name}-${stage}${urgent ? '-urgent' : ''}`;
const pascal = (kebab: string): string =>
  kebab.replaceAll(/(?:^|-)([a-z0-9])/g, (_, first: string) => first.toUpperCase());

/** The variable that holds the address of a stage's queue. */
export const queueVariable = (pipeline: string, stage: string, urgent: boolean): string =>
  `QUEUE_${pipeline}_${stage}${urgent ? '_URGENT' : ''}`.replaceAll('-', '_').toUpperCase();

const placesOf = (pipelines: readonly Pipeline[]): readonly Place[] =>
  pipelines.flatMap((pipeline) =>
    pipeline.order.flatMap((stage): readonly Place[] => {
      const step = stepOf(pipeline, stage);
      if (step === undefined) return [];
      const normal = { pipeline, stage, urgent: false };
      return step.urgent === undefined ? [normal] : [{ ...normal, urgent: true }, normal];
    }),
  );

const check = (options: FragmentOptions): void => {
  checkNames(options, [
    'pipelines',
    'prefix',
    'idPrefix',
    'visibilityTimeout',
    'maxReceiveCount',
    'maximumConcurrency',
  ]);
  checkInteger('maximumConcurrency', options.maximumConcurrency, 2, 500);
};

/** Resources of the stages' queues, and of the rules that bring to some of them what is published. */
const stageResources = (options: FragmentOptions, ids: CommonIds, idOf: (place: Place) => string) => {
  const { prefix, visibilityTimeout, maxReceiveCount } = options;
  const queue = (place: Place): JsonFields => ({
    Type: 'AWS::SQS::Queue',
    Properties: {
      QueueName: `${prefix}-${roleOf(place)}`,
      VisibilityTimeout: visibilityTimeout,
      MessageRetentionPeriod: 1_209_600,
      RedrivePolicy: { deadLetterTargetArn: arnOf(ids.undeliverable), maxReceiveCount },
    },
  });
  const rule = (place: Place): JsonFields => ({
    Type: 'AWS::Events::Rule',
    Properties: {
      EventBusName: { Ref: ids.bus },
      EventPattern: { source: [SOURCE], 'detail-type': [busType(place.pipeline.name, place.stage)] },
      Targets: [
        {
          Id: 'stage',
          Arn: arnOf(`${idOf(place)}Queue`),
          InputPath: '$.detail',
          DeadLetterConfig: { Arn: arnOf(ids.undeliverable) },
        },
      ],
    },
  });
  return { queue, rule };
};

/**
 * The queues, event source mappings, bus and rules of pipelines, so that what is deployed is what the pipelines say: a
 * queue for each stage but mergers (two where some events are urgent), from which the one function is fed; for a stage
 * that is fed by the bus a rule that brings its events to its queue; and what all share. The table is not part of it.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const fragmentOf = (options: FragmentOptions): Fragment => {
  check(options);
  const { idPrefix, maximumConcurrency } = options;
  const ids = idsOf(idPrefix);
  const places = placesOf(options.pipelines);
  const idOf = (place: Place): string => `${idPrefix}${pascal(roleOf(place))}`;
  const queueId = (place: Place): string => `${idOf(place)}Queue`;
  const byBus = places.filter(({ pipeline, stage }) => stepOf(pipeline, stage)?.via === 'bus');
  const { queue, rule } = stageResources(options, ids, idOf);
  const queueIds = [...places.map(queueId), ids.lists, ids.merges, ids.undeliverable, ids.deadLetters];

  return {
    ids,
    resources: {
      ...Object.fromEntries(places.map((place) => [queueId(place), queue(place)])),
      ...Object.fromEntries(byBus.map((place) => [`${idOf(place)}Rule`, rule(place)])),
      ...commonResources(
        options,
        ids,
        byBus.map((place) => ({ queueId: queueId(place), ruleId: `${idOf(place)}Rule` })),
      ),
    },
    outputs: {
      ...Object.fromEntries(queueIds.map((id) => [`${id}Url`, { Value: { Ref: id } }])),
      ...Object.fromEntries(queueIds.map((id) => [`${id}Arn`, { Value: arnOf(id) }])),
      [`${ids.bus}Name`]: { Value: { Ref: ids.bus } },
    },
    events: [
      ...places.map((place) => dealtWith(queueId(place), place.urgent ? 2 * maximumConcurrency : maximumConcurrency)),
      dealtWith(ids.lists, maximumConcurrency, 1),
      dealtWith(ids.merges, maximumConcurrency),
      dealtWith(ids.undeliverable, maximumConcurrency),
    ],
    environment: {
      ...Object.fromEntries(
        places.map((place) => [queueVariable(place.pipeline.name, place.stage, place.urgent), { Ref: queueId(place) }]),
      ),
      LISTS_QUEUE_URL: { Ref: ids.lists },
      MERGES_QUEUE_URL: { Ref: ids.merges },
      DEAD_LETTERS_QUEUE_URL: { Ref: ids.deadLetters },
      BUS_NAME: { Ref: ids.bus },
    },
    permissions: {
      ...Object.fromEntries(
        places.map((place) => [
          queueId(place),
          byBus.includes(place) ? ['ChangeMessageVisibility'] : ['SendMessage', 'ChangeMessageVisibility'],
        ]),
      ),
      [ids.lists]: ['ChangeMessageVisibility'],
      [ids.merges]: ['SendMessage', 'ChangeMessageVisibility'],
      [ids.deadLetters]: ['SendMessage'],
      [ids.bus]: ['PutEvents'],
    },
  };
};
