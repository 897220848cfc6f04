/** What is known of a whole collection, in whole numbers, so that it is the same whatever order it was added up in. */
export interface CollectionSize {
  readonly documentCount: number;
  /** Words of all documents. */
  readonly totalLength: number;
}

/** How soon a word that is repeated counts no more, and how much long documents are held against. The usual values. */
const SATURATION = 1.2;
const LENGTH_PENALTY = 0.75;

/** How much a document of `length` words, in which the word is `termCount` times, is about the word. */
export type TermScore = (termCount: number, length: number) => number;

/**
 * The scores of documents for one word. The form of Lucene: never negative, also for a word that most documents have.
 *
 * Every number that is not of the document itself is of the whole collection. A leaf that is given them gives each of its
 * documents, bit for bit, the score that it would have in one index of everything.
 *
 * @param documentsWithTerm How many documents of the collection have the word, 1 and more.
 * @see Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, section 3.4
 */
export const termScore = (documentsWithTerm: number, { documentCount, totalLength }: CollectionSize): TermScore => {
  const rarity = Math.log(1 + (documentCount - documentsWithTerm + 0.5) / (documentsWithTerm + 0.5));
  const most = rarity * (SATURATION + 1);
  return (termCount, length) => {
    const relativeLength = (length * documentCount) / totalLength;
    const norm = SATURATION * (1 - LENGTH_PENALTY + LENGTH_PENALTY * relativeLength);
    return (most * termCount) / (termCount + norm);
  };
};
