import { failed, succeeded } from '../batches.ts';
import type { EntryOutcome, OutgoingMessage, QueueDepth, ReceivedMessage } from '../queue.ts';
import { MAX_VISIBILITY_MS } from '../queue-limits.ts';
import { isInFlight, messageLanes, type StoredMessage } from './lanes.ts';

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html */
const DEDUPLICATION_MS = 300_000;

/** The state of a queue, changed at instants that the caller names (milliseconds of the monotonic clock). */
export interface MessageStore {
  send(message: OutgoingMessage, at: { readonly nowMs: number; readonly sentAtMs: number }): EntryOutcome;
  /** Takes over a message as it stands, as if it had never been received. */
  accept(message: StoredMessage, nowMs: number): void;
  /** Delivers up to `maxCount` messages and hides them until `visibleAtMs`. */
  receive(maxCount: number, nowMs: number, visibleAtMs: number): readonly ReceivedMessage[];
  delete(receipt: string, nowMs: number): EntryOutcome;
  changeVisibility(receipt: string, nowMs: number, visibleAtMs: number): EntryOutcome;
  depth(nowMs: number): QueueDepth;
  /** The next instant at which a hidden message comes back; Infinity when none is hidden. */
  nextVisibleAtMs(nowMs: number): number;
}

const receivedFrom = (message: StoredMessage): ReceivedMessage => {
  const { id, body, attributes, receiveCount, sentAtMs, groupId } = message;
  const received = { id, receipt: `${id}#${receiveCount}`, body, attributes, receiveCount, sentAtMs };
  return Object.freeze(groupId === undefined ? received : { ...received, groupId });
};

/** Says of each id whether it was seen in the last five minutes, and remembers it. */
const deduplication = () => {
  const seenUntilMs = new Map<string, number>();
  return (id: string, nowMs: number): boolean => {
    for (const [other, untilMs] of seenUntilMs) {
      if (untilMs > nowMs) break;
      seenUntilMs.delete(other);
    }
    const isDuplicate = seenUntilMs.has(id);
    if (!isDuplicate) seenUntilMs.set(id, nowMs + DEDUPLICATION_MS);
    return isDuplicate;
  };
};

/**
 * @param options.redrive Takes a message that was received `maxReceiveCount` times and would be received again.
 * @param options.order The order in which lanes are looked at; default: the order of sending.
 */
export const messageStore = (options: {
  readonly name: string;
  readonly isFifo: boolean;
  readonly delayMs: number;
  readonly contentBasedDeduplication: boolean;
  readonly redrive?: { readonly maxReceiveCount: number; take(message: StoredMessage): void };
  readonly order?: (lanes: readonly string[]) => readonly string[];
}): MessageStore => {
  const { name, isFifo, delayMs, contentBasedDeduplication, redrive, order } = options;
  const lanes = messageLanes(isFifo);
  const isDuplicate = deduplication();
  let sentCount = 0;

  const send: MessageStore['send'] = (message, { nowMs, sentAtMs }) => {
    const { body, attributes = {}, groupId } = message;
    if (isFifo) {
      const deduplicationId = message.deduplicationId ?? (contentBasedDeduplication ? body : undefined);
      if (deduplicationId === undefined) return failed('no deduplicationId on a FIFO queue', false);
      if (isDuplicate(deduplicationId, nowMs)) return succeeded;
    }
    sentCount += 1;
    lanes.add({
      id: `${name}-${sentCount}`,
      body,
      attributes: Object.freeze({ ...attributes }),
      sentAtMs,
      ...(groupId === undefined ? {} : { groupId }),
      receiveCount: 0,
      receivedAtMs: 0,
      visibleAtMs: nowMs + (message.delayMs ?? delayMs),
    });
    return succeeded;
  };

  const receive: MessageStore['receive'] = (maxCount, nowMs, visibleAtMs) => {
    const taken: ReceivedMessage[] = [];
    for (const message of lanes.deliverable(nowMs, order)) {
      if (redrive !== undefined && message.receiveCount >= redrive.maxReceiveCount) {
        lanes.remove(message);
        redrive.take(message);
        continue;
      }
      message.receiveCount += 1;
      message.receivedAtMs = nowMs;
      message.visibleAtMs = visibleAtMs;
      taken.push(receivedFrom(message));
      if (taken.length === maxCount) break;
    }
    return Object.freeze(taken);
  };

  /** What a receipt names: the message, when this is its latest delivery and it is still there. */
  const delivered = (receipt: string): StoredMessage | 'unknown' | 'stale' | 'gone' => {
    const [, id, count] = /^(.+-[1-9]\d*)#([1-9]\d*)$/.exec(receipt) ?? [];
    if (id === undefined) return 'unknown';
    const message = lanes.find(id);
    if (message === undefined) return 'gone';
    return message.receiveCount === Number(count) ? message : 'stale';
  };

  const remove: MessageStore['delete'] = (receipt, nowMs) => {
    const found = delivered(receipt);
    if (found === 'unknown') return failed('ReceiptHandleIsInvalid', false);
    if (found === 'gone') return succeeded;
    if (isFifo && (found === 'stale' || !isInFlight(found, nowMs))) {
      return failed('InvalidParameterValue: the receipt handle has expired', false);
    }
    if (found !== 'stale') lanes.remove(found);
    return succeeded;
  };

  return {
    send,
    accept: (message, nowMs) => lanes.add({ ...message, receiveCount: 0, receivedAtMs: 0, visibleAtMs: nowMs }),
    receive,
    delete: remove,
    changeVisibility: (receipt, nowMs, visibleAtMs) => {
      const found = delivered(receipt);
      if (found === 'unknown') return failed('ReceiptHandleIsInvalid', false);
      if (typeof found === 'string' || !isInFlight(found, nowMs)) return failed('MessageNotInflight', false);
      if (visibleAtMs - found.receivedAtMs > MAX_VISIBILITY_MS) {
        return failed(
          `InvalidParameterValue: hidden for more than ${MAX_VISIBILITY_MS} ms since it was received`,
          false,
        );
      }
      found.visibleAtMs = visibleAtMs;
      return succeeded;
    },
    depth: (nowMs) => {
      const all = [...lanes.all()];
      const hiddenCount = all.filter(({ visibleAtMs }) => visibleAtMs > nowMs).length;
      const inFlightCount = all.filter((message) => isInFlight(message, nowMs)).length;
      return Object.freeze({
        visibleCount: all.length - hiddenCount,
        inFlightCount,
        delayedCount: hiddenCount - inFlightCount,
      });
    },
    nextVisibleAtMs: (nowMs) => {
      let nextMs = Infinity;
      for (const { visibleAtMs } of lanes.all()) if (visibleAtMs > nowMs) nextMs = Math.min(nextMs, visibleAtMs);
      return nextMs;
    },
  };
};
