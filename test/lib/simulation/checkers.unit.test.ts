import {
  BrokenPromiseError,
  falling,
  holdAll,
  lost,
  notRising,
  outOfOrder,
  twice,
  unbalanced,
  unexpected,
} from '#simulation/checkers';

test('tells what was lost, what nobody expected and what happened twice', () => {
  expect(lost(['a', 'b', 'c'], ['c', 'a'])).toEqual(['lost: b']);
  expect(unexpected(['a'], ['a', 'lost'])).toEqual(['unexpected: lost']);
  expect(twice(['a', 'b', 'a', 'a'])).toEqual(['3 times: a']);
});

test('tells where the order of a group was broken, and of that group only', () => {
  const step = (group: string, number: number) => ({ group, step: number });
  expect(outOfOrder([step('a', 1), step('b', 9), step('a', 2), step('b', 10)])).toEqual([]);
  expect(outOfOrder([step('a', 2), step('b', 1), step('a', 1), step('a', 3), step('a', 3)])).toEqual([
    'out of order: 1 after 2 in a',
    'out of order: 3 after 3 in a',
  ]);
});

test('tells which reads do not add up, or have a negative part, also while the total is unknown', () => {
  const read = (total: number | null, a: number, b: number) => ({ total, parts: { a, b } });
  expect(unbalanced([read(3, 1, 2), read(null, 5, 0)])).toEqual([]);
  expect(unbalanced([read(3, 1, 1), read(3, 4, -1), read(null, 1, -1)])).toHaveLength(3);
});

test('tells what fell, and which tokens did not rise', () => {
  expect(falling([1, 1, 3])).toEqual([]);
  expect(falling([1, 3, 2, 3])).toEqual(['fell from 3 to 2']);
  expect(notRising([1, 2, 9])).toEqual([]);
  expect(notRising([1, 1, 0])).toEqual(['token 1 after 1', 'token 0 after 1']);
});

test('one problem is enough to be raised, and many are told in short', () => {
  expect(() => holdAll([], [])).not.toThrow();
  expect(() => holdAll([], ['lost: a'])).toThrow(new BrokenPromiseError(['lost: a']));
  expect(() => holdAll(Array.from({ length: 7 }, (_, n) => `lost: ${n}`))).toThrow('lost: 4; and 2 more');
});
