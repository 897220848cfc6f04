import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import type { S3BusEvent } from '#event-sources/s3-event';
import type { Backend } from './call.ts';
import { startFauxqs } from './fauxqs.ts';
import { lettersBy } from './letters.ts';
import { operationOf } from './operation.ts';
import { withS3Notifications } from './s3-notifications.ts';
import { snsApi } from './sns-api.ts';
import { snsFanOut } from './sns-fan-out.ts';
import { withSqsRules } from './sqs-rules.ts';

export interface MessagingOptions {
  /** Where callers reach the endpoint: the origin of queue URLs. */
  readonly url: () => string;
  readonly region: string;
  readonly accountId: string;
  /** Takes an event for a function over; false when it cannot. */
  readonly toFunction: (arn: string, payload: string) => boolean;
  readonly hasFunction: (arn: string) => boolean;
  readonly toBus: (event: S3BusEvent) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Queues, topics and buckets, and what goes from one to the other and to functions. */
export const startMessaging = async (
  options: MessagingOptions,
): Promise<{ readonly apply: Backend; readonly close: () => Promise<void> }> => {
  const fauxqs = await startFauxqs(options);
  const apply: Backend = (call) => {
    const operation = operationOf(call);
    if (operation.service === 'sqs') return withSqsRules(operation.name, call, fauxqs.apply);
    if (operation.service === 'sns') return sns(operation.name, call);
    return operation.service === 's3' ? s3(operation, call) : fauxqs.apply(call);
  };
  const letters = lettersBy(apply);
  const fanOut = snsFanOut({ ...options, letters });
  const sns = snsApi({ ...options, topics: fauxqs.topics, backend: fauxqs.apply, fanOut });
  const s3 = withS3Notifications({ ...options, backend: fauxqs.apply, letters });
  return { apply, close: fauxqs.close };
};
