import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { PatternError } from '#primitives/errors';
import type { FailedEntry, SqsQueueApi } from './sqs-api.ts';

/** What one batch call of SQS takes. */
const CALL_SIZE = 10;
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 50;
/** Delete calls under way at once: more only contend with the receives. */
const MAX_CALLS = 2;

type BatchCall = (receipts: readonly string[]) => Promise<readonly FailedEntry[]>;

const outcomeOf = async (call: BatchCall, receipts: readonly string[]): Promise<readonly FailedEntry[]> => {
  try {
    return await call(receipts);
  } catch (error) {
    const retryable = error instanceof PatternError && error.retryable;
    const reason = error instanceof PatternError ? error.code : String(error);
    return receipts.map((receipt) => ({ receipt, reason, retryable }));
  }
};

/** Calls for up to ten receipts, again for those that failed and may yet succeed; never with none. */
const settle = async (call: BatchCall, receipts: readonly string[], clock: Clock): Promise<readonly FailedEntry[]> => {
  const lost: FailedEntry[] = [];
  let left = receipts;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const failed = await outcomeOf(call, left);
    const again = attempt < MAX_ATTEMPTS ? failed.filter((entry) => entry.retryable) : [];
    lost.push(...failed.filter((entry) => !again.includes(entry)));
    left = again.map((entry) => entry.receipt);
    if (left.length > 0) await clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
  return lost;
};

export interface Receipts {
  /**
   * Deletes the deliveries and resolves when that is settled: what could not be deleted after five attempts is logged,
   * and will be delivered again. Never rejects. Deletes that come while others are under way share calls with them.
   */
  delete(receipts: readonly string[]): Promise<void>;
  /** Lets the deliveries be received again after so many seconds. Never rejects: failing that, their timeout ends. */
  release(entries: readonly { readonly receipt: string; readonly visibilityS: number }[]): Promise<void>;
}

/** Ends deliveries, in as few calls as their timing allows. */
export const receiptsOf = (options: {
  readonly queue: SqsQueueApi;
  readonly clock: Clock;
  readonly log: Log;
}): Receipts => {
  const { queue, clock, log } = options;
  const pending: { readonly receipt: string; readonly done: () => void }[] = [];
  let callCount = 0;

  const report = (what: string, lost: readonly FailedEntry[]): void => {
    const [first] = lost;
    if (first !== undefined) log.warn(what, { count: lost.length, reason: first.reason });
  };

  const deleteSome = async (): Promise<void> => {
    const chunk = pending.splice(0, CALL_SIZE);
    callCount += 1;
    report(
      'messages not deleted, they will come again',
      await settle(
        queue.deleteBatch,
        chunk.map((entry) => entry.receipt),
        clock,
      ),
    );
    callCount -= 1;
    for (const entry of chunk) entry.done();
    pump();
  };

  /** At once when no call is under way; else when a whole call is together, or when that one returns. */
  const pump = (): void => {
    while (callCount < MAX_CALLS && (pending.length >= CALL_SIZE || (callCount === 0 && pending.length > 0))) {
      void deleteSome();
    }
  };

  return Object.freeze({
    delete: async (receipts: readonly string[]) => {
      if (receipts.length === 0) return;
      const all = Promise.withResolvers<void>();
      let leftCount = receipts.length;
      const done = (): void => {
        leftCount -= 1;
        if (leftCount === 0) all.resolve();
      };
      for (const receipt of receipts) pending.push({ receipt, done });
      pump();
      await all.promise;
    },
    release: async (entries: readonly { readonly receipt: string; readonly visibilityS: number }[]) => {
      for (let start = 0; start < entries.length; start += CALL_SIZE) {
        const chunk = new Map(
          entries.slice(start, start + CALL_SIZE).map((entry) => [entry.receipt, entry.visibilityS]),
        );
        const call: BatchCall = (receipts) =>
          queue.changeVisibilityBatch(receipts.map((receipt) => ({ receipt, visibilityS: chunk.get(receipt) ?? 0 })));
        report('visibility not changed', await settle(call, [...chunk.keys()], clock));
      }
    },
  });
};
