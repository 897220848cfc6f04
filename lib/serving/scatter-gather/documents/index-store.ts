import { checkInteger, checkNames } from '#primitives/checks';
import { OutcomeUnknownError, PatternError } from '#primitives/errors';
import type { Objects } from '#primitives/objects';
import type { Random } from '#primitives/random';
import { absent, equals, type Fields, type Table, type WriteOutcome } from '#primitives/table';
import { statisticsOf, type Collection, type Statistics } from './collection.ts';
import { leafName } from './leaf-of.ts';
import { collectionBytes, collectionOf, statisticsBytes, storedStatistics } from './stored-form.ts';

/** Which version of a leaf's index counts. */
export interface IndexHead {
  /** 1 for the first. */
  readonly version: number;
  /** Names the write that made it the head. */
  readonly token: string;
  readonly indexKey: string;
  readonly statisticsKey: string;
}

export interface IndexStoreOptions {
  /** Where the indexes are. Only the store writes there. */
  readonly objects: Objects;
  /** Where it is written which of them count. */
  readonly table: Table;
  readonly random: Random;
  /** 1..1_000. Each number of leaves has indexes of its own: a document is in another leaf when the number is another. */
  readonly leafCount: number;
}

/**
 * The indexes of all leaves. A version of an index is an object that never changes, and a head in the table says which
 * version counts, so that readers see a whole index or the one before, whoever writes meanwhile or dies.
 */
export interface IndexStore {
  readonly leafCount: number;
  /** The heads of all leaves, undefined where there are no documents yet. 1 call. */
  heads(): Promise<readonly (IndexHead | undefined)[]>;
  /** 1 call. */
  head(leaf: number): Promise<IndexHead | undefined>;
  /** @throws {@link PatternError} `scatter-gather/index-gone` for a version that was swept. 1 call. */
  collection(indexKey: string): Promise<Collection>;
  /** @throws {@link PatternError} `scatter-gather/index-gone` for a version that was swept. 1 call. */
  statistics(statisticsKey: string): Promise<Statistics>;
  /**
   * Makes `collection` the leaf's index, unless somebody else was first: `overtaken`, and nothing has changed then. A lost
   * answer is recognised; when somebody else has come since, it is `overtaken` whether or not it was the index. A crash
   * leaves an object or two that nobody reads, until a later version sweeps them. 3 calls, and two and more every 16
   * versions.
   */
  swap(leaf: number, base: IndexHead | undefined, collection: Collection): Promise<'swapped' | 'overtaken'>;
}

/** Versions that are kept behind the head, for readers that have not seen it; as often is looked for older ones. */
const KEPT_COUNT = 16;
const LOST_ANSWERS_LIMIT = 3;
const VERSION_DIGITS = 10;
const JSON_TYPE = { contentType: 'application/json' };

const headOf = (fields: Fields | undefined): IndexHead | undefined => {
  if (fields === undefined) return undefined;
  const { version, token, indexKey, statisticsKey } = fields;
  const isHead =
    typeof version === 'number' &&
    typeof token === 'string' &&
    typeof indexKey === 'string' &&
    typeof statisticsKey === 'string';
  return isHead ? { version, token, indexKey, statisticsKey } : undefined;
};

/** The version in a key of ours. */
const versionIn = (key: string): number => Number(/\/(\d+)-[^/]*\/[^/]*$/.exec(key)?.[1]);

/** What a leaf needs of the store: to read the version that it is told. */
export const indexReader = (objects: Objects): Pick<IndexStore, 'collection' | 'statistics'> => {
  const read = async (key: string): Promise<Uint8Array> => {
    const found = await objects.get(key);
    // Whoever asked has an old head: with the present one it will be found.
    if (found === undefined)
      throw new PatternError('scatter-gather/index-gone', `There is no '${key}' any more.`, { retryable: true });
    return found.body;
  };
  return Object.freeze({
    collection: async (indexKey: string) => collectionOf(await read(indexKey)),
    statistics: async (statisticsKey: string) => storedStatistics(await read(statisticsKey)),
  });
};

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const indexStore = (options: IndexStoreOptions): IndexStore => {
  checkNames(options, ['objects', 'table', 'random', 'leafCount']);
  const { objects, table, random, leafCount } = options;
  checkInteger('leafCount', leafCount, 1, 1_000);
  const partition = `heads/${leafCount}`;
  const prefixOf = (leaf: number): string => `${leafCount}/${leafName(leaf)}/`;

  /**
   * Repeats a write whose answer was lost: it carries a token of ours, so that a refusal by itself is known. `unknown`: the
   * repeat was refused by a head that may have been built on ours.
   */
  const written = async (
    token: string,
    write: () => Promise<WriteOutcome>,
  ): Promise<'written' | 'refused' | 'unknown'> => {
    for (let lost = 1; ; lost += 1) {
      try {
        const outcome = await write();
        if (outcome.status === 'written' || outcome.current?.['token'] === token) return 'written';
        return lost === 1 ? 'refused' : 'unknown';
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError) || lost >= LOST_ANSWERS_LIMIT) throw error;
      }
    }
  };

  /** What is so old that it can't be the head any more, nor a reader's, whether or not it ever was. */
  const sweep = async (leaf: number, version: number): Promise<void> => {
    const { objects: oldest } = await objects.list({ prefix: prefixOf(leaf), limit: 8 * KEPT_COUNT });
    for (const { key } of oldest) if (versionIn(key) < version - KEPT_COUNT) await objects.delete(key);
  };

  return Object.freeze<IndexStore>({
    leafCount,
    heads: async () => {
      const { records } = await table.query({ partition });
      const byName = new Map(records.map(({ key, fields }) => [key.sort, headOf(fields)]));
      return Array.from({ length: leafCount }, (_, leaf) => byName.get(leafName(leaf)));
    },
    head: async (leaf) => headOf(await table.get({ partition, sort: leafName(leaf) })),
    ...indexReader(objects),
    swap: async (leaf, base, collection) => {
      const version = (base?.version ?? 0) + 1;
      const token = random.uuid();
      const folder = `${prefixOf(leaf)}${String(version).padStart(VERSION_DIGITS, '0')}-${token}`;
      const [indexKey, statisticsKey] = [`${folder}/index.json`, `${folder}/statistics.json`];
      await objects.put(indexKey, collectionBytes(collection), JSON_TYPE);
      await objects.put(statisticsKey, statisticsBytes(statisticsOf(collection)), JSON_TYPE);
      const outcome = await written(token, () =>
        table.put({
          key: { partition, sort: leafName(leaf) },
          fields: { version, token, indexKey, statisticsKey },
          condition: base === undefined ? absent() : equals('token', base.token),
        }),
      );
      // What was a head for a moment is read by whoever saw it; it is swept like any other.
      if (outcome === 'unknown') return 'overtaken';
      if (outcome === 'refused') {
        await objects.delete(indexKey);
        await objects.delete(statisticsKey);
        return 'overtaken';
      }
      if (version % KEPT_COUNT === 0) await sweep(leaf, version);
      return 'swapped';
    },
  });
};
