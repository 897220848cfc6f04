import { gunzipSync } from 'node:zlib';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryWire } from '#primitives/memory/wire';
import { fillBucket } from '../../../../../functions/serving/replicated/dictionary/fill.ts';
import { packedDictionary } from '../../../../../functions/serving/replicated/dictionary/pack.ts';
import {
  MANIFEST_KEY,
  normalized,
  objectKeyOf,
  type Words,
} from '../../../../../functions/serving/replicated/dictionary/words.ts';

let packed: ReadonlyMap<string, Uint8Array>;
beforeAll(async () => {
  packed = await packedDictionary('.dictionary');
}, 120_000);

const wordsOf = (word: string): Words =>
  JSON.parse(gunzipSync(packed.get(objectKeyOf(word)) ?? new Uint8Array()).toString()) as Words;

test('all words of WordNet are in some hundred objects, each where its reader looks', () => {
  const manifest = JSON.parse(Buffer.from(packed.get(MANIFEST_KEY) ?? []).toString()) as { readonly wordCount: number };
  expect(manifest.wordCount).toBe(147_478);
  expect(packed.size).toBe(257);
  let count = 0;
  for (const [key, body] of packed) {
    if (key === MANIFEST_KEY) continue;
    const words = Object.keys(JSON.parse(gunzipSync(body).toString()) as Words);
    count += words.length;
    expect(words.filter((word) => objectKeyOf(word) !== key)).toEqual([]);
    expect(body.length).toBeLessThan(200_000);
  }
  expect(count).toBe(147_478);
});

test('a sense has its part of speech, definition, examples and synonyms', () => {
  expect(wordsOf('ice_cream')['ice_cream']?.[0]).toEqual({
    partOfSpeech: 'noun',
    definition: expect.stringContaining('frozen dessert'),
    examples: [],
    synonyms: ['icecream'],
  });
  expect(wordsOf('quickly')['quickly']?.map(({ partOfSpeech }) => partOfSpeech)).toContain('adverb');
  expect(wordsOf('galore')['galore']?.[0]).toMatchObject({ partOfSpeech: 'adjective' });
  const house = wordsOf('house')['house'] ?? [];
  expect(new Set(house.map(({ partOfSpeech }) => partOfSpeech))).toEqual(new Set(['noun', 'verb']));
  expect(house[0]?.examples).toContain('he has a house on Cape Cod');
  expect(house.flatMap(({ synonyms }) => synonyms)).not.toContain('house');
});

test.each([
  ['House', 'house'],
  ['  Ice  Cream ', 'ice_cream'],
  ['ICE_CREAM', 'ice_cream'],
])('%p is looked up as %p', (given, kept) => {
  expect(normalized(given)).toBe(kept);
});

test('a bucket is filled once, its manifest last; what was broken off is done anew', async () => {
  let putCount = 0;
  let breaksAt = 40;
  const wire = memoryWire({
    intercept: ({ operation }, apply) => {
      if (operation === 's3.PutObject' && (putCount += 1) === breaksAt) throw new Error('broken off');
      return apply();
    },
  });
  const bucket = memoryObjects({ name: 'dictionary', wire });
  await expect(fillBucket(bucket, async () => packed)).rejects.toThrow('broken off');
  expect(await bucket.get(MANIFEST_KEY)).toBeUndefined();
  breaksAt = Infinity;
  expect(await fillBucket(bucket, async () => packed)).toBe(257);
  expect(await bucket.get(MANIFEST_KEY)).toBeDefined();
  wire.resetCounts();
  expect(
    await fillBucket(bucket, () => {
      throw new Error('not needed');
    }),
  ).toBe(0);
  expect(wire.counts()).toEqual({ 's3.GetObject': 1 });
});
