import { slotTable } from '../../../../lib/serving/sharded/slot-table.ts';

/** Keys whose places are written down: short and long, of one byte a character and of more, alike to the eye. */
const KEYS = [
  '1',
  'user-1',
  'user-2',
  '\u00e9',
  'e\u0301',
  '日本',
  '😀',
  ' ',
  'a'.repeat(1_024),
  'a'.repeat(1_025),
  'é'.repeat(513),
  'a'.repeat(2_048),
];

/** Slot and shard of each, for even and for weighted shards. Run by itself it prints them. */
export const places = (): readonly (readonly (string | number)[])[] => {
  const even = slotTable({ shards: ['a', 'b', 'c', 'd'] });
  const weighted = slotTable({
    shards: [{ name: 'a', weight: 3 }, 'b', { name: 'c', weight: 0.5 }, 'd'],
    slotBits: 12,
  });
  return KEYS.map((key) => [
    key.slice(0, 8),
    even.slotOf(key),
    even.shardOf(key),
    weighted.slotOf(key),
    weighted.shardOf(key),
  ]);
};

if (process.argv[2] === 'print') console.log(JSON.stringify(places()));
