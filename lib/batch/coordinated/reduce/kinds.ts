import { compareUtf8 } from '#primitives/utf8';
import { fromUnits, toUnits } from './exact-sum.ts';
import type { Reducer, ReductionItem } from './reducer.ts';

export const KINDS = ['count', 'sum', 'histogram', 'wordcount'] as const;
export type ReductionKind = (typeof KINDS)[number];

/** The bounds of a histogram: rising, finite; so many at most. */
export const MAX_BOUNDS = 1_000;
const HEX = 16;

/** Written by the table as text, and back: what it holds is told by the bits. */
const hexOf = (value: bigint): string => (value < 0n ? `-${(-value).toString(HEX)}` : value.toString(HEX));
const bigOf = (text: string): bigint => (text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`));

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const only = (item: ReductionItem, name: 'value' | 'text'): string | undefined => {
  const other = name === 'value' ? 'text' : 'value';
  return item[other] === undefined ? undefined : `Expected no '${other}'.`;
};

/** How many items there are. */
export const countReducer: Reducer<number> = Object.freeze<Reducer<number>>({
  empty: 0,
  of: () => 1,
  merge: (a, b) => a + b,
  write: String,
  read: Number,
  result: (state) => state,
  fault: () => undefined,
});

/** The sum of the values, exact, and rounded to a double once, at the end. Not a number is nothing. */
export const sumReducer: Reducer<bigint> = Object.freeze<Reducer<bigint>>({
  empty: 0n,
  of: ({ value }) => toUnits(Number(value)),
  merge: (a, b) => a + b,
  write: hexOf,
  read: bigOf,
  // Beyond the largest double: JSON has no infinity.
  result: (state) => {
    const sum = fromUnits(state);
    return Number.isFinite(sum) ? sum : null;
  },
  fault: (item) => only(item, 'value') ?? (isNumber(item.value) ? undefined : "Expected a 'value' that is a number."),
});

type Counts = ReadonlyMap<string, number>;

const mergeCounts = (a: Counts, b: Counts): Counts => {
  const [large, small] = a.size < b.size ? [b, a] : [a, b];
  const merged = new Map(large);
  for (const [name, count] of small) merged.set(name, (merged.get(name) ?? 0) + count);
  return merged;
};
const sorted = (counts: Counts): readonly (readonly [string, number])[] =>
  [...counts].toSorted(([a], [b]) => compareUtf8(a, b));

const counting: Pick<Reducer<Counts>, 'empty' | 'merge' | 'write' | 'read' | 'result'> = {
  empty: new Map(),
  merge: mergeCounts,
  write: (counts) => JSON.stringify(sorted(counts)),
  read: (text) => new Map(JSON.parse(text) as [string, number][]),
  result: (counts) => Object.fromEntries(sorted(counts)),
};

/** Letters and digits of any script, with apostrophes inside, in lower case. */
export const wordsOf = (text: string): readonly string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}\p{M}]+)*/gu) ?? [];

/** How often each word occurs. */
export const wordcountReducer: Reducer<Counts> = Object.freeze<Reducer<Counts>>({
  ...counting,
  of: ({ text = '' }) => {
    const counts = new Map<string, number>();
    for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  },
  fault: (item) => only(item, 'text') ?? (item.text === undefined ? "Expected a 'text'." : undefined),
});

/** The bucket of a value: how many bounds are at most it. */
const bucketOf = (value: number, bounds: readonly number[]): number => {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * How many values there are in each bucket: below the first bound, from each bound up to below the next, from the last
 * on. Without bounds each value is a bucket of its own.
 */
export const histogramReducer = (bounds: readonly number[] | undefined): Reducer<Counts> =>
  Object.freeze<Reducer<Counts>>({
    ...counting,
    of: ({ value = '' }) =>
      new Map([[bounds === undefined ? String(value) : String(bucketOf(Number(value), bounds)), 1]]),
    result: (counts) =>
      bounds === undefined
        ? counting.result(counts)
        : Array.from({ length: bounds.length + 1 }, (_, at) => ({
            from: bounds[at - 1] ?? null,
            below: bounds[at] ?? null,
            count: counts.get(String(at)) ?? 0,
          })),
    fault: (item) => {
      const fault = only(item, 'value');
      if (fault !== undefined) return fault;
      const isUsable = isNumber(item.value) || (bounds === undefined && typeof item.value === 'string');
      return isUsable ? undefined : `Expected a 'value' that is a number${bounds === undefined ? ' or a text' : ''}.`;
    },
  });

/** A reducer whose state nobody looks into. */
export type AnyReducer = Reducer<unknown>;

/** The reducer of a kind. */
export const reducerOf = (kind: ReductionKind, bounds?: readonly number[]): AnyReducer => {
  switch (kind) {
    case 'count':
      return countReducer;
    case 'sum':
      return sumReducer;
    case 'wordcount':
      return wordcountReducer;
    case 'histogram':
      return histogramReducer(bounds);
  }
};
