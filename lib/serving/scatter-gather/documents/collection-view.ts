import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { singleFlight } from '#resilience/single-flight';
import type { CollectionSize } from './bm25.ts';
import type { Statistics } from './collection.ts';
import type { IndexStore } from './index-store.ts';
import { leafName } from './leaf-of.ts';
import type { QueryTerm } from './types.ts';

/** What a root knows of the whole collection: the versions that count, and the statistics of exactly these. */
export interface CollectionView extends CollectionSize {
  /** By leaf. */
  readonly indexKeys: Readonly<Record<string, string>>;
  /** The words with what is known of them; those that no document has are left out. */
  known(terms: readonly string[]): readonly QueryTerm[];
}

export interface CollectionViewerOptions {
  readonly store: IndexStore;
  readonly clock: Clock;
  /** So old a view may be. 0..3_600_000 ms: what was indexed is found so much later. */
  readonly refreshMs: number;
}

/** The latest view, new when the last one is too old. Calls: 1, and one for each leaf that has a new version. */
export type CollectionViewer = () => Promise<CollectionView>;

const viewOf = (leaves: readonly (Loaded | undefined)[]): CollectionView => {
  const all = leaves.flatMap((leaf) => leaf?.statistics ?? []);
  return Object.freeze<CollectionView>({
    documentCount: all.reduce((sum, { documentCount }) => sum + documentCount, 0),
    totalLength: all.reduce((sum, { totalLength }) => sum + totalLength, 0),
    indexKeys: Object.fromEntries(
      leaves.flatMap((leaf, at) => (leaf === undefined ? [] : [[leafName(at), leaf.indexKey]])),
    ),
    known: (terms) =>
      terms.flatMap((term) => {
        const documentCount = all.reduce((sum, { documentCounts }) => sum + (documentCounts.get(term) ?? 0), 0);
        return documentCount === 0 ? [] : [{ term, documentCount }];
      }),
  });
};

interface Loaded {
  readonly indexKey: string;
  readonly statisticsKey: string;
  readonly statistics: Statistics;
}

/**
 * Looks after the statistics for a root. The leaves are asked about the versions that the statistics are of, so that a
 * search sees one state of each leaf, and scores by just these states.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const collectionViewer = (options: CollectionViewerOptions): CollectionViewer => {
  checkNames(options, ['store', 'clock', 'refreshMs']);
  const { store, clock, refreshMs } = options;
  checkInteger('refreshMs', refreshMs, 0, 3_600_000);
  let loaded: readonly (Loaded | undefined)[] = [];
  let view: CollectionView | undefined;
  let seenAtMs = -Infinity;
  const refreshing = singleFlight<CollectionView>();

  const refresh = async (): Promise<CollectionView> => {
    const startedMs = clock.monotonicMs();
    const heads = await store.heads();
    loaded = await Promise.all(
      heads.map(async (head, leaf): Promise<Loaded | undefined> => {
        const before = loaded[leaf];
        if (head === undefined || before?.indexKey === head.indexKey) return before;
        return { ...head, statistics: await store.statistics(head.statisticsKey) };
      }),
    );
    view = viewOf(loaded);
    seenAtMs = startedMs;
    return view;
  };

  return async () =>
    view !== undefined && clock.monotonicMs() - seenAtMs < refreshMs ? view : refreshing('view', refresh);
};
