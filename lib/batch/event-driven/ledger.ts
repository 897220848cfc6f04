import { isRetryable, PatternError } from '#primitives/errors';
import { MAX_TRIES, type Pause } from '#batch/pause';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, type Fields, type Table, type TransactionOutcome, type Write } from '#primitives/table';
import { edgeLabel } from './pipeline.ts';
import { jsonOf, textOf, textsOf } from '#primitives/field-values';
import { markKey } from './records.ts';
import { NOTHING, plus, tallies, type Counts, type TallyEntry } from './tally.ts';
import type { Decision } from './types.ts';

/** What became of an event at a stage. `to` are the branches that it goes on by, `change` what the stage made of it. */
export type Fate =
  | Extract<Decision, { readonly kind: 'out' }>
  | { readonly kind: 'filtered'; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string };

export interface Fated {
  readonly id: string;
  readonly fate: Fate;
}

/** Where it is recorded what stages decide, and counted. */
export interface Ledger {
  /**
   * Records of each event what became of it, once, and counts it in the same transaction. Gives what stands, in order:
   * of an event that was recorded before, what was recorded then.
   *
   * One call for up to 99 events without redeliveries; one more when some were recorded before.
   *
   * @param fated Each event once.
   * @throws {@link PatternError} `event-driven/not-recorded`, retryable: nothing is known to be recorded.
   */
  record(pipeline: string, stage: string, fated: readonly Fated[]): Promise<readonly Fate[]>;
}

export interface LedgerOptions {
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  /** How long the markers are kept: longer than any redelivery. */
  readonly keepMs: number;
}

const countOf = (stage: string, fate: Fate): Counts => {
  switch (fate.kind) {
    case 'out': {
      const sent = Object.fromEntries(fate.to.map((branch) => [edgeLabel(stage, branch), 1]));
      return { ...NOTHING, in: 1, out: 1, sent };
    }
    case 'filtered':
      return { ...NOTHING, in: 1, filtered: { [fate.reason]: 1 } };
    case 'dead':
      return { ...NOTHING, in: 1, deadLettered: 1 };
  }
};

const fieldsOf = (fate: Fate, token: string): Fields => ({
  kind: fate.kind,
  token,
  ...(fate.kind === 'out' ? { to: fate.to, ...fate.change } : { reason: fate.reason }),
});

const readFate = (fields: Fields): Fate => {
  const reason = textOf(fields.reason) ?? '';
  if (fields.kind === 'filtered') return { kind: 'filtered', reason };
  if (fields.kind === 'dead') return { kind: 'dead', reason };
  const [type, data] = [textOf(fields.type), jsonOf(fields.data)];
  const change = { ...(type === undefined ? {} : { type }), ...(data === undefined ? {} : { data }) };
  return { kind: 'out', to: textsOf(fields.to), change };
};

/** An answer that was lost needs no look: the repeat is refused by our own records if the first was applied. */
const transact = async (table: Table, writes: readonly Write[]): Promise<TransactionOutcome> => {
  try {
    return await table.transact(writes);
  } catch (error) {
    if (isRetryable(error)) return { status: 'conflict' };
    throw error;
  }
};

export const ledger = (options: LedgerOptions): Ledger => {
  const { table, clock, random, pause, keepMs } = options;
  const tally = tallies({ random });

  const markOf = (pipeline: string, stage: string, { id, fate }: Fated, token: string): Write => ({
    kind: 'put',
    key: markKey(pipeline, stage, id),
    fields: fieldsOf(fate, token),
    condition: absent(),
    expiresAtMs: clock.nowMs() + keepMs,
  });

  const record: Ledger['record'] = async (pipeline, stage, fated) => {
    const token = random.uuid();
    const stands = new Map<string, Fate>();
    let fresh = fated;
    let entry: TallyEntry | undefined;
    for (let tries = 1; tries <= MAX_TRIES;) {
      if (fresh.length === 0) return fated.map(({ id, fate }) => stands.get(id) ?? fate);
      const counts = fresh.map(({ fate }) => countOf(stage, fate)).reduce(plus, NOTHING);
      entry = tally.entry(pipeline, stage, counts, token);
      const outcome = await transact(table, [
        ...fresh.map((each) => markOf(pipeline, stage, each, token)),
        entry.write,
      ]);
      if (outcome.status === 'conflict') {
        if (tries < MAX_TRIES) await pause(tries);
        tries += 1;
        continue;
      }
      // Refused by our own token: an attempt before was applied, and its answer lost.
      const isOurs =
        outcome.status === 'refused' && outcome.refusals.some((refusal) => refusal?.current?.token === token);
      if (outcome.status === 'written' || isOurs) {
        entry.written();
        return fated.map(({ id, fate }) => stands.get(id) ?? fate);
      }
      const { refusals } = outcome;
      if (refusals[fresh.length] !== undefined) entry.abandoned();
      for (const [index, { id }] of fresh.entries()) {
        const current = refusals[index]?.current;
        if (current !== undefined) stands.set(id, readFate(current));
      }
      // Each such round leaves fewer events, or a record of its own.
      const left = fresh.filter(({ id }) => !stands.has(id));
      if (left.length === fresh.length) tries += 1;
      fresh = left;
    }
    entry?.abandoned();
    throw new PatternError('event-driven/not-recorded', `${pipeline}.${stage}: not recorded`, { retryable: true });
  };

  return Object.freeze({ record });
};
