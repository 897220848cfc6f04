import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { AsyncEnd } from './async-invocations.ts';
import { jsonOf } from './call.ts';
import type { EventInvokeSettings } from './event-invoke-configs.ts';
import type { RegisteredFunction } from './function-registry.ts';
import type { Letters } from './letters.ts';

export interface DestinationsOptions {
  readonly settingsOf: (name: string) => EventInvokeSettings;
  readonly functionOf: (name: string) => RegisteredFunction | undefined;
  readonly arnOf: (functionName: string) => string;
  readonly letters: Letters;
  /** Takes an event for a function over; false when it cannot. */
  readonly toFunction: (arn: string, payload: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of an error's message in a dead letter. */
const MAX_ERROR_CHARACTERS = 1_024;

/** What the function answered, as far as it was started and its end is known. */
const responseOf = ({ outcome }: AsyncEnd): Readonly<Record<string, unknown>> => {
  if (outcome.status !== 'answered' && outcome.status !== 'failed') return {};
  const error = outcome.status === 'failed' ? { functionError: 'Unhandled' } : {};
  return {
    responseContext: { statusCode: 200, executedVersion: '$LATEST', ...error },
    responsePayload: jsonOf(outcome.payload),
  };
};

/**
 * The record of an invocation that a destination gets.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
const invocationRecord = (end: AsyncEnd, functionArn: string, atMs: number): Readonly<Record<string, unknown>> => ({
  version: '1.0',
  timestamp: new Date(atMs).toISOString(),
  requestContext: {
    requestId: end.requestId,
    functionArn: `${functionArn}:$LATEST`,
    condition: end.condition,
    approximateInvokeCount: end.invokeCount,
  },
  requestPayload: jsonOf(end.payload),
  ...responseOf(end),
});

const errorOf = ({ outcome, condition }: AsyncEnd): { readonly code: string; readonly message: string } =>
  outcome.status === 'failed'
    ? { code: '200', message: outcome.message.slice(0, MAX_ERROR_CHARACTERS) }
    : { code: '429', message: condition };

/**
 * Sends what became of events where their functions want it: records to the destinations of success or failure, and
 * the event itself to the dead-letter queue or topic of a function. What a destination does not take is logged and gone.
 *
 * @returns Resolves when all is sent. Never rejects.
 */
export const asyncDestinations = (options: DestinationsOptions): ((end: AsyncEnd) => Promise<void>) => {
  const { letters, log, clock } = options;

  const send = async (arn: string, end: AsyncEnd): Promise<void> => {
    const functionArn = options.arnOf(end.name);
    const record = invocationRecord(end, functionArn, clock.nowMs());
    const body = JSON.stringify(record);
    const service = arn.split(':')[2];
    if (service === 'sqs') return letters.toQueue(arn, { body });
    if (service === 'sns') return letters.toTopic(arn, { body });
    if (service === 'lambda') {
      if (!options.toFunction(arn, body)) throw new Error('The function cannot be called.');
      return undefined;
    }
    return letters.toBus({
      Source: 'lambda',
      DetailType: `Lambda Function Invocation Result - ${end.condition === 'Success' ? 'Success' : 'Failure'}`,
      Resources: [`${functionArn}:$LATEST`, arn],
      Detail: body,
      EventBusName: arn,
    });
  };

  const bury = (arn: string, end: AsyncEnd): Promise<void> => {
    const { code, message } = errorOf(end);
    const letter = {
      body: end.payload,
      attributes: {
        RequestID: { DataType: 'String', StringValue: end.requestId },
        ErrorCode: { DataType: 'Number', StringValue: code },
        ErrorMessage: { DataType: 'String', StringValue: message || 'Unknown' },
      },
    };
    return arn.startsWith('arn:aws:sqs:') ? letters.toQueue(arn, letter) : letters.toTopic(arn, letter);
  };

  const logged = (arn: string, sending: Promise<void>): Promise<void> =>
    sending.catch((error: unknown) => log.error('a destination took nothing', { arn, error: String(error) }));

  return async (end) => {
    const { onSuccess, onFailure } = options.settingsOf(end.name);
    const destination = end.condition === 'Success' ? onSuccess : onFailure;
    if (destination !== undefined) await logged(destination, send(destination, end));
    const dead = end.condition === 'Success' ? undefined : options.functionOf(end.name)?.deadLetterTargetArn;
    if (dead !== undefined) await logged(dead, bury(dead, end));
  };
};
