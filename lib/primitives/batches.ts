import type { EntryOutcome } from './queue.ts';

/** Entries of a call to SQS or EventBridge. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
const MAX_ENTRY_COUNT = 10;
/** @see https://aws.amazon.com/about-aws/whats-new/2025/08/amazon-sqs-max-payload-size-1mib/ */
export const MAX_CALL_BYTES = 1_048_576;

export const succeeded: EntryOutcome = Object.freeze({ ok: true });
export const failed = (reason: string, retryable: boolean): EntryOutcome =>
  Object.freeze({ ok: false, reason, retryable });

/** One entry of a batch, with its place in the list that the caller gave. */
export interface Placed<T> {
  readonly at: number;
  readonly entry: T;
}

/**
 * Makes calls of a list: in order, ten entries and 1 MiB to a call, without the entries that no call would take.
 *
 * @param fault Says why an entry is at fault, so that it is not sent at all.
 * @param bytes The size of an entry; default: sizes don't matter.
 * @param send Makes one call: outcomes in the order of its entries. It must not reject.
 * @returns An outcome for each entry, in the order of the list.
 */
export const inBatches = async <T>(options: {
  readonly entries: readonly T[];
  readonly fault?: (entry: T) => string | undefined;
  readonly bytes?: (entry: T) => number;
  readonly send: (entries: readonly T[]) => Promise<readonly EntryOutcome[]>;
  readonly signal?: AbortSignal | undefined;
}): Promise<readonly EntryOutcome[]> => {
  const { entries, fault, bytes, send, signal } = options;
  const outcomes = entries.map(() => failed('aborted', true));
  const calls: { bytes: number; entries: Placed<T>[] }[] = [];

  for (const [at, entry] of entries.entries()) {
    const reason = fault?.(entry);
    if (reason !== undefined) {
      outcomes[at] = failed(reason, false);
      continue;
    }
    const size = bytes?.(entry) ?? 0;
    const last = calls.at(-1);
    if (last === undefined || last.entries.length === MAX_ENTRY_COUNT || last.bytes + size > MAX_CALL_BYTES) {
      calls.push({ bytes: size, entries: [{ at, entry }] });
    } else {
      last.bytes += size;
      last.entries.push({ at, entry });
    }
  }

  for (const call of calls) {
    if (signal?.aborted) break;
    const answers = await send(call.entries.map(({ entry }) => entry));
    for (const [index, { at }] of call.entries.entries()) {
      outcomes[at] = answers[index] ?? failed('the answer does not name the entry', true);
    }
  }
  return Object.freeze(outcomes);
};
