import { compileRecordFilter } from './filter.ts';
import { InvalidPatternError } from './pattern.ts';
import { parseQueueArn } from './sqs-event.ts';

/** An event source mapping: which queue feeds which function, and how. */
export interface EventSourceMapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly eventSourceArn: string;
  readonly enabled: boolean;
  /** 1..10 000; FIFO 1..10. */
  readonly batchSize: number;
  /** 0..300 s. */
  readonly maximumBatchingWindowS: number;
  /** 2..1 000 batches at once; absent: as many as scaling allows. */
  readonly maximumConcurrency?: number;
  readonly reportBatchItemFailures: boolean;
  /** The `Pattern` texts of FilterCriteria; empty: everything passes. */
  readonly filterPatterns: readonly string[];
}

/** An error of the Lambda API: its type, and the message that a user reads. */
export interface ApiRefusal {
  readonly type:
    | 'InvalidParameterValueException'
    | 'ValidationException'
    | 'ResourceNotFoundException'
    | 'ResourceConflictException'
    | 'SerializationException';
  readonly message: string;
}

/** What the queue and the function say that bears on a mapping; undefined when there is no such queue or function. */
export interface MappingFacts {
  readonly uuid: string;
  readonly queue: { readonly visibilityTimeoutS: number } | undefined;
  readonly functionTimeoutS: number | undefined;
}

export type MappingOutcome =
  | { readonly ok: true; readonly mapping: EventSourceMapping }
  | { readonly ok: false; readonly refusal: ApiRefusal };

type Input = Readonly<Record<string, unknown>>;

/** Ends the reading of an input; never leaves this file. */
class Refused extends Error {
  readonly refusal: ApiRefusal;
  constructor(type: ApiRefusal['type'], message: string) {
    super(message);
    this.refusal = { type, message };
  }
}

const MAX_BATCH_SIZE = 10_000;
/** What one receive can bring, and the most that a FIFO queue allows. */
const RECEIVE_SIZE = 10;
const MAX_WINDOW_S = 300;
const MIN_CONCURRENCY = 2;
const MAX_CONCURRENCY = 1000;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html */
const MAX_FILTER_COUNT = 5;
const REPORT = 'ReportBatchItemFailures';

/** Parameters that belong to streams and brokers: Lambda refuses them for a queue. */
const OF_OTHER_SOURCES = [
  'StartingPosition',
  'StartingPositionTimestamp',
  'ParallelizationFactor',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'TumblingWindowInSeconds',
  'DestinationConfig',
  'Topics',
  'Queues',
  'SourceAccessConfigurations',
  'SelfManagedEventSource',
  'AmazonManagedKafkaEventSourceConfig',
  'SelfManagedKafkaEventSourceConfig',
  'DocumentDBEventSourceConfig',
];

const invalid = (message: string): Refused => new Refused('InvalidParameterValueException', message);

const constraint = (value: unknown, name: string, rule: string): Refused =>
  new Refused(
    'ValidationException',
    `1 validation error detected: Value '${JSON.stringify(value)}' at '${name}' failed to satisfy constraint: ${rule}`,
  );

const isObject = (value: unknown): value is Input =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wrongType = (name: string, expected: string): Refused =>
  new Refused('SerializationException', `Expected '${name}' to be ${expected}`);

const optionalInteger = (input: Input, key: string, name: string, min: number, max: number): number | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer');
  if (value < min) throw constraint(value, name, `Member must have value greater than or equal to ${min}`);
  if (value > max) throw constraint(value, name, `Member must have value less than or equal to ${max}`);
  return value;
};

const optionalObject = (input: Input, key: string): Input | undefined => {
  const value = input[key] ?? undefined;
  if (value !== undefined && !isObject(value)) throw wrongType(key, 'an object');
  return value;
};

const optionalList = (input: Input, key: string): readonly unknown[] => {
  const value = input[key] ?? [];
  if (!Array.isArray(value)) throw wrongType(key, 'a list');
  return value;
};

const requiredText = (input: Input, key: string, name: string): string => {
  const value = input[key] ?? undefined;
  if (value === undefined) throw constraint(null, name, 'Member must not be null');
  if (typeof value !== 'string') throw wrongType(key, 'a string');
  return value;
};

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

const readQueue = (input: Input, facts: MappingFacts): { readonly arn: string; readonly fifo: boolean } => {
  const arn = requiredText(input, 'EventSourceArn', 'eventSourceArn');
  const queue = parseQueueArn(arn);
  if (queue === undefined) throw invalid(`Unrecognized event source. Only SQS queues feed functions here: ${arn}`);
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
  return { arn, fifo: queue.queueName.endsWith('.fifo') };
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

const readFilters = (input: Input): readonly string[] => {
  const criteria = optionalObject(input, 'FilterCriteria');
  const filters = criteria === undefined ? [] : optionalList(criteria, 'Filters');
  if (filters.length > MAX_FILTER_COUNT) throw invalid(`The maximum number of filters is ${MAX_FILTER_COUNT}.`);
  const patterns = filters.map((filter) => {
    if (!isObject(filter)) throw wrongType('Filters', 'a list of objects');
    return requiredText(filter, 'Pattern', 'pattern');
  });
  try {
    compileRecordFilter(patterns);
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

const readMapping = (input: unknown, facts: MappingFacts): EventSourceMapping => {
  if (!isObject(input)) throw wrongType('body', 'an object');
  for (const key of OF_OTHER_SOURCES) {
    if ((input[key] ?? undefined) !== undefined) {
      throw invalid(`Unsupported ${key} parameter for given event source mapping type.`);
    }
  }
  const functionName = readFunctionName(input, facts);
  const { arn, fifo } = readQueue(input, facts);
  const enabled = input.Enabled ?? true;
  if (typeof enabled !== 'boolean') throw wrongType('Enabled', 'true or false');
  const maximumConcurrency = optionalInteger(
    optionalObject(input, 'ScalingConfig') ?? {},
    'MaximumConcurrency',
    'scalingConfig.maximumConcurrency',
    MIN_CONCURRENCY,
    MAX_CONCURRENCY,
  );
  return Object.freeze({
    uuid: facts.uuid,
    functionName,
    eventSourceArn: arn,
    enabled,
    ...readBatching(input, fifo),
    ...(maximumConcurrency === undefined ? {} : { maximumConcurrency }),
    reportBatchItemFailures: readReporting(input),
    filterPatterns: readFilters(input),
  });
};

/**
 * Reads the input of CreateEventSourceMapping for a queue and refuses what Lambda refuses: what it names, its limits,
 * a queue whose visibility timeout is under the function's timeout, parameters of other sources, bad filters.
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
});
