import type { EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { asText, isTrue } from './resources/type.ts';
import { isObject, type JsonObject } from './template.ts';

/** What a mapping of a stream has beyond one of a queue, in the words of the Lambda API. */
export interface StreamPart {
  readonly StartingPosition: string;
  readonly ParallelizationFactor: number;
  readonly BisectBatchOnFunctionError: boolean;
  readonly MaximumRetryAttempts: number;
  readonly MaximumRecordAgeInSeconds: number;
  readonly DestinationConfig: { readonly OnFailure?: { readonly Destination: string } };
}

/** The properties of a `stream` event beyond those that an `sqs` event has too. */
export const STREAM_PROPERTIES = [
  'type',
  'startingPosition',
  'batchWindow',
  'parallelizationFactor',
  'bisectBatchOnFunctionError',
  'maximumRetryAttempts',
  'maximumRecordAgeInSeconds',
  'destinations',
];

const NO_LIMIT = -1;

const numberOf = (value: Json | undefined, fallback: number): number =>
  value === undefined ? fallback : Number(value);

/** The destination is an ARN, or an object with one. */
const destinationOf = (value: Json | undefined, where: string): string | undefined => {
  if (value === undefined) return undefined;
  const given = isObject(value) && Object.keys(value).join() === 'onFailure' ? value['onFailure'] : undefined;
  const arn = isObject(given) ? given['arn'] : given;
  if (typeof arn === 'string') return arn;
  throw new StackError(
    `${where}.destinations: expected 'onFailure' with the ARN of a queue or topic, got ${JSON.stringify(value)}.`,
  );
};

/**
 * What a `stream` event asks for beyond an `sqs` event; the defaults are those of the framework and of Lambda.
 *
 * @throws {@link StackError} for a stream of Kinesis, and for a destination that is none.
 * @see https://www.serverless.com/framework/docs/providers/aws/events/streams
 */
export const streamMapping = (event: JsonObject, where: string): StreamPart => {
  const arn = asText(event['arn'] ?? '');
  const type = event['type'] ?? arn.split(':')[2];
  if (type !== 'dynamodb')
    throw new StackError(`${where}: streams of '${asText(type ?? '')}' are not known here. Known: dynamodb.`);
  const onFailure = destinationOf(event['destinations'], where);
  return {
    StartingPosition: asText(event['startingPosition'] ?? 'TRIM_HORIZON'),
    ParallelizationFactor: numberOf(event['parallelizationFactor'], 1),
    BisectBatchOnFunctionError: isTrue(event['bisectBatchOnFunctionError']),
    MaximumRetryAttempts: numberOf(event['maximumRetryAttempts'], NO_LIMIT),
    MaximumRecordAgeInSeconds: numberOf(event['maximumRecordAgeInSeconds'], NO_LIMIT),
    DestinationConfig: onFailure === undefined ? {} : { OnFailure: { Destination: onFailure } },
  };
};

/** The same of a mapping that is there; nothing of one of a queue. */
export const existingStream = (configuration: EventSourceMappingConfiguration): Partial<StreamPart> => {
  const { StartingPosition, DestinationConfig } = configuration;
  if (StartingPosition === undefined) return {};
  const Destination = DestinationConfig?.OnFailure?.Destination;
  return {
    StartingPosition,
    ParallelizationFactor: configuration.ParallelizationFactor ?? 1,
    BisectBatchOnFunctionError: configuration.BisectBatchOnFunctionError ?? false,
    MaximumRetryAttempts: configuration.MaximumRetryAttempts ?? NO_LIMIT,
    MaximumRecordAgeInSeconds: configuration.MaximumRecordAgeInSeconds ?? NO_LIMIT,
    DestinationConfig: Destination === undefined ? {} : { OnFailure: { Destination } },
  };
};
