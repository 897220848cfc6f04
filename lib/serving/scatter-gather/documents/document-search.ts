import { checkInteger, checkNames } from '#primitives/checks';
import { UnavailableError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { LeafSample } from '../leaf-advice.ts';
import { mergeSorted } from '../merge-sorted.ts';
import { scatterGather, type RequestOptions, type ScatterGatherOptions } from '../scatter-gather.ts';
import type { Gathered } from '../types.ts';
import { collectionViewer, type CollectionView } from './collection-view.ts';
import type { IndexStore } from './index-store.ts';
import { termsOf } from './terms.ts';
import { compareHits, type Hit, type LeafHits, type LeafQuery } from './types.ts';

export interface DocumentSearchOptions extends Omit<
  ScatterGatherOptions<LeafQuery, LeafHits, readonly Hit[]>,
  'merge'
> {
  readonly store: IndexStore;
  readonly log: Log;
  /** So much later is found what was indexed. 0..3_600_000 ms. */
  readonly refreshMs: number;
}

export interface SearchRequest extends RequestOptions {
  /** How many hits are wanted. 1..1_000. */
  readonly limit: number;
  readonly traceparent?: string;
}

export interface DocumentSearch {
  /**
   * The documents that have one or more of the words, the best first: those, and with the same scores, that one index of
   * all documents would give, less what is in the leaves that are missing.
   *
   * @throws {@link UnavailableError} when the statistics could not be had by the deadline, and there are none from before
   */
  search(text: string, request: SearchRequest): Promise<Gathered<readonly Hit[]>>;
  /** What the latest calls of leaves took, the oldest first: at most 2 000. */
  samples(): readonly LeafSample[];
}

/** Of words that some document has: a query of more asks every leaf for every document. */
const MAX_TERMS = 64;
const MAX_SAMPLES = 2_000;

/**
 * Search over documents that are spread over leaves. The root gives the leaves what only the whole collection knows (how
 * many documents there are, how long, and how many have each word), so that one round of calls is enough.
 *
 * Calls of a search: one for each leaf, and those that hedging adds; at most once in `refreshMs` one for the heads, and one
 * for each leaf that has a new version.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const documentSearch = (options: DocumentSearchOptions): DocumentSearch => {
  const { store, log, refreshMs, ...policy } = options;
  const { clock } = policy;
  const viewer = collectionViewer({ store, clock, refreshMs });
  const samples: LeafSample[] = [];
  let last: CollectionView | undefined;

  const gather = scatterGather<LeafQuery, LeafHits, readonly Hit[]>({
    ...policy,
    merge: (parts, { limit }) => {
      for (const { tookMs, part } of parts) samples.push({ tookMs, workMs: Math.min(part.workMs, tookMs) });
      if (samples.length > MAX_SAMPLES) samples.splice(0, samples.length - MAX_SAMPLES);
      return mergeSorted(
        parts.map(({ part }) => part.hits),
        compareHits,
        limit,
      );
    },
  });

  /** Undefined when it takes longer; it goes on then, for the next search. */
  const within = async <T>(work: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> => {
    const ended = new AbortController();
    const waiting = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
    try {
      return await Promise.race([work, clock.sleep(ms, waiting).then(() => undefined)]);
    } finally {
      ended.abort();
    }
  };

  /** The statistics may be old rather than late: half of the time is for them, all of it when there are none. */
  const view = async (deadlineMs: number, signal: AbortSignal | undefined): Promise<CollectionView> => {
    try {
      last = (await within(viewer(), last === undefined ? deadlineMs : deadlineMs / 2, signal)) ?? last;
    } catch (error) {
      signal?.throwIfAborted();
      if (last === undefined) throw error;
      log.warn('the statistics are those from before', { error });
    }
    if (last === undefined) throw new UnavailableError('The statistics of the collection');
    return last;
  };

  return Object.freeze<DocumentSearch>({
    samples: () => [...samples],
    search: async (text, request) => {
      checkNames(request, ['limit', 'traceparent', 'deadlineMs', 'quorum', 'signal']);
      const { limit, traceparent, deadlineMs = options.deadlineMs, signal, ...how } = request;
      checkInteger('limit', limit, 1, 1_000);
      const startedMs = clock.monotonicMs();
      const { documentCount, totalLength, indexKeys, known } = await view(deadlineMs, signal);
      const terms = known([...new Set(termsOf(text))]).slice(0, MAX_TERMS);
      const query = { terms, documentCount, totalLength, limit, indexKeys };
      const leftMs = Math.max(0, deadlineMs - (clock.monotonicMs() - startedMs));
      const gathered = await gather(traceparent === undefined ? query : { ...query, traceparent }, {
        ...how,
        deadlineMs: leftMs,
        ...(signal === undefined ? {} : { signal }),
      });
      return { ...gathered, tookMs: clock.monotonicMs() - startedMs };
    },
  });
};
