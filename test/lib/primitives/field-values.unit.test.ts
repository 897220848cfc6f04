import { jsonOf, numberOf, textOf, textsOf } from '#primitives/field-values';

test('a field is read as what it is asked for, and else as nothing', () => {
  const values = [1, 'a', ['a', 1, 'b'], { a: 1 }, new Set(['a']), null, undefined];
  expect(values.map(numberOf)).toEqual([1, 0, 0, 0, 0, 0, 0]);
  expect(values.map(textOf)).toEqual([undefined, 'a', ...Array<undefined>(5).fill(undefined)]);
  expect(values.map(textsOf)).toEqual([[], [], ['a', 'b'], [], [], [], []]);
  expect(values.map(jsonOf)).toEqual([1, 'a', ['a', 1, 'b'], { a: 1 }, undefined, null, undefined]);
});
