/** A message to send. `body` is text, at most 1 MiB with its attributes (the limit of SQS since August 2025). */
export interface OutgoingMessage {
  readonly body: string;
  /** String attributes; at most 10. They travel with the message, also to the dead-letter queue. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Hidden for so long before its first delivery. 0..900_000 ms; not on FIFO queues. */
  readonly delayMs?: number;
  /** FIFO queues only, and required there: messages of one group are delivered in the order in which they were sent. */
  readonly groupId?: string;
  /** FIFO queues only: a second message with the same id within five minutes is accepted and dropped. */
  readonly deduplicationId?: string;
}

/** A delivery of a message. The same message may be delivered more than once. */
export interface ReceivedMessage {
  readonly id: string;
  /** Names this delivery; what deletes the message or changes its visibility. */
  readonly receipt: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** How often it was received, this time included: 1 at the first delivery. */
  readonly receiveCount: number;
  readonly sentAtMs: number;
  readonly groupId?: string;
}

/** What became of one entry of a batch: a batch may fail in part. */
export type EntryOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** False when the entry itself is at fault (too long, a stale receipt): repeating it is of no use. */
      readonly retryable: boolean;
    };

export interface QueueDepth {
  /** All three are approximate on AWS. */
  readonly visibleCount: number;
  readonly inFlightCount: number;
  readonly delayedCount: number;
}

/**
 * A queue with visibility timeouts. Delivery is at least once; standard queues keep no order, FIFO queues keep it for
 * each group. A message that was received is hidden until its visibility timeout ends and comes back unless it was
 * deleted.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
 */
export interface Queue {
  readonly name: string;

  /**
   * Sends any number of messages, ten to a call, and tells of each what became of it: outcomes come in the order of
   * the messages. A call that fails as a whole is reported on each of its entries; entries of other calls stand.
   *
   * @param signal Checked between calls; what was sent before stays sent, the rest is reported as not sent, retryable.
   */
  sendBatch(messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<readonly EntryOutcome[]>;

  /**
   * Receives up to `maxCount` (1..10) messages, waiting up to `waitMs` (0..20_000) for the first.
   * `visibilityMs` (0..43_200_000) overrides the queue's own timeout for these deliveries.
   * An abort ends the wait with an empty list.
   */
  receive(
    options: { readonly maxCount: number; readonly waitMs?: number; readonly visibilityMs?: number },
    signal?: AbortSignal,
  ): Promise<readonly ReceivedMessage[]>;

  /** Deletes any number of deliveries, ten to a call; outcomes come in the order of the receipts. */
  deleteBatch(receipts: readonly string[]): Promise<readonly EntryOutcome[]>;

  /**
   * Lets deliveries be received again after `visibilityMs` (0..43_200_000) from now, ten to a call; outcomes in order.
   * Since it was received a message is hidden for 43_200_000 ms in all: what would be more fails and changes nothing.
   */
  changeVisibilityBatch(
    entries: readonly { readonly receipt: string; readonly visibilityMs: number }[],
  ): Promise<readonly EntryOutcome[]>;

  depth(): Promise<QueueDepth>;
}
