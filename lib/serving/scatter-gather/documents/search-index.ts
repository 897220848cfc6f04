import { termScore } from './bm25.ts';
import type { Collection } from './collection.ts';
import { bestOf } from './best-of.ts';
import { compareIds, type Hit, type LeafQuery } from './types.ts';

/** The best hits of the documents in the index, best first, at most `limit`. */
export type SearchIndex = (query: Pick<LeafQuery, 'terms' | 'documentCount' | 'totalLength' | 'limit'>) => Hit[];

interface Entry {
  readonly id: string;
  readonly excerpt: string;
  readonly length: number;
}

/** For each document that has the word: its number, and how often. Side by side, to be read through quickly. */
type Postings = number[];

/**
 * An inverted index: a search looks at the documents that have one of its words, and at no other. All scores come from the
 * statistics of the query, none from the documents here, so that parts of a collection answer as the whole does.
 *
 * Why not a library: minisearch takes the number of documents with a word from its own postings and the average length
 * from its own running mean; neither can be given to it, so leaves would score by themselves.
 */
export const searchIndex = (collection: Collection): SearchIndex => {
  const entries: Entry[] = [];
  const postings = new Map<string, Postings>();
  for (const [id, { excerpt, length, termCounts }] of collection) {
    const number = entries.push({ id, excerpt, length }) - 1;
    for (const [term, count] of termCounts) {
      const list = postings.get(term);
      if (list === undefined) postings.set(term, [number, count]);
      else list.push(number, count);
    }
  }
  const lengths = Uint32Array.from(entries, ({ length }) => length);
  // Of one search at a time; all zero between two.
  const scores = new Float64Array(entries.length);

  const hitOf = (number: number): Hit => {
    const { id, excerpt } = entries[number] as Entry;
    return { id, score: scores[number] ?? 0, excerpt };
  };

  return ({ terms, limit, ...size }) => {
    const touched: number[] = [];
    // In the order of the query: sums of floating point numbers depend on it.
    for (const { term, documentCount } of terms) {
      const list = postings.get(term) ?? [];
      const scoreOf = termScore(documentCount, size);
      for (let at = 0; at < list.length; at += 2) {
        const number = list[at] ?? 0;
        const before = scores[number] ?? 0;
        if (before === 0) touched.push(number);
        scores[number] = before + scoreOf(list[at + 1] ?? 0, lengths[number] ?? 0);
      }
    }
    const best = bestOf(touched, limit, (a, b) => {
      const difference = (scores[b] ?? 0) - (scores[a] ?? 0);
      return difference === 0 ? compareIds(entries[a]?.id ?? '', entries[b]?.id ?? '') : difference;
    });
    const hits = best.map(hitOf);
    for (const number of touched) scores[number] = 0;
    return hits;
  };
};
