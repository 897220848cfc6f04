import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { backoffMs, type Backoff } from '#resilience/backoff';
import { inTurns } from '#resilience/in-turns';
import { withDocuments, type Collection, type StampedDocument } from './collection.ts';
import type { IndexStore } from './index-store.ts';
import { leafName, leafOf } from './leaf-of.ts';
import { readDocuments } from './messages.ts';

export interface IndexerOptions {
  readonly store: IndexStore;
  /** Where messages go that nobody can read, or that no leaf has room for, with the attribute `reason`. */
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How many documents a leaf may have. 1..1_000_000: an index is held in memory as a whole. */
  readonly maxDocumentCount: number;
}

type Message = Pick<ReceivedMessage, 'id' | 'body' | 'sentAtMs'>;

/**
 * Puts the documents of the messages into the indexes of their leaves.
 *
 * @param timeMs No leaf is begun later than that. 0 and more.
 * @returns The ids of the messages that have to come again.
 */
export type Indexer = (messages: readonly Message[], timeMs: number) => Promise<ReadonlySet<string>>;

const OPTIONS = ['store', 'deadLetters', 'clock', 'random', 'log', 'maxDocumentCount'];
/** Writers that overtake each other; then the messages come again. */
const TRIES = 10;
const BACKOFF: Backoff = { baseMs: 20, limitMs: 500 };
/** Leaves that are written side by side: each holds two versions of an index in memory. */
const CONCURRENCY = 4;

/** A document with the message that brought it. */
interface Delivered extends StampedDocument {
  readonly messageId: string;
}

/**
 * Of two versions of a document the one counts that was sent later: by the queue's clock, which is one for all senders;
 * in the same millisecond by the message's id, which is the same at every delivery; in one message by its place.
 */
const stampOf = ({ id, sentAtMs }: Message, index: number): string =>
  `${String(sentAtMs).padStart(15, '0')}/${id}/${String(index).padStart(4, '0')}`;

/**
 * The writer of the indexes. A document is found under its id once, however often its message comes; a message that comes
 * late does not bring an old version back. A leaf that fails sends only the messages again that have documents for it. A
 * leaf that is full takes new versions of what it has, and of a message with other documents those that it has room for.
 *
 * Any number of indexers may run: a leaf's index is replaced only by who has read the present one, and who was overtaken
 * reads and tries again. A crash leaves each leaf with the old or the new version; the messages come again.
 *
 * Calls for a batch: for each leaf with documents 5 (head, index, two objects, head), 2 when nothing is new.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const indexer = (options: IndexerOptions): Indexer => {
  checkNames(options, OPTIONS);
  const { store, deadLetters, clock, random, log, maxDocumentCount } = options;
  checkInteger('maxDocumentCount', maxDocumentCount, 1, 1_000_000);

  /** Gives the documents that there is no room for. */
  const update = async (leaf: number, documents: readonly Delivered[]): Promise<readonly Delivered[]> => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const head = await store.head(leaf);
      const present: Collection = head === undefined ? new Map() : await store.collection(head.indexKey);
      const { changed, left } = withDocuments(present, documents, maxDocumentCount);
      if (changed === undefined || (await store.swap(leaf, head, changed)) === 'swapped') return left;
      await clock.sleep(backoffMs(tries, BACKOFF, random));
    }
    throw new PatternError('scatter-gather/overtaken', `Others wrote ${leafName(leaf)} ${TRIES} times first.`, {
      retryable: true,
    });
  };

  const isBuried = async (message: Message, reason: string): Promise<boolean> => {
    log.warn('documents that cannot be indexed', { messageId: message.id, reason });
    try {
      const [outcome] = await deadLetters.sendBatch([{ body: message.body, attributes: { reason } }]);
      return outcome?.ok === true;
    } catch (error) {
      log.error('not sent to the dead letters, it will come again', { messageId: message.id, error });
      return false;
    }
  };

  return async (messages, timeMs) => {
    const endAtMs = clock.monotonicMs() + timeMs;
    const again = new Set<string>();
    const hopeless = new Map<string, string>();
    const deliveries = new Map<number, Delivered[]>();
    for (const message of messages) {
      const read = readDocuments(message.body);
      if ('reason' in read) {
        hopeless.set(message.id, read.reason);
        continue;
      }
      for (const [index, document] of read.documents.entries()) {
        const leaf = leafOf(document.id, store.leafCount);
        const delivery = deliveries.get(leaf) ?? [];
        deliveries.set(leaf, delivery);
        delivery.push({ ...document, stamp: stampOf(message, index), messageId: message.id });
      }
    }

    const deliver = async (leaf: number, documents: readonly Delivered[]): Promise<void> => {
      try {
        if (clock.monotonicMs() >= endAtMs) throw new PatternError('scatter-gather/out-of-time', 'No time is left.');
        const fullReason = `${leafName(leaf)} has no room for more than ${maxDocumentCount} documents.`;
        for (const { messageId } of await update(leaf, documents)) hopeless.set(messageId, fullReason);
      } catch (error) {
        log.error('documents not indexed', { leaf: leafName(leaf), error });
        for (const { messageId } of documents) again.add(messageId);
      }
    };
    await inTurns([...deliveries], CONCURRENCY, ([leaf, delivery]) => deliver(leaf, delivery));
    for (const message of messages) {
      const reason = hopeless.get(message.id);
      if (reason !== undefined && !again.has(message.id) && !(await isBuried(message, reason))) again.add(message.id);
    }
    return again;
  };
};
