import type { Document } from '#serving/scatter-gather/documents/types';

/** The textbook's BM25 over all documents, one by one; nothing of the library is used. */
export const bm25Oracle = (documents: readonly Document[]) => {
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const all = documents.map(({ id, text }) => ({ id, words: words(text) }));
  const averageLength = all.reduce((sum, each) => sum + each.words.length, 0) / all.length;
  const byWord = new Map<string, Map<string, number>>();
  const lengths = new Map(all.map((each) => [each.id, each.words.length]));
  for (const each of all)
    for (const word of each.words) {
      const counts = byWord.get(word) ?? new Map<string, number>();
      byWord.set(word, counts.set(each.id, (counts.get(each.id) ?? 0) + 1));
    }
  /** All that match, with their scores, unordered. */
  return (query: string): ReadonlyMap<string, number> => {
    const scores = new Map<string, number>();
    for (const word of new Set(words(query))) {
      const counts = byWord.get(word) ?? new Map<string, number>();
      const inverse = Math.log((all.length - counts.size + 0.5) / (counts.size + 0.5) + 1);
      for (const [id, count] of counts) {
        const penalty = 0.25 + (0.75 * (lengths.get(id) ?? 0)) / averageLength;
        scores.set(id, (scores.get(id) ?? 0) + (inverse * (count * 2.2)) / (count + 1.2 * penalty));
      }
    }
    return scores;
  };
};
