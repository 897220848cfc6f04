import type { ReceivedMessage } from '#primitives/queue';
import type { ItemMessage } from './messages.ts';
import { unpack } from './pack.ts';
import { effectKeyOf } from './records.ts';
import type { Rejected } from './undeliverable.ts';

/** Deliveries of one item: a batch may hold the same item twice. */
export interface Entry {
  readonly item: ItemMessage;
  readonly messages: readonly ReceivedMessage[];
  readonly attempt: number;
  readonly groupId: string | undefined;
  /** It came with others in one message: their outputs are recorded together. */
  readonly isPacked: boolean;
}

/** The items of a batch, in their order, and the messages in which none can be read. */
export const readBatch = (
  batch: readonly ReceivedMessage[],
): { readonly entries: readonly Entry[]; readonly unreadable: readonly Rejected[] } => {
  const entries = new Map<string, Entry>();
  const unreadable: Rejected[] = [];
  for (const message of batch) {
    const parsed = unpack(message);
    if (!parsed.ok) {
      unreadable.push({ message, verdict: { reason: parsed.reason, attempts: message.receiveCount } });
      continue;
    }
    for (const { item, message: own, isPacked } of parsed.value) {
      const key = effectKeyOf(item.jobId, item.id);
      const known = entries.get(key);
      // The first message decides the work, the one received most often whether there will be another attempt.
      entries.set(key, {
        item: known?.item ?? item,
        messages: [...(known?.messages ?? []), own],
        attempt: Math.max(known?.attempt ?? 0, message.receiveCount),
        groupId: known === undefined ? message.groupId : known.groupId,
        isPacked: isPacked || known?.isPacked === true,
      });
    }
  }
  return { entries: [...entries.values()], unreadable };
};

/** How many items of each job there are. */
export const countsOf = (entries: readonly Entry[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { item } of entries) {
    if (item.jobId !== undefined) counts.set(item.jobId, (counts.get(item.jobId) ?? 0) + 1);
  }
  return counts;
};
