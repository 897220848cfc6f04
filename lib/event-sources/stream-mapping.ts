import { constraint, invalid, optionalInteger, optionalObject, requiredText, wrongType } from './mapping-input.ts';
import type { Input } from './mapping-input.ts';

/** What an event source mapping says of a stream beyond what it says of any source. */
export interface StreamSettings {
  /** Where the mapping begins: at the oldest record that is kept, or at what comes after it was made. */
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** 1..10 batches at once of one shard. */
  readonly parallelizationFactor: number;
  readonly bisectBatchOnFunctionError: boolean;
  /** 0..10 000 tries after the first; -1: until the records are too old. */
  readonly maximumRetryAttempts: number;
  /** 60..604 800 s; -1: no limit. */
  readonly maximumRecordAgeS: number;
  /** The queue or topic that is told of discarded records. */
  readonly onFailureArn?: string;
}

/** Parameters that Lambda refuses for a queue. */
export const STREAM_ONLY = [
  'StartingPosition',
  'StartingPositionTimestamp',
  'ParallelizationFactor',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'TumblingWindowInSeconds',
  'DestinationConfig',
];

const MAX_PARALLELIZATION = 10;
const MAX_RETRY_ATTEMPTS = 10_000;
const MIN_AGE_S = 60;
const MAX_AGE_S = 604_800;
const NO_LIMIT = -1;
/** FIFO queues and topics can't be told: Lambda gives no group. */
const DESTINATION = /^arn:aws[a-z-]*:(?:sqs|sns):[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$/u;

const readStartingPosition = (input: Input, arn: string): StreamSettings['startingPosition'] => {
  const position = input.StartingPosition ?? null;
  if (position === 'TRIM_HORIZON' || position === 'LATEST') return position;
  if (position === null) {
    throw invalid(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    );
  }
  if (position === 'AT_TIMESTAMP') throw invalid(`Unsupported starting position for arn type: ${arn}`);
  throw constraint(
    position,
    'startingPosition',
    'Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]',
  );
};

const readAge = (input: Input): number => {
  const name = 'maximumRecordAgeInSeconds';
  const ageS = optionalInteger(input, 'MaximumRecordAgeInSeconds', name, NO_LIMIT, MAX_AGE_S) ?? NO_LIMIT;
  if (ageS !== NO_LIMIT && ageS < MIN_AGE_S) {
    throw invalid(`Expected 'MaximumRecordAgeInSeconds' to be ${NO_LIMIT} or at least ${MIN_AGE_S}, got ${ageS}.`);
  }
  return ageS;
};

const readDestination = (input: Input): string | undefined => {
  const config = optionalObject(input, 'DestinationConfig') ?? {};
  const { Destination: onSuccess } = optionalObject(config, 'OnSuccess') ?? {};
  if ((onSuccess ?? undefined) !== undefined) throw invalid('OnSuccess is not supported for event source mappings.');
  const onFailure = optionalObject(config, 'OnFailure') ?? {};
  if ((onFailure.Destination ?? undefined) === undefined) return undefined;
  const arn = requiredText(onFailure, 'Destination', 'destinationConfig.onFailure.destination');
  if (DESTINATION.test(arn)) return arn;
  throw invalid(
    `Expected 'OnFailure.Destination' to be the ARN of a standard SQS queue or SNS topic here, got ${arn}.`,
  );
};

/**
 * Reads what only streams have. Tumbling windows, which keep state between invocations, are refused by name.
 *
 * @throws Refused, of mapping-input.ts, with what Lambda answers.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
export const readStreamSettings = (input: Input, arn: string): StreamSettings => {
  if ((input.StartingPositionTimestamp ?? undefined) !== undefined)
    throw invalid('Unsupported StartingPositionTimestamp parameter for given event source mapping type.');
  if ((input.TumblingWindowInSeconds ?? 0) !== 0)
    throw invalid('TumblingWindowInSeconds is not supported here: no state is kept between invocations.');
  const bisect = input.BisectBatchOnFunctionError ?? false;
  if (typeof bisect !== 'boolean') throw wrongType('BisectBatchOnFunctionError', 'true or false');
  const onFailureArn = readDestination(input);
  return Object.freeze({
    startingPosition: readStartingPosition(input, arn),
    parallelizationFactor:
      optionalInteger(input, 'ParallelizationFactor', 'parallelizationFactor', 1, MAX_PARALLELIZATION) ?? 1,
    bisectBatchOnFunctionError: bisect,
    maximumRetryAttempts:
      optionalInteger(input, 'MaximumRetryAttempts', 'maximumRetryAttempts', NO_LIMIT, MAX_RETRY_ATTEMPTS) ?? NO_LIMIT,
    maximumRecordAgeS: readAge(input),
    ...(onFailureArn === undefined ? {} : { onFailureArn }),
  });
};

/** The settings in the words of the Lambda API; {@link readStreamSettings} of it gives the same settings. */
export const streamInput = (settings: StreamSettings): Readonly<Record<string, unknown>> => ({
  StartingPosition: settings.startingPosition,
  ParallelizationFactor: settings.parallelizationFactor,
  BisectBatchOnFunctionError: settings.bisectBatchOnFunctionError,
  MaximumRetryAttempts: settings.maximumRetryAttempts,
  MaximumRecordAgeInSeconds: settings.maximumRecordAgeS,
  TumblingWindowInSeconds: 0,
  DestinationConfig: settings.onFailureArn === undefined ? {} : { OnFailure: { Destination: settings.onFailureArn } },
});
