import fc from 'fast-check';
import { bestOf } from '#serving/scatter-gather/documents/best-of';

test('the best are those that sorting all would begin with', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }), fc.nat(20), (numbers, limit) => {
      expect(bestOf(numbers, limit, (a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b).slice(0, limit));
    }),
    { numRuns: 300 },
  );
});
