import * as v from 'valibot';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import { singleFlight } from '#resilience/single-flight';
import type { IndexStore } from './index-store.ts';
import { leafName } from './leaf-of.ts';
import { searchIndex, type SearchIndex } from './search-index.ts';

export interface LeafSearchOptions {
  readonly leaf: number;
  readonly store: Pick<IndexStore, 'collection'>;
  readonly clock: Clock;
  /** How many versions of the index are held in memory. 1..16; 2 while roots change from one to the next. */
  readonly heldCount: number;
}

/** Answers an invocation. */
export type LeafSearch = (payload: unknown) => Promise<Json>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What a root sends to a leaf. */
const callSchema = v.strictObject({
  requestId: v.pipe(v.string(), v.maxLength(128)),
  leaf: v.string(),
  terms: v.pipe(v.array(v.strictObject({ term: v.string(), documentCount: count })), v.maxLength(256)),
  documentCount: count,
  totalLength: count,
  limit: v.pipe(count, v.maxValue(1_000)),
  indexKey: v.nullable(v.string()),
  traceparent: v.optional(v.string()),
});

/** A call of a leaf, as it crosses the invocation. */
export type LeafInvocation = v.InferOutput<typeof callSchema>;

const NOTHING: SearchIndex = () => [];

/**
 * The leaf's side: loads the version of the index that the root names, once for all who ask for it at a time, keeps it,
 * and answers of it. Versions never change, so that what is held is never looked after: 1 call (of the bucket) for each
 * new version, none otherwise.
 *
 * A payload that is not of a root, or is for another leaf, is an error, and so a failed invocation.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const leafSearch = (options: LeafSearchOptions): LeafSearch => {
  checkNames(options, ['leaf', 'store', 'clock', 'heldCount']);
  const { leaf, store, clock, heldCount } = options;
  checkInteger('leaf', leaf, 0, 999);
  checkInteger('heldCount', heldCount, 1, 16);
  const held = new Map<string, SearchIndex>();
  const loading = singleFlight<SearchIndex>();

  const load = async (indexKey: string): Promise<SearchIndex> => {
    const loaded = searchIndex(await store.collection(indexKey));
    held.set(indexKey, loaded);
    const [oldest] = held.keys();
    if (held.size > heldCount && oldest !== undefined) held.delete(oldest);
    return loaded;
  };

  return async (payload) => {
    const parsed = v.safeParse(callSchema, payload);
    if (!parsed.success) {
      const [issue] = parsed.issues;
      throw new InvalidArgumentError(
        `Expected '${v.getDotPath(issue) ?? 'payload'}' to be of a root: ${issue.message}`,
      );
    }
    const { requestId, indexKey, ...query } = parsed.output;
    if (query.leaf !== leafName(leaf))
      throw new InvalidArgumentError(`Expected 'leaf' to be '${leafName(leaf)}', got '${query.leaf}'.`);
    const startedMs = clock.monotonicMs();
    const index = indexKey === null ? NOTHING : (held.get(indexKey) ?? (await loading(indexKey, () => load(indexKey))));
    const hits = index(query).map((hit) => ({ ...hit }));
    return { requestId, leaf: query.leaf, hits, workMs: clock.monotonicMs() - startedMs };
  };
};
