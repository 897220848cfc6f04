import fc from 'fast-check';
import { canonicalJson } from '#primitives/canonical-json';

/** The same JSON, its fields in another order. */
const shuffled = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => [name, shuffled(inner)]);
  return Object.fromEntries(entries.toReversed());
};

test('the order of fields does not matter, and the text is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(shuffled(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
