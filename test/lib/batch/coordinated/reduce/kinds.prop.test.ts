import fc from 'fast-check';
import { fromUnits, toUnits } from '#batch/coordinated/reduce/exact-sum';
import { reducerOf, wordsOf, type AnyReducer, type ReductionKind } from '#batch/coordinated/reduce/kinds';
import { fold, type ReductionItem } from '#batch/coordinated/reduce/reducer';

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const value = fc.oneof(double, fc.integer(), fc.constantFrom(0, -0, 5e-324, 1e308, -1e308, 1e16, 1));
const bounds = [-10, 0, 0.5, 1e6];

const KINDS: readonly (readonly [string, ReductionKind, AnyReducer, fc.Arbitrary<Omit<ReductionItem, 'id'>>])[] = [
  ['count', 'count', reducerOf('count'), fc.constant({})],
  ['sum', 'sum', reducerOf('sum'), fc.record({ value })],
  ['histogram with bounds', 'histogram', reducerOf('histogram', bounds), fc.record({ value })],
  [
    'histogram of anything',
    'histogram',
    reducerOf('histogram'),
    fc.record({ value: fc.oneof(fc.string({ maxLength: 2 }), fc.constantFrom('__proto__', 'constructor'), value) }),
  ],
  ['wordcount', 'wordcount', reducerOf('wordcount'), fc.record({ text: fc.oneof(fc.lorem(), fc.string()) })],
];

describe.each(KINDS)('%s', (_, __, reducer, some) => {
  const items = fc.array(some, { maxLength: 8 }).map((list) => list.map((item, at) => ({ id: `i${at}`, ...item })));
  const stateOf = (list: readonly ReductionItem[]): unknown =>
    fold(
      reducer,
      list.map((item) => reducer.of(item)),
    );
  const text = (state: unknown): string => reducer.write(state);

  test('merging is associative and commutative, and empty changes nothing', () => {
    fc.assert(
      fc.property(items, items, items, (a, b, c) => {
        const [x, y, z] = [stateOf(a), stateOf(b), stateOf(c)];
        expect(text(reducer.merge(reducer.merge(x, y), z))).toBe(text(reducer.merge(x, reducer.merge(y, z))));
        expect(text(reducer.merge(x, y))).toBe(text(reducer.merge(y, x)));
        expect(text(reducer.merge(reducer.empty, x))).toBe(text(x));
      }),
    );
  });

  test('a state is the same after it was written and read, and its result is JSON', () => {
    fc.assert(
      fc.property(items, (list) => {
        const state = stateOf(list);
        expect(text(reducer.read(text(state)))).toBe(text(state));
        const result = reducer.result(state);
        expect(JSON.parse(JSON.stringify(result))).toEqual(JSON.parse(JSON.stringify(reducer.result(state))));
      }),
    );
  });
});

describe('the exact sum', () => {
  test('a double comes back as it was', () => {
    fc.assert(fc.property(value, (number) => fromUnits(toUnits(number)) === number));
  });

  test('of two it is what the machine adds, which rounds once', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(fromUnits(toUnits(a) + toUnits(b)) + 0).toBe(a + b + 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of many it does not depend on the order, where adding does', () => {
    const list = [1e16, 1, -1e16, 1e-3];
    const sum = (numbers: readonly number[]) => fromUnits(numbers.reduce((all, each) => all + toUnits(each), 0n));
    expect(sum(list)).toBe(1.001);
    expect(sum(list.toReversed())).toBe(1.001);
    expect(list.reduce((a, b) => a + b)).not.toBe(1.001);
  });

  test('beyond the largest double it is no number', () => {
    expect(reducerOf('sum').result(toUnits(1e308) * 10n)).toBeNull();
  });
});

test('words are of any script, in lower case, with what is inside them', () => {
  expect(wordsOf("Don't stop — l’été, ÉCOLE; 東京 x2 ' __proto__ a_b")).toEqual([
    "don't",
    'stop',
    'l’été',
    'école',
    '東京',
    'x2',
    'proto',
    'a',
    'b',
  ]);
});
