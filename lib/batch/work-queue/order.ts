import type { OutgoingMessage, Queue } from '#primitives/queue';
import type { Pause } from '../pause.ts';
import { sha256 } from '#primitives/sha256';
import { effectKeyOf } from './records.ts';
import { sendAll } from './send.ts';
import type { JobItem } from './types.ts';

/**
 * What an item's message needs on a FIFO queue. Groups of different jobs are apart; digests, since ids may have any
 * character and SQS takes only some. The id to deduplicate by is the item's: a planner that sends again what it has sent
 * adds nothing for five minutes, and after that a message behind the others of its group, whose effect is there by then.
 */
export const inGroup = (jobId: string, item: JobItem): Pick<OutgoingMessage, 'groupId' | 'deduplicationId'> => ({
  groupId: sha256(JSON.stringify([jobId, item.groupId ?? null])),
  deduplicationId: sha256(effectKeyOf(jobId, item.id)),
});

/** The messages in waves: the first of each group, then the second of each, and so on. */
const wavesOf = (messages: readonly OutgoingMessage[]): readonly (readonly OutgoingMessage[])[] => {
  const waves: OutgoingMessage[][] = [];
  const counts = new Map<string | undefined, number>();
  for (const message of messages) {
    const at = counts.get(message.groupId) ?? 0;
    counts.set(message.groupId, at + 1);
    const wave = waves[at];
    if (wave === undefined) waves.push([message]);
    else wave.push(message);
  }
  return waves;
};

/**
 * Sends messages to a FIFO queue so that each group keeps its order. A call may fail in part, and what it took can't be
 * called back: so no call carries two messages of one group, and none is made before the one before it was taken whole.
 *
 * API calls: a tenth of the messages when there are ten groups or more; one for each message of a single group.
 *
 * @throws {@link UnavailableError} when a message was not taken: nothing that stands behind it in its group was sent.
 */
export const sendInOrder = async (queue: Queue, messages: readonly OutgoingMessage[], pause: Pause): Promise<void> => {
  for (const wave of wavesOf(messages)) await sendAll(queue, wave, pause);
};
