import { slotTable } from '#serving/sharded/slot-table';
import { shardedValues } from '#single-node/ambassador/sharded-values';
import { account } from './memory.ts';

const set = (shards = ['a', 'b', 'c']) => {
  const { table, wire } = account();
  const slots = slotTable({ shards });
  return { table, wire, slots, values: shardedValues({ table, slots }) };
};

test('a value is where the service’s own hash says, and every client finds it there', async () => {
  const { values, slots, table } = set();
  const other = shardedValues({ table, slots: slotTable({ shards: ['c', 'b', 'a'] }) });
  for (let n = 0; n < 100; n += 1) {
    const shard = slots.shardOf(`key-${n}`);
    expect(await values.put(`key-${n}`, n)).toEqual({ shard });
    expect(await other.get(`key-${n}`)).toEqual({ shard, value: n });
    expect(await table.get({ partition: `shard/${shard}/key-${n}`, sort: 'value' })).toBeDefined();
  }
});

test.each([null, 0, '', [], {}, { a: [1, { b: null }] }, 1e300, 5e-324, 'é'])(
  '%j comes back as it was',
  async (value) => {
    const { values } = set();
    await values.put('k', value);
    expect(await values.get('k')).toMatchObject({ value });
  },
);

test('the two forms of a letter are two keys; an empty key is none', async () => {
  const { values } = set();
  await values.put('\u00e9', 1);
  expect((await values.get('e\u0301')).value).toBeUndefined();
  await expect(values.get('')).rejects.toThrow("'key'");
  await expect(values.put('', 1)).rejects.toThrow("'key'");
});

test('one call each', async () => {
  const { values, wire } = set();
  await values.put('k', 1);
  await values.get('k');
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.PutItem': 1 });
});
