import { PatternError } from '#primitives/errors';
import { absent } from '#primitives/table';
import { persist } from '../../pause.ts';
import { distinct } from '../../work-queue/job-plan.ts';
import type { AnyReducer } from './kinds.ts';
import { leafKey, seenKey } from './records.ts';
import { fold, type Entry } from './reducer.ts';
import { packPartial, unpackPartial, type Partial } from './states.ts';
import type { ReductionStore } from './store.ts';

/** One transaction takes 100 writes: so many markers, and the leaf. */
const CHUNK_COUNT = 99;
/** And 4 MB: short of that with the longest ids. */
const CHUNK_LENGTH = 200_000;

/** The items in chunks that are the same whenever the part comes: by count, and by length. */
const chunksOf = (items: readonly Entry[]): readonly (readonly Entry[])[] => {
  const chunks: Entry[][] = [];
  let length = 0;
  for (const item of distinct(items)) {
    const { length: itemLength } = item;
    const last = chunks.at(-1);
    if (last === undefined || last.length === CHUNK_COUNT || length + itemLength > CHUNK_LENGTH) {
      chunks.push([item]);
      length = itemLength;
    } else {
      last.push(item);
      length += itemLength;
    }
  }
  return chunks;
};

interface LeafOptions {
  readonly store: ReductionStore;
  readonly id: string;
  readonly reducer: AnyReducer;
  readonly part: number;
  readonly expiresAtMs: number;
}

/**
 * Reduces a chunk: the markers of its items and what they come to are written by one transaction, so that an item counts
 * once, whatever part it comes in, and a repeat finds the leaf that there is.
 *
 * API calls: 1, one more for each time that it meets items of others.
 */
const reduceChunk = async (
  items: readonly Entry[],
  chunk: number,
  { store, id, reducer, part, expiresAtMs }: LeafOptions,
): Promise<Partial> => {
  let fresh = items;
  // Every refusal takes out at least one item, or finds the leaf.
  for (let calls = 0; calls <= CHUNK_COUNT + 1; calls += 1) {
    const candidates = fresh;
    const partial = {
      state: reducer.write(
        fold(
          reducer,
          candidates.map((entry) => entry.state),
        ),
      ),
      items: candidates.length,
    };
    const fields = await packPartial(store, id, partial, expiresAtMs);
    const put = { kind: 'put', condition: absent(), expiresAtMs } as const;
    const outcome = await persist('write leaf', store.pause, async () => {
      const answer = await store.table.transact([
        ...candidates.map((item) => ({ ...put, key: seenKey(id, item.id), fields: { part } })),
        { ...put, key: leafKey(id, part, chunk), fields },
      ]);
      return answer.status === 'conflict' ? undefined : answer;
    });
    if (outcome.status === 'written') return partial;
    const known = outcome.refusals.at(-1)?.current;
    if (known !== undefined) return unpackPartial(store, id, known);
    fresh = candidates.filter((_, index) => outcome.refusals[index] === undefined);
  }
  throw new PatternError('coordinated/gave-up', 'A chunk met others without end.', { retryable: true });
};

/** Reduces a part of the input. May be repeated, and run twice at a time. */
export const reducePart = async (items: readonly Entry[], options: LeafOptions): Promise<Partial> => {
  const { reducer } = options;
  let state = reducer.empty;
  let count = 0;
  for (const [chunk, some] of chunksOf(items).entries()) {
    const partial = await reduceChunk(some, chunk, options);
    state = reducer.merge(state, reducer.read(partial.state));
    count += partial.items;
  }
  return { state: reducer.write(state), items: count };
};
