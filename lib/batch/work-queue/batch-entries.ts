import type { ReceivedMessage } from '#primitives/queue';
import { itemMessage, parseMessage, type ItemMessage } from './messages.ts';
import { effectKeyOf } from './records.ts';
import type { Rejected } from './undeliverable.ts';

/** Deliveries of one item: a batch may hold the same item twice. */
export interface Entry {
  readonly item: ItemMessage;
  readonly messages: readonly ReceivedMessage[];
  readonly attempt: number;
  readonly groupId: string | undefined;
}

/** The items of a batch, in their order, and the messages in which none can be read. */
export const readBatch = (
  batch: readonly ReceivedMessage[],
): { readonly entries: readonly Entry[]; readonly unreadable: readonly Rejected[] } => {
  const entries = new Map<string, Entry>();
  const unreadable: Rejected[] = [];
  for (const message of batch) {
    const parsed = parseMessage(itemMessage, message.body);
    if (!parsed.ok) {
      unreadable.push({ message, verdict: { reason: parsed.reason, attempts: message.receiveCount } });
      continue;
    }
    const key = effectKeyOf(parsed.value.jobId, parsed.value.id);
    const known = entries.get(key);
    // The first message decides the work, the one received most often whether there will be another attempt.
    entries.set(key, {
      item: known?.item ?? parsed.value,
      messages: [...(known?.messages ?? []), message],
      attempt: Math.max(known?.attempt ?? 0, message.receiveCount),
      groupId: known === undefined ? message.groupId : known.groupId,
    });
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
