import * as fc from 'fast-check';
import { slotTable } from '#serving/sharded/slot-table';

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `shard-${at}`);
const keys = Array.from({ length: 20_000 }, (_, at) => `key-${at}`);

// Written down once. They never change: a change moves everybody's keys.
const GOLDEN = [
  ['1', 37_910, 'b'],
  ['user-1', 63_650, 'd'],
  ['user-2', 56_983, 'a'],
  ['\u00e9', 4_113, 'c'],
  ['e\u0301', 40_754, 'c'],
  ['日本', 50_393, 'd'],
  ['😀', 48_820, 'c'],
  [' ', 32_500, 'c'],
  ['aaaaaaaa', 30_578, 'b'],
];

test('the same key goes to the same shard in every process and release: golden vectors', () => {
  const table = slotTable({ shards: ['a', 'b', 'c', 'd'] });
  const found = ['1', 'user-1', 'user-2', '\u00e9', 'e\u0301', '日本', '😀', ' ', 'a'.repeat(2_048)].map((key) => [
    key.slice(0, 8),
    table.slotOf(key),
    table.shardOf(key),
  ]);
  expect(found).toEqual(GOLDEN);
});

test('the order in which the shards are named is of no matter', () => {
  const one = slotTable({ shards: names(7) });
  const other = slotTable({ shards: names(7).toReversed() });
  expect(keys.map((key) => other.shardOf(key))).toEqual(keys.map((key) => one.shardOf(key)));
});

test.each([1, 2, 3, 10, 30])(
  'from %i shards to one more: what moves goes to the new one, and is its share',
  (count) => {
    const before = slotTable({ shards: names(count) });
    const after = slotTable({ shards: names(count + 1) });
    const moved = keys.filter((key) => before.shardOf(key) !== after.shardOf(key));
    expect(new Set(moved.map((key) => after.shardOf(key)))).toEqual(new Set([`shard-${count}`]));
    expect(moved.length / keys.length).toBeLessThan(1 / (count + 1) + 0.01);
  },
);

test('100 shards have about the same number of slots', () => {
  const table = slotTable({ shards: names(100) });
  const counts = new Map<string, number>();
  for (let n = 0; n < 200_000; n += 1) {
    const shard = table.shardOf(`k${n}`);
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  expect(counts.size).toBe(100);
  expect(Math.max(...counts.values()) / 2_000).toBeLessThan(1.15);
});

test('any text of 1 to 2048 bytes has a shard', () => {
  const table = slotTable({ shards: names(3) });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (key) => {
      expect(table.shards).toContain(table.shardOf(key));
    }),
  );
});

test.each([
  ['an empty key', ''],
  ['a lone surrogate', '\ud800'],
  ['a key that is too long', 'a'.repeat(2_049)],
])('%s is refused', (_what, key) => {
  expect(() => slotTable({ shards: ['a'] }).shardOf(key)).toThrow("Expected 'key' to be");
});

test.each([
  [[], '1 to 1024 names'],
  [['a', 'a'], 'different names'],
  [[''], "'shards.0'"],
  [names(1_025), '1 to 1024 names'],
])('a set of shards that is none is refused', (shards, message) => {
  expect(() => slotTable({ shards })).toThrow(message);
});
