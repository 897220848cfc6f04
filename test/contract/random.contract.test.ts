import { seededRandom } from '#primitives/memory/random';
import type { Random } from '#primitives/random';
import { systemRandom } from '#primitives/system-random';

const cases: readonly { readonly name: string; readonly make: () => Random }[] = [
  { name: 'the system', make: systemRandom },
  { name: 'memory', make: () => seededRandom(42) },
];

describe.each(cases)('random of $name', ({ make }) => {
  test('gives numbers from 0 to below 1, all over the range', () => {
    const random = make();
    const numbers = Array.from({ length: 10_000 }, () => random.next());
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(new Set(numbers.map((number) => Math.floor(number * 10))).size).toBe(10);
    expect(new Set(numbers).size).toBeGreaterThan(9_900);
  });

  test('gives UUIDs of version 4, no two alike', () => {
    const random = make();
    const uuids = Array.from({ length: 1000 }, () => random.uuid());
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(uuids.filter((uuid) => !form.test(uuid))).toEqual([]);
    expect(new Set(uuids).size).toBe(1000);
  });
});

test('the same seed gives the same run, another seed another one', () => {
  const run = (seed: number) => {
    const random = seededRandom(seed);
    return [random.next(), random.next(), random.uuid(), random.next()];
  };
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
  expect(() => seededRandom(-1)).toThrow("Expected 'seed'");
});
