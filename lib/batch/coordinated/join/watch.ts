import { not, absent } from '#primitives/table';
import { persist } from '../../pause.ts';
import { headKey } from './records.ts';
import { expireJoin, settleJoin } from './settle.ts';
import type { JoinStore } from './store.ts';
import { sendWatch, type Watch } from './watch-message.ts';

/** So many hops may be on their way and not noted: more than failed notes could make of them. */
const MAX_AHEAD = 100;

/**
 * Looks after a join: does what a crash has left undone, keeps its deadline, and leaves the next look to a message that
 * the queue holds back. It ends with the join.
 *
 * The time that has passed is told by the queue alone: when it took the first message, and when this one. No two clocks
 * are compared, and hops don't add up their delays. SQS holds a message back for 15 minutes at most: a longer deadline
 * is reached in hops.
 *
 * The next message is sent before its hop is noted: a crash between the two sends it twice, and of two messages with one
 * hop the second finds a higher one noted, and ends.
 *
 * API calls: settled 1; else 3 and a read for each hundred buckets.
 *
 * @param sentAtMs When the queue took this message.
 * @returns Why the message is none of the join's own; undefined when it was dealt with.
 */
export const watchJoin = async (
  store: JoinStore,
  joinId: string,
  watch: Watch,
  sentAtMs: number,
): Promise<string | undefined> => {
  const { hop, delayMs } = watch;
  const known = await store.head(joinId);
  if (known === undefined || known.hop > hop) return undefined;
  if (hop > known.hop + MAX_AHEAD) return `join '${joinId}' has sent no such watch`;
  const head = await settleJoin(store, joinId);
  if (head === undefined || head.status !== 'waiting') return undefined;
  const { deadlineMs = Infinity, startedAtMs = watch.startedAtMs ?? sentAtMs } = head;
  // What is not noted is not believed: a deadline may be late by it, never early.
  const waitedMs = hop === head.hop && delayMs === head.watchMs ? delayMs : 0;
  const leftMs = deadlineMs - (sentAtMs + waitedMs - startedAtMs);
  if (leftMs <= 0) {
    await expireJoin(store, joinId);
    return undefined;
  }
  const { firstMs, limitMs } = store.watch;
  const nextMs = Math.min(leftMs, limitMs, Math.max(firstMs, 2 * delayMs));
  await sendWatch(store, joinId, { hop: hop + 1, delayMs: nextMs, startedAtMs });
  await persist('note watch', store.pause, () =>
    store.table.update({
      key: headKey(joinId),
      set: { hop: hop + 1, startedAtMs, watchMs: nextMs },
      condition: not(absent()),
    }),
  );
  return undefined;
};
