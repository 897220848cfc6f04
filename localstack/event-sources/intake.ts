import type { BatchItem } from '#event-sources/batching';
import { compileRecordFilter } from '#event-sources/filter';
import type { EventSourceMapping } from '#event-sources/mapping';
import { recordBytes, sqsRecord } from '#event-sources/sqs-event';
import type { WireMessage } from '#event-sources/sqs-event';
import type { Clock } from '#primitives/clock';
import type { Receipts } from './receipts.ts';
import type { SqsQueueApi } from './sqs-api.ts';

/** What stays of a message on its way through batches. */
export interface Delivery {
  readonly receipt: string;
  /** The record of the event, as JSON. */
  readonly record: string;
}
export type Item = BatchItem<Delivery>;

export interface Intake {
  /** Receives once; rejects when the queue does not answer. What the mapping's filters drop is deleted by then. */
  receive(maxCount: number): Promise<{ readonly items: readonly Item[]; readonly receivedCount: number }>;
}

export interface IntakeOptions {
  readonly mapping: EventSourceMapping;
  readonly region: string;
  readonly queue: SqsQueueApi;
  readonly receipts: Receipts;
  readonly clock: Clock;
  readonly waitS: number;
}

/** The queue's visibility timeout may change: it is read again after so long. */
const ATTRIBUTES_AGE_MS = 30_000;
const MS_PER_S = 1000;

const itemOf = (message: WireMessage, record: string, receivedAtMs: number, visibilityMs: number): Item => {
  const { MessageGroupId: groupId, SequenceNumber: sequenceNumber } = message.Attributes ?? {};
  return {
    id: message.MessageId,
    sizeBytes: recordBytes(record),
    receivedAtMs,
    hiddenUntilMs: receivedAtMs + visibilityMs,
    ...(groupId === undefined ? {} : { groupId }),
    ...(sequenceNumber === undefined ? {} : { sequenceNumber }),
    content: { receipt: message.ReceiptHandle, record },
  };
};

/** Turns messages of a queue into what batches are made of. */
export const intakeOf = (options: IntakeOptions): Intake => {
  const { mapping, queue, clock } = options;
  const passes = compileRecordFilter(mapping.filterPatterns);
  const source = { arn: mapping.eventSourceArn, region: options.region };
  let visibility: { readonly ms: number; readonly readAtMs: number } | undefined;

  const visibilityMs = async (): Promise<number> => {
    const nowMs = clock.monotonicMs();
    if (visibility === undefined || nowMs - visibility.readAtMs > ATTRIBUTES_AGE_MS) {
      // Zero would hand the same message out for ever: a second is the least that Lambda allows.
      visibility = { ms: Math.max(1, await queue.visibilityTimeoutS()) * MS_PER_S, readAtMs: nowMs };
    }
    return visibility.ms;
  };

  return Object.freeze({
    receive: async (maxCount: number) => {
      const hiddenMs = await visibilityMs();
      const messages = await queue.receive({ maxCount, waitS: options.waitS });
      const nowMs = clock.monotonicMs();
      const items: Item[] = [];
      const unwanted: string[] = [];
      for (const message of messages) {
        const record = sqsRecord(message, source);
        if (passes(record)) items.push(itemOf(message, JSON.stringify(record), nowMs, hiddenMs));
        else unwanted.push(message.ReceiptHandle);
      }
      // Waited for, so that it can't pile up.
      await options.receipts.delete(unwanted);
      return { items, receivedCount: messages.length };
    },
  });
};
