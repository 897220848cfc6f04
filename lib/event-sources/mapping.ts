import { compileRecordFilter, compileStreamFilter } from './filter.ts';
import {
  constraint,
  invalid,
  isObject,
  optionalInteger,
  optionalList,
  optionalObject,
  Refused,
  requiredText,
  wrongType,
} from './mapping-input.ts';
import type { ApiRefusal, Input } from './mapping-input.ts';
import { InvalidPatternError } from './pattern.ts';
import { parseQueueArn } from './sqs-event.ts';
import { parseStreamArn } from './stream-event.ts';
import { readStreamSettings, STREAM_ONLY, streamInput } from './stream-mapping.ts';
import type { StreamSettings } from './stream-mapping.ts';

export type { ApiRefusal } from './mapping-input.ts';

/** An event source mapping: which queue or stream feeds which function, and how. */
export interface EventSourceMapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly eventSourceArn: string;
  readonly enabled: boolean;
  /** 1..10 000; of a FIFO queue 1..10. */
  readonly batchSize: number;
  /** 0..300 s. */
  readonly maximumBatchingWindowS: number;
  /** 2..1 000 batches at once; absent: as many as scaling allows. */
  readonly maximumConcurrency?: number;
  readonly reportBatchItemFailures: boolean;
  /** The `Pattern` texts of FilterCriteria; empty: everything passes. */
  readonly filterPatterns: readonly string[];
  /** Of a stream, and only there. */
  readonly stream?: StreamSettings;
}

/** What the source and the function say that bears on a mapping; undefined when there is no such source or function. */
export interface MappingFacts {
  readonly uuid: string;
  /** Of a queue. */
  readonly queue?: { readonly visibilityTimeoutS: number } | undefined;
  /** Whether there is such a stream. */
  readonly streamExists?: boolean | undefined;
  readonly functionTimeoutS: number | undefined;
}

export type MappingOutcome =
  | { readonly ok: true; readonly mapping: EventSourceMapping }
  | { readonly ok: false; readonly refusal: ApiRefusal };

const MAX_BATCH_SIZE = 10_000;
/** What one receive can bring, and the most that a FIFO queue allows. */
const RECEIVE_SIZE = 10;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html */
const STREAM_BATCH_SIZE = 100;
const MAX_WINDOW_S = 300;
const MIN_CONCURRENCY = 2;
const MAX_CONCURRENCY = 1000;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html */
const MAX_FILTER_COUNT = 5;
const REPORT = 'ReportBatchItemFailures';

/** Parameters of brokers and databases, which feed no function here. */
const OF_BROKERS = [
  'Topics',
  'Queues',
  'SourceAccessConfigurations',
  'SelfManagedEventSource',
  'AmazonManagedKafkaEventSourceConfig',
  'SelfManagedKafkaEventSourceConfig',
  'DocumentDBEventSourceConfig',
  'ProvisionedPollerConfig',
];

/** `name`, `name:alias`, `account:function:name` or an ARN. */
const FUNCTION_NAME =
  /^(?:(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?(?:\d{12}:)?function:)?([A-Za-z0-9_-]{1,140})(?::(?:\$LATEST|[A-Za-z0-9_-]{1,128}))?$/u;

/** The name of a function from any form in which the Lambda API takes it; undefined when it is none. */
export const functionNameOf = (reference: string): string | undefined => FUNCTION_NAME.exec(reference)?.[1];

const readFunctionName = (input: Input, facts: MappingFacts): string => {
  const given = requiredText(input, 'FunctionName', 'functionName');
  const name = functionNameOf(given);
  if (name === undefined)
    throw constraint(given, 'functionName', 'Member must satisfy regular expression pattern of a function name or ARN');
  if (facts.functionTimeoutS === undefined)
    throw new Refused('ResourceNotFoundException', `Function not found: ${given}`);
  return name;
};

const refuseParameters = (input: Input, names: readonly string[]): void => {
  for (const name of names) {
    if ((input[name] ?? undefined) !== undefined)
      throw invalid(`Unsupported ${name} parameter for given event source mapping type.`);
  }
};

const checkQueue = (facts: MappingFacts): void => {
  if (facts.queue === undefined) {
    throw invalid(
      'Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.',
    );
  }
  const timeoutS = facts.functionTimeoutS ?? 0;
  if (facts.queue.visibilityTimeoutS < timeoutS) {
    throw invalid(
      `Queue visibility timeout: ${facts.queue.visibilityTimeoutS} seconds is less than Function timeout: ${timeoutS} seconds`,
    );
  }
};

const readBatching = (
  input: Input,
  fifo: boolean,
): Pick<EventSourceMapping, 'batchSize' | 'maximumBatchingWindowS'> => {
  const batchSize = optionalInteger(input, 'BatchSize', 'batchSize', 1, MAX_BATCH_SIZE) ?? RECEIVE_SIZE;
  const windowS =
    optionalInteger(input, 'MaximumBatchingWindowInSeconds', 'maximumBatchingWindowInSeconds', 0, MAX_WINDOW_S) ?? 0;
  if (fifo && windowS > 0) throw invalid('Batching window is not supported for FIFO queues');
  if (fifo && batchSize > RECEIVE_SIZE) throw invalid(`Maximum batch size for FIFO queues is ${RECEIVE_SIZE}`);
  if (batchSize > RECEIVE_SIZE && windowS < 1) {
    throw invalid('Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10');
  }
  return { batchSize, maximumBatchingWindowS: windowS };
};

const readFilters = (input: Input, compile: (patterns: readonly string[]) => unknown): readonly string[] => {
  const criteria = optionalObject(input, 'FilterCriteria');
  const filters = criteria === undefined ? [] : optionalList(criteria, 'Filters');
  if (filters.length > MAX_FILTER_COUNT) throw invalid(`The maximum number of filters is ${MAX_FILTER_COUNT}.`);
  const patterns = filters.map((filter) => {
    if (!isObject(filter)) throw wrongType('Filters', 'a list of objects');
    return requiredText(filter, 'Pattern', 'pattern');
  });
  try {
    compile(patterns);
  } catch (error) {
    if (error instanceof InvalidPatternError) throw invalid(`Invalid filter pattern definition. ${error.message}`);
    throw error;
  }
  return patterns;
};

const readReporting = (input: Input): boolean => {
  const types = optionalList(input, 'FunctionResponseTypes');
  for (const type of types) {
    if (type !== REPORT)
      throw constraint(type, 'functionResponseTypes', `Member must satisfy enum value set: [${REPORT}]`);
  }
  return types.length > 0;
};

/** What a mapping says of its source. */
type SourcePart = Pick<
  EventSourceMapping,
  'batchSize' | 'maximumBatchingWindowS' | 'maximumConcurrency' | 'filterPatterns' | 'stream'
>;

const readQueue = (input: Input, facts: MappingFacts, queueName: string): SourcePart => {
  refuseParameters(input, STREAM_ONLY);
  checkQueue(facts);
  const maximumConcurrency = optionalInteger(
    optionalObject(input, 'ScalingConfig') ?? {},
    'MaximumConcurrency',
    'scalingConfig.maximumConcurrency',
    MIN_CONCURRENCY,
    MAX_CONCURRENCY,
  );
  return {
    ...readBatching(input, queueName.endsWith('.fifo')),
    ...(maximumConcurrency === undefined ? {} : { maximumConcurrency }),
    filterPatterns: readFilters(input, compileRecordFilter),
  };
};

const readStream = (input: Input, facts: MappingFacts, arn: string): SourcePart => {
  const { MaximumConcurrency } = optionalObject(input, 'ScalingConfig') ?? {};
  refuseParameters({ ScalingConfig: MaximumConcurrency }, ['ScalingConfig']);
  if (facts.streamExists !== true) throw invalid(`Stream not found: ${arn}`);
  return {
    batchSize: optionalInteger(input, 'BatchSize', 'batchSize', 1, MAX_BATCH_SIZE) ?? STREAM_BATCH_SIZE,
    maximumBatchingWindowS:
      optionalInteger(input, 'MaximumBatchingWindowInSeconds', 'maximumBatchingWindowInSeconds', 0, MAX_WINDOW_S) ?? 0,
    filterPatterns: readFilters(input, compileStreamFilter),
    stream: readStreamSettings(input, arn),
  };
};

const readSource = (input: Input, facts: MappingFacts): SourcePart & { readonly eventSourceArn: string } => {
  const arn = requiredText(input, 'EventSourceArn', 'eventSourceArn');
  const queue = parseQueueArn(arn);
  if (queue !== undefined) return { eventSourceArn: arn, ...readQueue(input, facts, queue.queueName) };
  if (parseStreamArn(arn) !== undefined) return { eventSourceArn: arn, ...readStream(input, facts, arn) };
  throw invalid(`Unrecognized event source. Only SQS queues and DynamoDB streams feed functions here: ${arn}`);
};

const readMapping = (input: unknown, facts: MappingFacts): EventSourceMapping => {
  if (!isObject(input)) throw wrongType('body', 'an object');
  refuseParameters(input, OF_BROKERS);
  const functionName = readFunctionName(input, facts);
  const source = readSource(input, facts);
  const enabled = input.Enabled ?? true;
  if (typeof enabled !== 'boolean') throw wrongType('Enabled', 'true or false');
  return Object.freeze({
    uuid: facts.uuid,
    functionName,
    enabled,
    ...source,
    reportBatchItemFailures: readReporting(input),
  });
};

/**
 * Reads the input of CreateEventSourceMapping and refuses what Lambda refuses: what it names, its limits, a queue whose
 * visibility timeout is under the function's timeout, parameters of other sources, bad filters.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
export const parseMapping = (input: unknown, facts: MappingFacts): MappingOutcome => {
  try {
    return { ok: true, mapping: readMapping(input, facts) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
};

/** The mapping in the words of the Lambda API; {@link parseMapping} of it gives the same mapping. */
export const mappingInput = (mapping: EventSourceMapping): Readonly<Record<string, unknown>> => ({
  FunctionName: mapping.functionName,
  EventSourceArn: mapping.eventSourceArn,
  Enabled: mapping.enabled,
  BatchSize: mapping.batchSize,
  MaximumBatchingWindowInSeconds: mapping.maximumBatchingWindowS,
  ...(mapping.maximumConcurrency === undefined
    ? {}
    : { ScalingConfig: { MaximumConcurrency: mapping.maximumConcurrency } }),
  FunctionResponseTypes: mapping.reportBatchItemFailures ? [REPORT] : [],
  ...(mapping.filterPatterns.length === 0
    ? {}
    : { FilterCriteria: { Filters: mapping.filterPatterns.map((Pattern) => ({ Pattern })) } }),
  ...(mapping.stream === undefined ? {} : streamInput(mapping.stream)),
});
