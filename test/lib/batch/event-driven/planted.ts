import { failuresOf } from '#batch/partial-batch';
import type { Fate, Ledger } from '#batch/event-driven/ledger';
import { edgeLabel } from '#batch/event-driven/pipeline';
import { numberOf } from '#primitives/field-values';
import { headKey, laneOf, markKey, outputKey, tallyKey } from '#batch/event-driven/records';
import { NOTHING, plus, type Counts } from '#batch/event-driven/tally';
import { filter } from '#batch/event-driven/steps';
import { PatternError } from '#primitives/errors';
import { absent, type Table } from '#primitives/table';
import type { Planted } from './simulated.ts';

/** Wrong implementations, which the checkers must catch. */

const countOf = (stage: string, fate: Fate): Counts => {
  if (fate.kind === 'filtered') return { ...NOTHING, in: 1, filtered: { [fate.reason]: 1 } };
  if (fate.kind === 'dead') return { ...NOTHING, in: 1, deadLettered: 1 };
  return { ...NOTHING, in: 1, out: 1, sent: Object.fromEntries(fate.to.map((to) => [edgeLabel(stage, to), 1])) };
};

const insist = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PatternError && error.retryable) || tries === 5) throw error;
    }
  }
};

/** What an ADD does: whatever is there, and so much more. */
const add = async (table: Table, pipeline: string, stage: string, more: Counts): Promise<void> => {
  const key = tallyKey(pipeline, stage, 'all');
  const before = ((await table.get(key)) ?? NOTHING) as Counts;
  await table.put({ key, fields: { ...plus(before, more) } });
};

/** Counts each delivery that was dealt with by an ADD; the SDK repeats it when its answer was lost. */
const byAdd = (table: Table): Ledger => ({
  record: async (pipeline, stage, fated) => {
    for (const { id, fate } of fated) {
      const outcome = await insist(() =>
        table.put({ key: markKey(pipeline, stage, id), fields: { kind: fate.kind }, condition: absent() }),
      );
      if (outcome.status === 'written') await insist(() => add(table, pipeline, stage, countOf(stage, fate)));
    }
    return fated.map(({ fate }) => fate);
  },
});

export const counterByAdd: Planted = { ledger: (_, table) => byAdd(table) };

/** Records and counts what goes on and what is dead, and forgets what it drops. */
export const forgetfulFilter: Planted = {
  ledger: (right) => ({
    record: async (pipeline, stage, fated) => {
      await right.record(
        pipeline,
        stage,
        fated.filter(({ fate }) => fate.kind !== 'filtered'),
      );
      return fated.map(({ fate }) => fate);
    },
  }),
};

/** A filter that lets events go on to nowhere, and calls that out. */
export const silentFilter = () => {
  const right = filter({ to: 'merge', drop: { noise: ({ type }) => type === 'noise' } });
  return {
    ...right,
    decide: (event: Parameters<typeof right.decide>[0]) =>
      event.type === 'noise' ? ({ kind: 'out', to: [] } as const) : ({ kind: 'out', to: ['out'] } as const),
  };
};

/** Puts out what comes as it comes. */
export const mergerByArrival: Planted = {
  merge: (table) => async (messages) => {
    for (const { body } of messages) {
      const message = JSON.parse(body) as {
        readonly pipeline: string;
        readonly input: string;
        readonly seq: number;
        readonly event?: { readonly id: string; readonly key: string };
      };
      const { pipeline, input, seq, event } = message;
      if (event === undefined) continue;
      const lane = laneOf(event.key);
      const head = headKey(pipeline, lane);
      const length = numberOf((await table.get(head))?.['length']);
      await table.transact([
        { kind: 'put', key: outputKey(pipeline, lane, length + 1), fields: { seq, input, event } },
        { kind: 'put', key: head, fields: { length: length + 1, inputs: {} } },
      ]);
    }
    return failuresOf([]);
  },
};
