import type { Random } from '#primitives/random';
import type { Entry } from './batch-entries.ts';
import type { EndedItem, Ending } from './finish.ts';
import { retryDelayMs, type Backoff, type Retry } from './retry-later.ts';
import type { RunOutcome } from './run-items.ts';
import type { Rejected } from './undeliverable.ts';

/** An item that has not ended by its run. */
export interface Attempted {
  readonly entry: Entry;
  readonly outcome: Extract<RunOutcome, { readonly status: 'failed' | 'blocked' }>;
}

export const endedItem = ({ item, attempt }: Entry, ending: Ending, attempts = attempt): EndedItem => ({
  jobId: item.jobId,
  id: item.id,
  worker: item.worker,
  attempts,
  ending,
});

/** What there is to record of an item after its run: nothing when it has to come again, or is to be buried. */
export const endedItems = (entry: Entry, outcome: RunOutcome | undefined): readonly EndedItem[] => {
  if (outcome?.status === 'obsolete') return [endedItem(entry, outcome, entry.attempt - 1)];
  return outcome?.status === 'done' || outcome?.status === 'skipped' ? [endedItem(entry, outcome)] : [];
};

/**
 * Decides of each item that has not ended: to be buried, when another attempt would fail too or there is none left; or
 * to come again, and when. What stands behind a failed item of its group follows it: as soon as that may come again.
 */
export const judge = (
  attempted: readonly Attempted[],
  options: { readonly maxReceiveCount: number; readonly backoff: Backoff; readonly random: Random },
): { readonly rejected: readonly Rejected[]; readonly retries: readonly Retry[] } => {
  const { maxReceiveCount, backoff, random } = options;
  const rejected: Rejected[] = [];
  const retries: Retry[] = [];
  const groupDelayMs = new Map<string | undefined, number>();
  for (const { entry, outcome } of attempted) {
    const { messages, attempt, groupId } = entry;
    if (outcome.status === 'blocked') {
      retries.push(...messages.map((message) => ({ message, delayMs: groupDelayMs.get(groupId) ?? 0 })));
      continue;
    }
    if (outcome.isPermanent || attempt >= maxReceiveCount) {
      rejected.push(
        ...messages.map((message) => ({ message, verdict: { reason: outcome.reason, attempts: attempt } })),
      );
      continue;
    }
    const delayMs = retryDelayMs(attempt, backoff, random);
    groupDelayMs.set(groupId, delayMs);
    retries.push(...messages.map((message) => ({ message, delayMs })));
  }
  return { rejected, retries };
};
