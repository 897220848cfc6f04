import type { ReceivedMessage } from '#primitives/queue';

/** What an invocation by an SQS event source carries, as far as it is read here. */
export interface SqsEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly eventSourceARN?: string;
    readonly attributes: {
      readonly ApproximateReceiveCount: string;
      readonly SentTimestamp: string;
      readonly MessageGroupId?: string;
    };
    readonly messageAttributes: Readonly<Record<string, { readonly dataType: string; readonly stringValue?: string }>>;
  }[];
}

/** Names the messages of a batch that have to come again; the event source deletes all the others. */
export interface PartialBatchAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** The deliveries of an SQS event as the queue port has them. Attributes that are not text are left out. */
export const messagesOf = (event: SqsEvent): readonly ReceivedMessage[] =>
  event.Records.map(({ messageId, receiptHandle, body, attributes, messageAttributes }) => {
    const texts: Record<string, string> = {};
    for (const name of Object.keys(messageAttributes)) {
      const text = messageAttributes[name]?.stringValue;
      if (text !== undefined) texts[name] = text;
    }
    const message = {
      id: messageId,
      receipt: receiptHandle,
      body,
      attributes: texts,
      receiveCount: Number(attributes.ApproximateReceiveCount),
      sentAtMs: Number(attributes.SentTimestamp),
    };
    const { MessageGroupId: groupId } = attributes;
    return groupId === undefined ? message : { ...message, groupId };
  });

/** The answer that makes the named messages, and only these, come again. */
export const failuresOf = (ids: Iterable<string>): PartialBatchAnswer => ({
  batchItemFailures: Array.from(ids, (itemIdentifier) => ({ itemIdentifier })),
});

/** Messages that depend on each other: one message, or those of one FIFO group in their order. */
const lanesOf = <M extends Pick<ReceivedMessage, 'groupId'>>(messages: readonly M[]): M[][] => {
  const lanes: M[][] = [];
  const groups = new Map<string, M[]>();
  for (const message of messages) {
    const { groupId } = message;
    const group = groupId === undefined ? undefined : groups.get(groupId);
    if (group !== undefined) {
      group.push(message);
      continue;
    }
    const lane = [message];
    lanes.push(lane);
    if (groupId !== undefined) groups.set(groupId, lane);
  }
  return lanes;
};

/** Runs all of them, at most `concurrency` at a time, in the order of the list. */
const inTurns = async <T>(
  items: readonly T[],
  run: (item: T) => Promise<unknown>,
  concurrency: number,
): Promise<void> => {
  // The usual batch of ten has a turn for each: one promise a message, and no more.
  if (items.length <= concurrency) return void (await Promise.all(items.map(run)));
  const left = items.values();
  const takeTurns = async (): Promise<void> => {
    for (const item of left) await run(item);
  };
  await Promise.all(Array.from({ length: concurrency }, takeTurns));
};

/**
 * Handles every message of a batch and names exactly those that failed, so that only these come again.
 *
 * A failure, thrown or rejected, ends nothing but its own message, or, with a FIFO group, the group's later messages of
 * this batch: they are reported unhandled, since handling them would break the group's order. Nothing is kept between
 * two batches. The answer comes when all that was begun has ended.
 *
 * @param handle May be synchronous.
 * @param options `concurrency`: how many messages (or groups) at a time, 1 and more, 10 unless told. `onFailure` sees
 *   every error; it must not throw.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export const partialBatch = async <M extends Pick<ReceivedMessage, 'id' | 'groupId'>>(
  messages: readonly M[],
  handle: (message: M) => unknown,
  options: { readonly concurrency?: number; readonly onFailure?: (message: M, error: unknown) => void } = {},
): Promise<PartialBatchAnswer> => {
  const { concurrency = 10, onFailure } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`Expected 'concurrency' to be an integer of 1 and more, got ${concurrency}.`);
  }
  const failed = new Set<string>();

  const isHandled = async (message: M): Promise<boolean> => {
    try {
      await handle(message);
      return true;
    } catch (error) {
      failed.add(message.id);
      onFailure?.(message, error);
      return false;
    }
  };
  const runLane = async (lane: readonly M[]): Promise<void> => {
    let goesOn = true;
    for (const message of lane) {
      if (goesOn) goesOn = await isHandled(message);
      else failed.add(message.id);
    }
  };
  const isGrouped = messages.some(({ groupId }) => groupId !== undefined);
  await (isGrouped ? inTurns(lanesOf(messages), runLane, concurrency) : inTurns(messages, isHandled, concurrency));
  return failuresOf(failed.size === 0 ? [] : messages.filter(({ id }) => failed.has(id)).map(({ id }) => id));
};
