import fc from 'fast-check';
import { mergeSorted } from '#serving/scatter-gather/merge-sorted';

interface Item {
  readonly key: number;
  readonly list: number;
}

const byKey = (a: Item, b: Item): number => a.key - b.key;
const lists = fc
  .array(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 12 }), { maxLength: 9 })
  .map((keys) => keys.map((each, list) => each.toSorted((a, b) => a - b).map((key): Item => ({ key, list }))));

test('merging begins as sorting everything would, equal items in the order of their lists', () => {
  fc.assert(
    fc.property(lists, fc.integer({ min: 0, max: 60 }), (sorted, limit) => {
      // `toSorted` keeps the order of equal items.
      expect(mergeSorted(sorted, byKey, limit)).toEqual(sorted.flat().toSorted(byKey).slice(0, limit));
    }),
    { numRuns: 500 },
  );
});

test('a limit that is no whole number is refused', () => {
  expect(() => mergeSorted([], byKey, 1.5)).toThrow("Expected 'limit' to be an integer from 0 to 1000000, got 1.5.");
});
