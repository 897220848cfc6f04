/** What is sent to be found. */
export interface Document {
  /** 1..256 bytes. A document that comes under a known id replaces the one before. */
  readonly id: string;
  readonly text: string;
}

/** A document that a search has found. */
export interface Hit {
  readonly id: string;
  /** The higher the better; comparable between all hits of one search. */
  readonly score: number;
  /** How its text begins. */
  readonly excerpt: string;
}

/** A word of a query, with what the whole collection knows of it. */
export interface QueryTerm {
  readonly term: string;
  /** How many documents of all leaves have it. */
  readonly documentCount: number;
}

/** What a leaf is asked, in one invocation. */
export interface LeafQuery {
  readonly terms: readonly QueryTerm[];
  /** Of the whole collection. */
  readonly documentCount: number;
  readonly totalLength: number;
  /** How many hits are wanted. */
  readonly limit: number;
  /** Which version of the index to ask, by leaf; a leaf that is not named has no documents yet. */
  readonly indexKeys: Readonly<Record<string, string>>;
  /** Carries the trace. */
  readonly traceparent?: string;
}

/** The best hits of a leaf, best first. */
export interface LeafHits {
  readonly hits: readonly Hit[];
  /** How long the leaf itself worked. */
  readonly workMs: number;
}

export const compareIds = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** The order of hits: by score, and by id where scores are equal, so that there is one order only. */
export const compareHits = (a: Hit, b: Hit): number => b.score - a.score || compareIds(a.id, b.id);
