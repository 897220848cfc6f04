import { execFileSync } from 'node:child_process';
import path from 'node:path';
import * as fc from 'fast-check';
import { slotTable } from '#serving/sharded/slot-table';
import { places } from './golden.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `shard-${at}`);
const keys = Array.from({ length: 20_000 }, (_, at) => `key-${at}`);
const small = (shards: readonly (string | { readonly name: string; readonly weight?: number })[]) =>
  slotTable({ shards, slotBits: 12 });
const shares = (table: ReturnType<typeof slotTable>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (let slot = 0; slot < table.slotCount; slot += 1)
    counts.set(table.ownerOf(slot), (counts.get(table.ownerOf(slot)) ?? 0) + 1 / table.slotCount);
  return counts;
};
const owners = (table: ReturnType<typeof slotTable>): readonly string[] =>
  Array.from({ length: table.slotCount }, (_, slot) => table.ownerOf(slot));

// Written down once: slot and shard in a table of the default size, then in one with weights. They never change: a
// change moves everybody's keys.
const GOLDEN = [
  ['1', 151_642, 'b', 2_369, 'a'],
  ['user-1', 254_602, 'a', 3_978, 'a'],
  ['user-2', 227_933, 'a', 3_561, 'b'],
  ['\u00e9', 16_452, 'd', 257, 'a'],
  ['e\u0301', 163_018, 'c', 2_547, 'a'],
  ['日本', 201_575, 'd', 3_149, 'a'],
  ['😀', 195_280, 'c', 3_051, 'b'],
  [' ', 130_002, 'c', 2_031, 'b'],
  ['aaaaaaaa', 235_716, 'c', 3_683, 'b'],
  ['aaaaaaaa', 76_296, 'd', 1_192, 'd'],
  ['éééééééé', 8_536, 'b', 133, 'd'],
  ['aaaaaaaa', 182_926, 'c', 2_858, 'a'],
];

test('the same key goes to the same shard in every release: golden vectors', () => {
  expect(places()).toEqual(GOLDEN);
});

test('the same key goes to the same shard in another process', () => {
  const file = path.join(import.meta.dirname, 'golden.ts');
  const other = execFileSync(process.execPath, [file, 'print'], { encoding: 'utf8', timeout: 60_000 });
  expect(JSON.parse(other)).toEqual(GOLDEN);
}, 70_000);

test('the order in which the shards are named is of no matter, nor how the table came about', () => {
  const one = owners(small(names(7)));
  expect(owners(small(names(7).toReversed()))).toEqual(one);
  expect(owners(small(names(6)).with('shard-6'))).toEqual(one);
  expect(owners(small([...names(7), 'x']).without('x'))).toEqual(one);
  expect(
    owners(
      small([...names(6), 'x'])
        .without('x')
        .with('shard-6'),
    ),
  ).toEqual(one);
});

test('the order is of no matter with weights either', () => {
  const shards = names(6).map((name, at) => ({ name, weight: 1 + at / 3 }));
  const one = owners(small(shards));
  expect(owners(small(shards.toReversed()))).toEqual(one);
  expect(owners(small(shards.slice(1)).with(shards[0] ?? ''))).toEqual(one);
});

test('weights that are all alike place as no weights do', () => {
  expect(owners(small(names(5).map((name) => ({ name, weight: 7 }))))).toEqual(owners(small(names(5))));
});

test.each([1, 2, 3, 10, 30])(
  'from %i shards to one more: what moves goes to the new one, and is its share',
  (count) => {
    const before = slotTable({ shards: names(count), slotBits: 16 });
    const after = before.with(`shard-${count}`);
    const moved = keys.filter((key) => before.shardOf(key) !== after.shardOf(key));
    expect(new Set(moved.map((key) => after.shardOf(key)))).toEqual(new Set([`shard-${count}`]));
    expect(moved.length / keys.length).toBeLessThan(1 / (count + 1) + 0.01);
  },
);

test('when one leaves, only what it had moves', () => {
  const before = small(names(10));
  const after = before.without('shard-3');
  const moved = owners(before).filter((owner, slot) => owner !== after.ownerOf(slot));
  expect(new Set(moved)).toEqual(new Set(['shard-3']));
  expect(after.shards).toEqual(names(10).filter((name) => name !== 'shard-3'));
});

test('100 shards have between them a million keys as evenly as 7 %, in a quarter of a MiB', () => {
  const table = slotTable({ shards: names(100) });
  const counts = new Map<string, number>();
  for (let n = 0; n < 1_000_000; n += 1) {
    const shard = table.shardOf(`key-${n}`);
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  expect(counts.size).toBe(100);
  expect(Math.max(...counts.values()) / 10_000).toBeLessThanOrEqual(1.07);
  expect(table.stateBytes).toBeLessThanOrEqual(0.26 * 1_048_576);
}, 60_000);

test('a shard of twice the weight has twice the keys, and takes them from all others', () => {
  const table = slotTable({ shards: ['a', 'b', { name: 'c', weight: 2 }], slotBits: 16 });
  expect(shares(table).get('c')).toBeCloseTo(0.5, 1);
  const half = slotTable({ shards: ['a', 'b', { name: 'c', weight: 0.5 }], slotBits: 16 });
  expect(shares(half).get('c')).toBeCloseTo(0.2, 1);
});

test('however a table came about, with weights and without, it is the one that is made at once', () => {
  const shard = fc.record({ name: fc.constantFrom(...names(40)), weight: fc.constantFrom(0.01, 0.5, 1, 1, 1, 3, 100) });
  const shards = fc.uniqueArray(shard, { selector: ({ name }) => name, minLength: 2, maxLength: 24 });
  fc.assert(
    fc.property(shards, fc.integer({ min: 4, max: 8 }), (all, slotBits) => {
      const [first = '', ...others] = all;
      let table = slotTable({ shards: [first], slotBits });
      for (const other of others) table = table.with(other);
      for (const { name } of all.slice(0, all.length / 2)) table = table.without(name);
      for (const other of all.slice(0, all.length / 2)) table = table.with(other);
      const atOnce = slotTable({ shards: all, slotBits });
      expect(owners(table)).toEqual(owners(atOnce));
      // And each slot is with the one that is nearest to it.
      for (let slot = 0; slot < atOnce.slotCount; slot += 1)
        expect(atOnce.ranked(slot, 1)).toEqual([atOnce.ownerOf(slot)]);
    }),
    { numRuns: 12 },
  );
});

test('what one leaves behind goes to all others alike', () => {
  const before = slotTable({ shards: names(10), slotBits: 16 });
  const after = before.without('shard-3');
  const gained = new Map<string, number>();
  for (let slot = 0; slot < before.slotCount; slot += 1)
    if (before.ownerOf(slot) === 'shard-3') gained.set(after.ownerOf(slot), (gained.get(after.ownerOf(slot)) ?? 0) + 1);
  expect(gained.size).toBe(9);
  const mean = [...gained.values()].reduce((sum, count) => sum + count, 0) / 9;
  for (const count of gained.values()) expect(Math.abs(count / mean - 1)).toBeLessThan(0.15);
});

test('a higher weight only wins slots', () => {
  const light = small(['a', 'b', { name: 'c', weight: 1.5 }]);
  const heavy = small(['a', 'b', { name: 'c', weight: 2.5 }]);
  const changed = owners(light).filter((owner, slot) => owner !== heavy.ownerOf(slot));
  expect(changed.length).toBeGreaterThan(0);
  expect(changed).not.toContain('c');
  expect(owners(light).every((owner, slot) => owner !== 'c' || heavy.ownerOf(slot) === 'c')).toBe(true);
});

test('the ranks begin with the owner, and are who would have the slot without those before', () => {
  const table = small(names(6));
  for (let slot = 0; slot < 50; slot += 1) {
    const ranked = table.ranked(slot, 6);
    expect(ranked[0]).toBe(table.ownerOf(slot));
    expect(new Set(ranked).size).toBe(6);
    expect(table.without(ranked[0] ?? '').ownerOf(slot)).toBe(ranked[1]);
  }
});

test('more shards than a byte can name are told apart', () => {
  const table = slotTable({ shards: names(300), slotBits: 16 });
  expect(shares(table).size).toBe(300);
  const grown = slotTable({ shards: names(256), slotBits: 14 }).with('one more');
  expect(owners(grown)).toEqual(owners(slotTable({ shards: [...names(256), 'one more'], slotBits: 14 })));
});

test('any text of 1 to 2048 bytes has a shard', () => {
  const table = small(names(3));
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
  expect(() => small(['a']).shardOf(key)).toThrow("Expected 'key' to be");
});

test.each([
  [[], '1 to 1024 names'],
  [['a', 'a'], 'different names'],
  [[''], "'shards.0.name'"],
  [[{ name: 'a', weight: 0 }], "'shards.0.weight' to be a number from 0.01 to 100"],
  [names(1_025), '1 to 1024 names'],
])('a set of shards that is none is refused', (shards, message) => {
  expect(() => small(shards)).toThrow(message);
});

test('unknown options, and a shard that is there or not there, are refused', () => {
  expect(() => slotTable({ shards: ['a'], slots: 3 } as { shards: string[] })).toThrow("'options'");
  expect(() => slotTable({ shards: ['a'], slotBits: 21 })).toThrow("'slotBits' to be an integer from 4 to 20");
  expect(() => small(['a']).with('a')).toThrow('different names');
  expect(() => small(['a']).without('b')).toThrow('one of the shards');
});
