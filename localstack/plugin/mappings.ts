import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { asText, isTrue, sameJson } from './resources/type.ts';
import { STREAM_PROPERTIES, streamMapping, type StreamPart } from './stream-events.ts';
import { isList, isObject, type JsonObject, parseJson } from './template.ts';

/**
 * An event source mapping in the words of the Lambda API, every field given, so that two can be compared; those of a
 * stream are there for a stream only.
 */
export interface Mapping extends Partial<StreamPart> {
  readonly FunctionName: string;
  readonly EventSourceArn: string;
  readonly BatchSize: number;
  readonly MaximumBatchingWindowInSeconds: number;
  readonly Enabled: boolean;
  readonly FunctionResponseTypes: readonly string[];
  readonly FilterCriteria: { readonly Filters?: readonly { readonly Pattern: string }[] };
  readonly ScalingConfig: { readonly MaximumConcurrency?: number };
}

export interface ExistingMapping {
  readonly uuid: string;
  readonly mapping: Mapping;
}

export interface MappingChanges {
  readonly create: readonly Mapping[];
  readonly update: readonly ExistingMapping[];
  readonly remove: readonly ExistingMapping[];
}

/** The events that no queue feeds: the function host serves them by itself, or rules, schedules, topics
 * and buckets do. */
const SERVED_BY_HOST = ['http', 'schedule', 'eventBridge', 'sns', 's3'];
const COMMON_PROPERTIES = ['arn', 'batchSize', 'enabled', 'functionResponseType', 'filterPatterns'];
const SQS_PROPERTIES = [...COMMON_PROPERTIES, 'maximumBatchingWindow', 'maximumConcurrency'];

/** As the framework has it for queues and streams: ten records, no window. */
const DEFAULT_BATCH_SIZE = 10;

const numberOf = (value: Json | undefined, fallback: number): number =>
  value === undefined ? fallback : Number(value);

const eventOf = (value: Json, known: readonly string[], where: string): JsonObject => {
  const event = typeof value === 'string' ? { arn: value } : value;
  if (!isObject(event)) throw new StackError(`${where}: expected an ARN or an object, got ${JSON.stringify(value)}.`);
  const unknown = Object.keys(event).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StackError(`${where}: '${unknown.join("', '")}' is not known here. Known: ${known.join(', ')}.`);
  return event;
};

const mappingOf = (functionName: string, event: JsonObject, where: string): Mapping => {
  const { arn, filterPatterns, functionResponseType, maximumConcurrency } = event;
  if (typeof arn !== 'string') throw new StackError(`${where}.arn: expected an ARN, got ${JSON.stringify(arn)}.`);
  return {
    FunctionName: functionName,
    EventSourceArn: arn,
    BatchSize: numberOf(event['batchSize'], DEFAULT_BATCH_SIZE),
    MaximumBatchingWindowInSeconds: numberOf(event['maximumBatchingWindow'] ?? event['batchWindow'], 0),
    Enabled: event['enabled'] === undefined || isTrue(event['enabled']),
    FunctionResponseTypes: functionResponseType === undefined ? [] : [asText(functionResponseType)],
    FilterCriteria: isList(filterPatterns)
      ? { Filters: filterPatterns.map((pattern: Json) => ({ Pattern: JSON.stringify(pattern) })) }
      : {},
    ScalingConfig: maximumConcurrency === undefined ? {} : { MaximumConcurrency: Number(maximumConcurrency) },
  };
};

/**
 * The event source mappings that the events of a function ask for.
 *
 * @param events With their intrinsic functions carried out.
 * @throws {@link StackError} for an event that nothing here would deliver.
 */
export const mappingsOf = (functionName: string, events: readonly JsonObject[], where: string): readonly Mapping[] =>
  events.flatMap((event, index) =>
    Object.entries(event).flatMap(([kind, value]): readonly Mapping[] => {
      const at = `${where}.events[${index}].${kind}`;
      if (kind === 'sqs') return [mappingOf(functionName, eventOf(value, SQS_PROPERTIES, at), at)];
      if (kind === 'stream') {
        const stream = eventOf(value, [...COMMON_PROPERTIES, ...STREAM_PROPERTIES], at);
        return [{ ...mappingOf(functionName, stream, at), ...streamMapping(stream, at) }];
      }
      if (SERVED_BY_HOST.includes(kind)) return [];
      throw new StackError(
        `${at}: this event is not known here. Known: ${[...SERVED_BY_HOST, 'sqs', 'stream'].join(', ')}.`,
      );
    }),
  );

/** Where a stream is begun cannot be changed: a mapping that begins elsewhere is another one. */
const source = ({ FunctionName, EventSourceArn, StartingPosition = '' }: Mapping): string =>
  `${FunctionName} ${EventSourceArn} ${StartingPosition}`;
const asJson = (mapping: Mapping): Json => parseJson(JSON.stringify(mapping));

/** Where the template says nothing of the concurrency, what was set since stays, as with CloudFormation. */
const keepingLimit = (wanted: Mapping, before: Mapping): Mapping =>
  wanted.ScalingConfig.MaximumConcurrency === undefined ? { ...wanted, ScalingConfig: before.ScalingConfig } : wanted;

/** What is to be done so that exactly the wanted mappings are there. Equal ones are left alone. */
export const mappingChanges = (wanted: readonly Mapping[], existing: readonly ExistingMapping[]): MappingChanges => {
  const bySource = new Map(existing.map((each) => [source(each.mapping), each]));
  const wantedSources = new Set(wanted.map(source));
  return {
    create: wanted.filter((mapping) => !bySource.has(source(mapping))),
    update: wanted.flatMap((stated) => {
      const before = bySource.get(source(stated));
      const mapping = before === undefined ? stated : keepingLimit(stated, before.mapping);
      if (before === undefined || sameJson(asJson(before.mapping), asJson(mapping))) return [];
      return [{ uuid: before.uuid, mapping }];
    }),
    remove: existing.filter(({ mapping }) => !wantedSources.has(source(mapping))),
  };
};
