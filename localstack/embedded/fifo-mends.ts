interface Message {
  readonly messageGroupId?: string;
  readonly sequenceNumber?: string;
}

interface Received {
  readonly ReceiptHandle: string;
}

/** A queue of fauxqs, as far as it is mended. */
interface FauxqsQueue {
  readonly inflightMessages: ReadonlyMap<string, { readonly message: Message }>;
  readonly fifoMessages: ReadonlyMap<string, Message[]>;
  /** By group: how many of its messages are in flight. */
  readonly fifoLockedGroups: Map<string, number>;
  isFifo(): boolean;
  dequeueFifo(maxCount: number, visibilityTimeoutS?: number, resolveDeadLetters?: unknown): Received[];
  processTimers(): void;
  changeVisibility(receipt: string, timeoutS: number): void;
  deleteMessage(receipt: string): boolean;
}

/** The most that one receive gives. */
const MAX_RECEIVED = 10;
/** Receipts that may still be asked for. The oldest go: nobody deletes a message that many later. */
const MAX_RECEIPTS = 120_000;

/** The FIFO receipts that were given out and not used up, with their queue. They are unique over all queues. */
const receipts = new Map<string, FauxqsQueue>();

const remember = (receipt: string, queue: FauxqsQueue): void => {
  receipts.set(receipt, queue);
  const [oldest] = receipts.keys();
  if (receipts.size > MAX_RECEIPTS && oldest !== undefined) receipts.delete(oldest);
};

/**
 * Whether a receipt of a FIFO queue was given out and its message has become visible again since: with it nothing can
 * be deleted any more.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
 */
export const isExpiredReceipt = (receipt: string): boolean => {
  const queue = receipts.get(receipt);
  if (queue === undefined) return false;
  queue.processTimers();
  return !queue.inflightMessages.has(receipt);
};

/** What comes back goes to the front of its group one by one, the first to come back the farthest from it. */
const inOrder = (queue: FauxqsQueue): void => {
  for (const group of queue.fifoMessages.values())
    group.sort(({ sequenceNumber: a = '' }, { sequenceNumber: b = '' }) => (a < b ? -1 : 1));
};

/**
 * Mends in place what FIFO queues of fauxqs do otherwise than SQS: a receive gave one message of a group, now it gives
 * as many as it may; a delete with an expired receipt was answered with success, now it can be told
 * ({@link isExpiredReceipt}).
 *
 * The modules are not part of its interface: the contract tests of queues tell when it changes.
 */
export const mendFifoQueues = async (): Promise<void> => {
  const module = new URL('sqs/sqsStore.js', import.meta.resolve('fauxqs')).href;
  const { SqsQueue } = (await import(module)) as { readonly SqsQueue: { readonly prototype: FauxqsQueue } };
  const { prototype } = SqsQueue;
  const { dequeueFifo, processTimers, changeVisibility, deleteMessage } = prototype;
  if (dequeueFifo.name === 'dequeueMended') return;

  prototype.dequeueFifo = function dequeueMended(maxCount, visibilityTimeoutS, resolveDeadLetters) {
    const received: Received[] = [];
    const taken = new Map<string, number>();
    const wanted = Math.min(maxCount, MAX_RECEIVED);
    while (received.length < wanted) {
      const [one] = dequeueFifo.call(this, 1, visibilityTimeoutS, resolveDeadLetters);
      if (one === undefined) break;
      received.push(one);
      remember(one.ReceiptHandle, this);
      const group = this.inflightMessages.get(one.ReceiptHandle)?.message.messageGroupId ?? '';
      taken.set(group, (taken.get(group) ?? 0) + 1);
      // Open for this receive alone: nothing else runs before it is locked again.
      this.fifoLockedGroups.delete(group);
    }
    for (const [group, count] of taken) this.fifoLockedGroups.set(group, count);
    return received;
  };
  prototype.processTimers = function processMended() {
    const inFlightCount = this.inflightMessages.size;
    processTimers.call(this);
    if (this.isFifo() && this.inflightMessages.size < inFlightCount) inOrder(this);
  };
  prototype.changeVisibility = function changeMended(receipt, timeoutS) {
    changeVisibility.call(this, receipt, timeoutS);
    if (this.isFifo() && timeoutS === 0) inOrder(this);
  };
  prototype.deleteMessage = function deleteMended(receipt) {
    const isDeleted = deleteMessage.call(this, receipt);
    if (isDeleted) receipts.delete(receipt);
    return isDeleted;
  };
};
