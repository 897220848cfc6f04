import { failed, inBatches, succeeded } from '../batches.ts';
import type { Bus, BusEvent } from '../bus.ts';
import { eventBytes, eventFault } from '../bus-limits.ts';
import { checkNames, checkText } from '../checks.ts';
import type { EntryOutcome } from '../queue.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

export interface AwsBusOptions {
  /** Name or ARN of the event bus. */
  readonly name: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}

/** Entry errors that may pass. @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html */
const RETRYABLE_CODES: readonly string[] = ['ThrottlingException', 'InternalFailure', 'InternalException'];

/** An event bus of EventBridge. */
export const awsBus = (options: AwsBusOptions): Bus => {
  checkNames(options, ['name', 'clients']);
  checkText('name', options.name, 1, 1600);
  const { name, clients = sharedClients() } = options;

  const send = async (events: readonly BusEvent[]): Promise<readonly EntryOutcome[]> => {
    try {
      const { client, sdk } = await clients.eventbridge();
      const { Entries = [] } = await client.send(
        new sdk.PutEventsCommand({
          Entries: events.map(({ source, type, detail, atMs }) => ({
            EventBusName: name,
            Source: source,
            DetailType: type,
            Detail: JSON.stringify(detail),
            ...(atMs === undefined ? {} : { Time: new Date(atMs) }),
          })),
        }),
      );
      return Entries.map(({ ErrorCode, ErrorMessage }) =>
        ErrorCode === undefined
          ? succeeded
          : failed(`${ErrorCode}: ${ErrorMessage ?? ''}`, RETRYABLE_CODES.includes(ErrorCode)),
      );
    } catch (error) {
      const { message, retryable } = portError(`PutEvents ${name}`, error, true);
      return events.map(() => failed(message, retryable));
    }
  };

  return Object.freeze<Bus>({
    name,
    publish: (events) => inBatches({ entries: events, fault: eventFault, bytes: eventBytes, send }),
  });
};
