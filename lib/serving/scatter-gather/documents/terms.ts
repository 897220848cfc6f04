/** Longer words are cut: nobody searches for them, and each is kept in every statistic. */
const MAX_TERM_LENGTH = 64;
/** Letters with their marks, and digits. Everything else is between words. */
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/**
 * The words of a text in their order: compatibility forms made one, lower case. The same text has the same words
 * everywhere, so that documents and queries meet.
 */
export const termsOf = (text: string): readonly string[] =>
  (text.normalize('NFKC').toLowerCase().match(WORD) ?? []).map((word) =>
    word.length > MAX_TERM_LENGTH ? word.slice(0, MAX_TERM_LENGTH).toWellFormed() : word,
  );
