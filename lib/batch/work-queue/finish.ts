import type { Fields, Json, Table, TransactionOutcome, Write } from '#primitives/table';
import { textOf } from '#primitives/field-values';
import { claimKey, effectKey } from './records.ts';
import { isRetryable, PatternError } from '#primitives/errors';
import { MAX_TRIES, type Pause } from '../pause.ts';

/** How an item has ended that needs no further attempt and is no dead letter. */
export type Ending =
  | { readonly status: 'done'; readonly output: Json }
  | { readonly status: 'skipped' | 'cancelled' | 'obsolete'; readonly reason: string };

/** An item that has ended, its end not yet recorded. */
export interface EndedItem {
  readonly jobId: string | undefined;
  readonly id: string;
  readonly worker: string;
  readonly attempts: number;
  readonly ending: Ending;
}

interface Options {
  readonly jobs: Table;
  readonly effects: Table;
  /** The claim of this batch. It is written into every effect: the token by which a batch knows its own writes. */
  readonly claimId: string;
  /** The jobs whose claims end, also when none of their items has ended. */
  readonly jobIds: readonly string[];
  readonly items: readonly EndedItem[];
  readonly nowMs: number;
  readonly keepMs: number;
  readonly pause: Pause;
}

type TableWrite = Write & { readonly table: Table };

const effectWrite = (item: EndedItem, { effects, claimId, nowMs, keepMs }: Options): TableWrite => ({
  kind: 'put',
  table: effects,
  key: effectKey(item.jobId, item.id),
  fields: {
    ...item.ending,
    ...(item.jobId === undefined ? {} : { jobId: item.jobId }),
    id: item.id,
    worker: item.worker,
    attempts: item.attempts,
    atMs: nowMs,
    claim: claimId,
  },
  condition: { kind: 'absent' },
  expiresAtMs: nowMs + keepMs,
});

const claimEndWrite = (
  jobId: string,
  items: readonly EndedItem[],
  { jobs, claimId, nowMs, keepMs }: Options,
): TableWrite => {
  const own = items.filter((item) => item.jobId === jobId);
  const countOf = (status: Ending['status']): number => own.filter(({ ending }) => ending.status === status).length;
  const [skipped, cancelled, obsolete] = [countOf('skipped'), countOf('cancelled'), countOf('obsolete')];
  return {
    kind: 'put',
    table: jobs,
    key: claimKey(jobId, claimId),
    fields: {
      state: 'finished',
      ok: own.length - cancelled - obsolete,
      bad: cancelled + obsolete,
      ids: own.map(({ id }) => id),
      ...(skipped === 0 ? {} : { skipped }),
      ...(cancelled === 0 ? {} : { cancelled }),
      ...(obsolete === 0 ? {} : { obsolete }),
    },
    expiresAtMs: nowMs + keepMs,
  };
};

const transact = async (jobs: Table, writes: readonly TableWrite[]): Promise<TransactionOutcome> => {
  try {
    return await jobs.transact(writes);
  } catch (error) {
    // An answer that was lost needs no look: the repeat is refused by our own effects if the first was applied.
    if (isRetryable(error)) return { status: 'conflict' };
    throw error;
  }
};

/**
 * Records the effects of a batch and ends its claims, in one transaction: either an item has its effect and is counted,
 * or neither. Items that have an effect already are left out and the rest is recorded; when it returns, every item has
 * exactly one effect.
 *
 * A repeat that is refused by an effect with this batch's own token tells that the first attempt was applied. A first
 * attempt that lands late is refused by the same effects, so that it changes nothing.
 *
 * @throws {@link PatternError} `work-queue/not-recorded` when it could not be written: the items have to come again.
 */
export const finish = async (options: Options): Promise<void> => {
  let fresh = options.items;
  // Each refusal leaves fewer items, each other try is bounded: together at most so many.
  const mostCalls = MAX_TRIES + options.items.length;
  for (let calls = 1, tries = 1; calls <= mostCalls && tries <= MAX_TRIES; calls += 1) {
    const writes = [
      ...fresh.map((item) => effectWrite(item, options)),
      ...options.jobIds.map((jobId) => claimEndWrite(jobId, fresh, options)),
    ];
    if (writes.length === 0) return;
    const outcome = await transact(options.jobs, writes);
    if (outcome.status === 'written') return;
    if (outcome.status === 'conflict') {
      if (tries < MAX_TRIES) await options.pause(tries);
      tries += 1;
      continue;
    }
    const isOurs = (current: Fields | undefined): boolean => textOf(current?.claim) === options.claimId;
    if (outcome.refusals.some((refusal) => isOurs(refusal?.current))) return;
    fresh = fresh.filter((_, index) => outcome.refusals[index] === undefined);
  }
  throw new PatternError('work-queue/not-recorded', 'The effects of a batch could not be recorded', {
    retryable: true,
  });
};
