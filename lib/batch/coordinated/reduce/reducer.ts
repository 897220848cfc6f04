import type { Json } from '#primitives/table';

/** What is reduced. Within a reduction an id stands for one item, however often it comes. */
export interface ReductionItem {
  /** 1..1000 bytes of UTF-8. */
  readonly id: string;
  readonly value?: number | string | undefined;
  readonly text?: string | undefined;
}

/**
 * A way to reduce. `merge` is associative and commutative, with `empty` as the neutral element, so that any tree over any
 * order of the items gives what a fold from left to right gives; property tests hold that for those of this module.
 */
export interface Reducer<State> {
  readonly empty: State;
  /** What one item comes to. Only for items without {@link Reducer.fault}. */
  of(item: ReductionItem): State;
  merge(a: State, b: State): State;
  /** The same text for the same state, whoever writes it. */
  write(state: State): string;
  read(text: string): State;
  result(state: State): Json;
  /** Why an item cannot be reduced; undefined when it can. */
  fault(item: ReductionItem): string | undefined;
}

/** What is reduced as it comes into the tree: a name, and what it comes to by itself. */
export interface Entry {
  readonly id: string;
  readonly state: unknown;
  /** How long it is, roughly, in characters: entries are packed by it. */
  readonly length: number;
}

export const entryOf = (reducer: Reducer<unknown>, item: ReductionItem): Entry => ({
  id: item.id,
  state: reducer.of(item),
  length: item.id.length + (item.text?.length ?? 0) + String(item.value).length,
});

/** A fold from left to right. */
export const fold = <State>(reducer: Reducer<State>, states: Iterable<State>): State => {
  let all = reducer.empty;
  for (const state of states) all = reducer.merge(all, state);
  return all;
};
