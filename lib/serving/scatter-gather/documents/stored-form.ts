import type { Collection, IndexedDocument, Statistics } from './collection.ts';

/** Words are written once, documents name them by number: id, stamp, excerpt, and word and count side by side. */
interface StoredCollection {
  readonly terms: readonly string[];
  readonly documents: readonly (readonly [id: string, stamp: string, excerpt: string, counts: readonly number[]])[];
}

interface StoredStatistics {
  readonly documentCount: number;
  readonly totalLength: number;
  readonly documentCounts: readonly (readonly [term: string, count: number])[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const collectionBytes = (collection: Collection): Uint8Array => {
  const numbers = new Map<string, number>();
  const numberOf = (term: string): number => {
    const known = numbers.get(term);
    if (known !== undefined) return known;
    numbers.set(term, numbers.size);
    return numbers.size - 1;
  };
  const documents = Array.from(
    collection,
    ([id, { stamp, excerpt, termCounts }]) =>
      [id, stamp, excerpt, [...termCounts].flatMap(([term, count]) => [numberOf(term), count])] as const,
  );
  return encoder.encode(JSON.stringify({ terms: [...numbers.keys()], documents } satisfies StoredCollection));
};

export const collectionOf = (bytes: Uint8Array): Collection => {
  // Written by `collectionBytes`, under a key that nobody else writes.
  const { terms, documents } = JSON.parse(decoder.decode(bytes)) as StoredCollection;
  return new Map(
    documents.map(([id, stamp, excerpt, counts]): [string, IndexedDocument] => {
      const termCounts = new Map<string, number>();
      let length = 0;
      for (let at = 0; at < counts.length; at += 2) {
        const count = counts[at + 1] ?? 0;
        termCounts.set(terms[counts[at] ?? -1] ?? '', count);
        length += count;
      }
      return [id, { stamp, excerpt, length, termCounts }];
    }),
  );
};

export const statisticsBytes = ({ documentCount, totalLength, documentCounts }: Statistics): Uint8Array =>
  encoder.encode(
    JSON.stringify({ documentCount, totalLength, documentCounts: [...documentCounts] } satisfies StoredStatistics),
  );

export const storedStatistics = (bytes: Uint8Array): Statistics => {
  const { documentCounts, ...size } = JSON.parse(decoder.decode(bytes)) as StoredStatistics;
  return { ...size, documentCounts: new Map(documentCounts) };
};
