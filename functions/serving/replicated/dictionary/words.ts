/** Where words are: what packs them and what reads them must agree. Another number or format is another edition. */
const EDITION = 'wordnet-3.1/1';
const OBJECT_COUNT = 256;
/** Written last: when it is there, all is there. */
export const MANIFEST_KEY = `${EDITION}/manifest.json`;

/** One meaning of a word. */
export interface Sense {
  readonly partOfSpeech: 'noun' | 'verb' | 'adjective' | 'adverb';
  readonly definition: string;
  readonly examples: readonly string[];
  readonly synonyms: readonly string[];
}

/** What is in one object: some of the words, by their form in the dictionary. */
export type Words = Readonly<Record<string, readonly Sense[]>>;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The form under which a word is kept: lower case, with `_` for spaces. */
export const normalized = (word: string): string => word.normalize('NFC').toLowerCase().trim().replaceAll(/\s+/g, '_');

/** The key of the object that has the word, if any has. FNV-1a: spread evenly, whatever the words begin with. */
export const objectKeyOf = (word: string): string => {
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  const place = (hash >>> 0) % OBJECT_COUNT;
  return `${EDITION}/${place.toString(16).padStart(2, '0')}.json.gz`;
};
