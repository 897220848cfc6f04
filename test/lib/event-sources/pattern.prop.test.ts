import * as fc from 'fast-check';
import { compilePattern } from '#event-sources/pattern';

const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\', 'é'), maxLength: 8 });
const leaf = fc.oneof(word, fc.integer({ min: -9, max: 9 }), fc.boolean(), fc.constant(null));
const matches = (entry: unknown, value: unknown): boolean => compilePattern({ f: [entry] })({ f: value });
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('*', '\\*');

/** The plainest definition of a wildcard: character by character, exponential. */
const wildcardMatches = (pieces: readonly (string | null)[], text: string): boolean => {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return text === '';
  if (piece === null)
    return Array.from({ length: text.length + 1 }, (_, i) => i).some((i) => wildcardMatches(rest, text.slice(i)));
  return text.startsWith(piece) && wildcardMatches(rest, text.slice(piece.length));
};

test('a literal matches exactly itself', () => {
  fc.assert(fc.property(leaf, leaf, (a, b) => matches(a, b) === Object.is(a, b) || (a === 0 && b === 0)));
});

test('a list matches when one of its entries does', () => {
  fc.assert(
    fc.property(fc.array(leaf, { minLength: 1, maxLength: 4 }), leaf, (entries, value) => {
      expect(compilePattern({ f: entries })({ f: value })).toBe(entries.some((entry) => matches(entry, value)));
    }),
  );
});

test('an array in the event matches when one of its elements does', () => {
  fc.assert(
    fc.property(leaf, fc.array(leaf, { maxLength: 4 }), (entry, values) => {
      expect(matches(entry, values)).toBe(values.some((value) => matches(entry, value)));
    }),
  );
});

test('anything-but is the opposite of its list, for a value that is there', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), leaf, (list, value) => {
      expect(matches({ 'anything-but': list }, value)).toBe(!list.some((entry) => matches(entry, value)));
      for (const operator of ['prefix', 'suffix', 'equals-ignore-case']) {
        expect(matches({ 'anything-but': { [operator]: list } }, value)).toBe(
          !list.some((entry) => matches({ [operator]: entry }, value)),
        );
      }
    }),
  );
});

test('a wildcard matches as its plainest definition says', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\'), maxLength: 8 });
  const literal = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\'), minLength: 1, maxLength: 2 });
  fc.assert(
    fc.property(
      fc.array(literal, { maxLength: 4 }),
      fc.boolean(),
      fc.boolean(),
      text,
      (literals, before, behind, value) => {
        const pieces = literals.flatMap((piece, i): (string | null)[] => (i === 0 ? [piece] : [null, piece]));
        const all = [
          ...(before ? [null] : []),
          ...pieces,
          ...(behind && (literals.length > 0 || !before) ? [null] : []),
        ];
        const pattern = all.map((piece) => (piece === null ? '*' : escaped(piece))).join('');
        expect(matches({ wildcard: pattern }, value)).toBe(wildcardMatches(all, value));
      },
    ),
    { numRuns: 500 },
  );
});

test('a range holds exactly the numbers between its bounds', () => {
  const number = fc.integer({ min: -50, max: 50 });
  fc.assert(
    fc.property(
      number,
      fc.integer({ min: 1, max: 20 }),
      number,
      fc.boolean(),
      fc.boolean(),
      (low, span, value, from, to) => {
        const high = low + span;
        const holds = (from ? value >= low : value > low) && (to ? value <= high : value < high);
        expect(matches({ numeric: [from ? '>=' : '>', low, to ? '<=' : '<', high] }, value)).toBe(holds);
      },
    ),
  );
});

test('a mask holds exactly the addresses that share its leading bits', () => {
  const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const text = (bits: number): string => [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 32 }), address, fc.boolean(), (network, bitCount, other, near) => {
      const divisor = 2 ** (32 - bitCount);
      const value = near ? Math.floor(network / divisor) * divisor + (other % divisor) : other;
      const holds = Math.floor(network / divisor) === Math.floor(value / divisor);
      expect(matches({ cidr: `${text(network)}/${bitCount}` }, text(value))).toBe(holds);
    }),
  );
});

test('whatever JSON is given as a pattern or an event, the answer is a boolean or InvalidPatternError', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (pattern, event) => {
      try {
        expect(typeof compilePattern(pattern)(event)).toBe('boolean');
      } catch (error) {
        expect(error).toMatchObject({ name: 'InvalidPatternError', code: 'event-sources/invalid-pattern' });
      }
    }),
    { numRuns: 500 },
  );
});
