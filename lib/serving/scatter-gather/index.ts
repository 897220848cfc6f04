/** Scatter/gather (Burns, chapter 8): ask all leaves, answer by the deadline, say who is missing. */
export {
  documentSearch,
  type DocumentSearch,
  type DocumentSearchOptions,
  type SearchRequest,
} from './documents/document-search.ts';
export { functionLeaf, LeafError, type FunctionLeafOptions } from './documents/function-leaf.ts';
export {
  indexReader,
  indexStore,
  type IndexHead,
  type IndexStore,
  type IndexStoreOptions,
} from './documents/index-store.ts';
export { indexer, type Indexer, type IndexerOptions } from './documents/indexer.ts';
export { leafName, leafOf } from './documents/leaf-of.ts';
export { leafSearch, type LeafSearch, type LeafSearchOptions } from './documents/leaf-search.ts';
export type { Document, Hit, LeafHits, LeafQuery, QueryTerm } from './documents/types.ts';
export {
  leafAdvice,
  type LeafAdvice,
  type LeafAdviceOptions,
  type LeafForecast,
  type LeafSample,
} from './leaf-advice.ts';
export { mergeSorted } from './merge-sorted.ts';
export {
  scatterGather,
  type HedgeRule,
  type RequestOptions,
  type ScatterGather,
  type ScatterGatherOptions,
} from './scatter-gather.ts';
export type { Gathered, Leaf, LeafCall, LeafPart, Missing } from './types.ts';
