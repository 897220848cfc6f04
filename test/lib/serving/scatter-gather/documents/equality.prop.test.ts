import { seededRandom } from '#primitives/memory/random';
import type { Document, Hit } from '#serving/scatter-gather/documents/types';
import { inParts, wordnetDocuments } from '../../../../../functions/serving/scatter-gather/wordnet.ts';
import { bm25Oracle } from './oracle.ts';
import { searchWorld } from './search-world.ts';

const DOCUMENT_COUNT = 12_000;
const QUERY_COUNT = 1_000;
const LIMIT = 20;

let documents: readonly Document[];
let queries: readonly string[];
beforeAll(async () => {
  documents = await wordnetDocuments(DOCUMENT_COUNT);
  const { next } = seededRandom(8);
  const wordOfAny = (): string => {
    const text = documents[Math.floor(next() * documents.length)]?.text ?? '';
    const words = text.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
    return words[Math.floor(next() * words.length)] ?? 'the';
  };
  queries = Array.from({ length: QUERY_COUNT }, () =>
    Array.from({ length: 1 + Math.floor(next() * 5) }, () => (next() < 0.05 ? 'xyzzy' : wordOfAny())).join(' '),
  );
});

/** All answers of a search over so many leaves. */
const answersOf = async (leafCount: number): Promise<readonly (readonly Hit[])[]> => {
  const world = searchWorld({ leafCount, policy: { refreshMs: 3_600_000 } });
  const messages = inParts(documents).map((part) => world.message(JSON.stringify({ documents: part })));
  expect(await world.index(messages)).toEqual(new Set());
  const answers: (readonly Hit[])[] = [];
  for (const query of queries) {
    const found = await world.clock.until(world.search.search(query, { limit: LIMIT }));
    if (found.status !== 'complete') throw new Error(`${query}: ${found.status}`);
    answers.push(found.answer);
  }
  return answers;
};

test('1 000 random queries over 12 000 real documents: the same hits, scores and order with 1, 4 and 20 leaves', async () => {
  const whole = await answersOf(1);
  expect(whole.filter((hits) => hits.length > 0).length).toBeGreaterThan(0.9 * QUERY_COUNT);
  for (const leafCount of [4, 20]) expect(JSON.stringify(await answersOf(leafCount))).toBe(JSON.stringify(whole));

  const oracle = bm25Oracle(documents);
  for (const [at, hits] of whole.entries()) {
    const scores = oracle(queries[at] ?? '');
    const best = [...scores.values()].toSorted((a, b) => b - a).slice(0, LIMIT);
    expect(hits).toHaveLength(best.length);
    for (const [rank, { id, score }] of hits.entries()) {
      expect(score).toBeCloseTo(scores.get(id) ?? Number.NaN, 9);
      expect(score).toBeCloseTo(best[rank] ?? Number.NaN, 9);
    }
  }
}, 240_000);
