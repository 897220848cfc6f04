import { failed, inBatches } from '../batches.ts';
import { checkInteger, checkNames, checkText, refuse } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { PatternError } from '../errors.ts';
import type { EntryOutcome, OutgoingMessage, Queue, ReceivedMessage } from '../queue.ts';
import {
  checkReceive,
  MAX_DELAY_MS,
  MAX_VISIBILITY_MS,
  messageBytes,
  messageFault,
  visibilityFault,
} from '../queue-limits.ts';
import type { Random } from '../random.ts';
import type { StoredMessage } from './lanes.ts';
import { messageStore, type MessageStore } from './message-store.ts';
import { memoryWire, type MemoryWire, type Operation } from './wire.ts';

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html (RedrivePolicy) */
const MAX_MAX_RECEIVE_COUNT = 1000;

export interface MemoryQueueOptions {
  /** 1..80 characters; a name that ends in `.fifo` makes a FIFO queue. */
  readonly name: string;
  readonly clock: Clock;
  /** How long a delivery is hidden when `receive` doesn't say. 0..43_200_000, default 30_000. */
  readonly visibilityMs?: number;
  /** Delay of each message that has none of its own. 0..900_000, default 0. */
  readonly delayMs?: number;
  /** Where a message goes instead of its delivery `maxReceiveCount + 1` (1..1000). A queue of the same kind. */
  readonly deadLetter?: { readonly queue: Queue; readonly maxReceiveCount: number };
  /** FIFO only: takes the body as the deduplication id where there is none. Default false: such a message is refused. */
  readonly contentBasedDeduplication?: boolean;
  /** Standard only: deliveries come in an order drawn from it. Default: the order of sending. */
  readonly random?: Random;
  readonly wire?: MemoryWire;
}

const OPTION_NAMES: readonly (keyof MemoryQueueOptions)[] = [
  'name',
  'clock',
  'visibilityMs',
  'delayMs',
  'deadLetter',
  'contentBasedDeduplication',
  'random',
  'wire',
];

/** How a queue takes a dead letter: without a call of the API, as SQS itself moves it. */
const inboxes = new WeakMap<Queue, { readonly isFifo: boolean; accept(message: StoredMessage): void }>();

const checkOptions = (options: MemoryQueueOptions): void => {
  checkNames(options, OPTION_NAMES);
  checkText('name', options.name, 1, 80);
  checkInteger('visibilityMs', options.visibilityMs ?? 0, 0, MAX_VISIBILITY_MS);
  checkInteger('delayMs', options.delayMs ?? 0, 0, MAX_DELAY_MS);
  const { deadLetter } = options;
  if (deadLetter === undefined) return;
  checkInteger('deadLetter.maxReceiveCount', deadLetter.maxReceiveCount, 1, MAX_MAX_RECEIVE_COUNT);
  if (inboxes.get(deadLetter.queue)?.isFifo !== options.name.endsWith('.fifo')) {
    throw refuse('deadLetter.queue', 'a memory queue of the same kind (FIFO or standard)', deadLetter.queue.name);
  }
};

const shuffled = <T>(items: readonly T[], random: Random): readonly T[] =>
  items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);

/** Sleeps until `untilMs` of the monotonic clock, the next arrival, or the abort. */
const somethingHappens = async (
  clock: Clock,
  untilMs: number,
  arrivals: EventTarget,
  signal?: AbortSignal,
): Promise<void> => {
  const ended = new AbortController();
  // A reason of its own: the default one is an exception, made each time.
  const end = (): void => ended.abort('something happened');
  arrivals.addEventListener('arrival', end, { once: true });
  signal?.addEventListener('abort', end, { once: true });
  try {
    await clock.sleep(untilMs - clock.monotonicMs(), ended.signal);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  } finally {
    arrivals.removeEventListener('arrival', end);
    signal?.removeEventListener('abort', end);
  }
};

const storeFor = (options: MemoryQueueOptions, isFifo: boolean): MessageStore => {
  const { name, delayMs = 0, contentBasedDeduplication = false, deadLetter, random } = options;
  return messageStore({
    name,
    isFifo,
    delayMs,
    contentBasedDeduplication,
    ...(random === undefined || isFifo ? {} : { order: (lanes) => shuffled(lanes, random) }),
    ...(deadLetter === undefined
      ? {}
      : {
          redrive: {
            maxReceiveCount: deadLetter.maxReceiveCount,
            take: (message) => inboxes.get(deadLetter.queue)?.accept(message),
          },
        }),
  });
};

/**
 * A queue in memory that behaves as SQS does: visibility timeouts on `clock`, FIFO order for each group, deduplication,
 * redrive when a message was received too often. Messages are kept until they are deleted (SQS: at most 14 days).
 *
 * As on SQS a receipt names one delivery. With an older one, a standard queue answers a delete with success and keeps
 * the message; a FIFO queue refuses it, and also one whose visibility timeout has ended.
 */
export const memoryQueue = (options: MemoryQueueOptions): Queue => {
  checkOptions(options);
  const { name, clock, visibilityMs = 30_000, wire = memoryWire() } = options;
  const isFifo = name.endsWith('.fifo');
  const store = storeFor(options, isFifo);
  const arrivals = new EventTarget();

  const operation = (called: string, isWrite: boolean, entryCount: number): Operation => ({
    primitive: 'queue',
    name,
    operation: `sqs.${called}`,
    isWrite,
    entryCount,
  });
  /** One call for a batch. What the wire refuses is told of each entry; a crash (any other error) goes through. */
  const each =
    <T>(called: string, apply: (entry: T) => EntryOutcome) =>
    async (entries: readonly T[]): Promise<readonly EntryOutcome[]> => {
      try {
        return await wire.call(operation(called, true, entries.length), (without) => {
          const outcomes = entries.map((entry, at) =>
            without?.has(at) === true ? failed('InternalError', true) : apply(entry),
          );
          arrivals.dispatchEvent(new Event('arrival'));
          return outcomes;
        });
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        return entries.map(() => failed(error.message, error.retryable));
      }
    };

  const receive: Queue['receive'] = async (request, signal) => {
    checkReceive(request);
    const { maxCount, waitMs = 0, visibilityMs: hiddenMs = visibilityMs } = request;
    const poll = async (exposed?: ReadonlySet<number>): Promise<readonly ReceivedMessage[]> => {
      const untilMs = clock.monotonicMs() + waitMs;
      while (signal?.aborted !== true) {
        const nowMs = clock.monotonicMs();
        const taken = store.receive(maxCount, nowMs, nowMs + hiddenMs);
        for (const at of exposed ?? []) store.changeVisibility(taken[at]?.receipt ?? '', nowMs, nowMs);
        if (taken.length > 0 || nowMs >= untilMs) return taken;
        await somethingHappens(clock, Math.min(untilMs, store.nextVisibleAtMs(nowMs)), arrivals, signal);
      }
      return [];
    };
    return wire.call(operation('ReceiveMessage', true, 1), poll, (taken) =>
      taken.length === 0 ? 'sqs.ReceiveMessage.empty' : 'sqs.ReceiveMessage',
    );
  };

  const send = each('SendMessageBatch', (message: OutgoingMessage) =>
    store.send(message, { nowMs: clock.monotonicMs(), sentAtMs: clock.nowMs() }),
  );
  const remove = each('DeleteMessageBatch', (receipt: string) => store.delete(receipt, clock.monotonicMs()));
  const change = each('ChangeMessageVisibilityBatch', (entry: { receipt: string; visibilityMs: number }) => {
    const nowMs = clock.monotonicMs();
    return store.changeVisibility(entry.receipt, nowMs, nowMs + entry.visibilityMs);
  });

  const fault = (message: OutgoingMessage): string | undefined => messageFault(message, isFifo);
  const queue: Queue = Object.freeze<Queue>({
    name,
    sendBatch: (entries, signal) => inBatches({ entries, fault, bytes: messageBytes, send, signal }),
    receive,
    deleteBatch: (entries) => inBatches({ entries, send: remove }),
    changeVisibilityBatch: (entries) => inBatches({ entries, fault: visibilityFault, send: change }),
    depth: () => wire.call(operation('GetQueueAttributes', false, 1), () => store.depth(clock.monotonicMs())),
  });
  inboxes.set(queue, {
    isFifo,
    accept: (message) => {
      store.accept(message, clock.monotonicMs());
      arrivals.dispatchEvent(new Event('arrival'));
    },
  });
  return queue;
};
