import type { Random } from '#primitives/random';
import { absent, equals, type Fields, type Table, type Write } from '#primitives/table';
import { numberOf } from '#primitives/field-values';
import { countsOf, tallyKey, tallyPartition } from './records.ts';

/** What was counted at a stage: of events, each once. */
export interface Counts {
  /** Events that were dealt with, whatever became of them. */
  readonly in: number;
  /** Those of them that went on. */
  readonly out: number;
  readonly deadLettered: number;
  /** Those of them that were dropped, by reason. */
  readonly filtered: Readonly<Record<string, number>>;
  /** What was sent on by each branch: a copier sends an event by several. */
  readonly sent: Readonly<Record<string, number>>;
}

export const NOTHING: Counts = Object.freeze({ in: 0, out: 0, deadLettered: 0, filtered: {}, sent: {} });

const sumOf = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> => {
  const sum: Record<string, number> = { ...a };
  // A reason may be called as what every object inherits.
  for (const [name, count] of Object.entries(b)) sum[name] = (Object.hasOwn(a, name) ? (a[name] ?? 0) : 0) + count;
  return sum;
};

export const plus = (a: Counts, b: Counts): Counts => ({
  in: a.in + b.in,
  out: a.out + b.out,
  deadLettered: a.deadLettered + b.deadLettered,
  filtered: sumOf(a.filtered, b.filtered),
  sent: sumOf(a.sent, b.sent),
});

/** What is written of a tally in the transaction that also writes the markers of what it counts. */
export interface TallyEntry {
  readonly write: Write;
  /** The transaction was written. */
  written(): void;
  /** Nobody knows, or somebody else wrote it: this host goes on with a record of its own. */
  abandoned(): void;
}

export interface Tallies {
  /** @param token Of the transaction: the record tells by it whose it is. */
  entry(pipeline: string, stage: string, more: Counts, token: string): TallyEntry;
}

interface Slot {
  readonly slot: string;
  version: number;
  counts: Counts;
}

/**
 * Counters that can be repeated: each host keeps a record of its own for each stage, with all that it has counted so
 * far, and writes it together with the markers of what it counts. So nothing is added twice by a repeat, and no two hosts
 * meet in a record. A host that is not sure of its record leaves it as it is and begins another one.
 */
export const tallies = ({ random }: { readonly random: Random }): Tallies => {
  const slots = new Map<string, Slot>();
  return Object.freeze({
    entry: (pipeline: string, stage: string, more: Counts, token: string): TallyEntry => {
      const name = `${pipeline}/${stage}`;
      const slot: Slot = slots.get(name) ?? { slot: random.uuid(), version: 0, counts: NOTHING };
      slots.set(name, slot);
      const counts = plus(slot.counts, more);
      const version = slot.version + 1;
      const write: Write = {
        kind: 'put',
        key: tallyKey(pipeline, stage, slot.slot),
        fields: { ...counts, version, token },
        condition: slot.version === 0 ? absent() : equals('version', slot.version),
      };
      return {
        write,
        written: () => Object.assign(slot, { version, counts }),
        abandoned: () => {
          if (slots.get(name) === slot) slots.delete(name);
        },
      };
    },
  });
};

const readCounts = (fields: Fields): Counts => ({
  in: numberOf(fields.in),
  out: numberOf(fields.out),
  deadLettered: numberOf(fields.deadLettered),
  filtered: countsOf(fields.filtered),
  sent: countsOf(fields.sent),
});

/** The sum over all hosts. Calls: one for each MB of records, of which there is one for each cold start. */
export const readTally = async (table: Table, pipeline: string, stage: string): Promise<Counts> => {
  let counts = NOTHING;
  let after: string | undefined;
  do {
    const page = await table.query({
      partition: tallyPartition(pipeline),
      sortPrefix: `${stage}/`,
      ...(after === undefined ? {} : { after }),
    });
    for (const { fields } of page.records) counts = plus(counts, readCounts(fields));
    after = page.next;
  } while (after !== undefined);
  return counts;
};
