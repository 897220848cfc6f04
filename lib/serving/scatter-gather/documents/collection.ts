import { termsOf } from './terms.ts';
import type { Document } from './types.ts';

/** A document as an index keeps it. */
export interface IndexedDocument {
  readonly excerpt: string;
  /** Orders the versions of a document: of two the one with the greater stamp counts. */
  readonly stamp: string;
  /** In words. */
  readonly length: number;
  /** How often each word is in it. */
  readonly termCounts: ReadonlyMap<string, number>;
}

/** The documents of a leaf, by id. */
export type Collection = ReadonlyMap<string, IndexedDocument>;

/** A document and when it was sent. */
export interface StampedDocument extends Document {
  readonly stamp: string;
}

/** What can be told of a leaf without its index. */
export interface Statistics {
  readonly documentCount: number;
  readonly totalLength: number;
  /** In how many documents each word is. */
  readonly documentCounts: ReadonlyMap<string, number>;
}

const EXCERPT_LENGTH = 200;

const excerptOf = (text: string): string =>
  text.length <= EXCERPT_LENGTH ? text : `${text.slice(0, EXCERPT_LENGTH - 1).toWellFormed()}…`;

/** A document as an index keeps it. */
export const indexed = ({ text, stamp }: StampedDocument): IndexedDocument => {
  const terms = termsOf(text);
  const termCounts = new Map<string, number>();
  for (const term of terms) termCounts.set(term, (termCounts.get(term) ?? 0) + 1);
  return { excerpt: excerptOf(text), stamp, length: terms.length, termCounts };
};

/**
 * The collection with the documents put in; undefined when nothing changes, since all of them are known, in this or in a
 * later version. So a message may come twice, and late, and do nothing.
 *
 * `left` are those that there is no room for: new ones in excess of `limit`, in their order. A new version of what is
 * there needs none.
 */
export const withDocuments = <T extends StampedDocument>(
  collection: Collection,
  documents: readonly T[],
  limit: number,
): { readonly changed: Collection | undefined; readonly left: readonly T[] } => {
  const changed = new Map(collection);
  const left: T[] = [];
  let isChanged = false;
  for (const document of documents) {
    const known = changed.get(document.id);
    if (known !== undefined && known.stamp >= document.stamp) continue;
    if (known === undefined && changed.size >= limit) {
      left.push(document);
      continue;
    }
    changed.set(document.id, indexed(document));
    isChanged = true;
  }
  return { changed: isChanged ? changed : undefined, left };
};

/** Counts a collection through. */
export const statisticsOf = (collection: Collection): Statistics => {
  const documentCounts = new Map<string, number>();
  let totalLength = 0;
  for (const { length, termCounts } of collection.values()) {
    totalLength += length;
    for (const term of termCounts.keys()) documentCounts.set(term, (documentCounts.get(term) ?? 0) + 1);
  }
  return { documentCount: collection.size, totalLength, documentCounts };
};
