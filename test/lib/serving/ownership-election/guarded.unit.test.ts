import { fencedPut, guarded } from '#serving/ownership-election/guarded';
import { equals } from '#primitives/table';
import { hosts } from './hosts.ts';

const KEY = { partition: 'r', sort: 'value' };
const put = (token: number, value: number) => ({ key: KEY, token, fields: { value } });

test('a lower token than one seen is refused, an equal or higher one writes; one call each', async () => {
  const { table, wire } = hosts();
  const resource = guarded(table);
  const seen: unknown[] = [];
  for (const token of [5, 4, 5, 9, 8, 5, 10]) seen.push(await resource.put(put(token, seen.length)));
  const written = { status: 'written' };
  expect(seen).toEqual([
    written,
    { status: 'fenced', token: 5 },
    written,
    written,
    { status: 'fenced', token: 9 },
    { status: 'fenced', token: 9 },
    written,
  ]);
  expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 7 });
  expect(await resource.get(KEY)).toEqual({ token: 10, fields: { value: 6 } });
});

test('a late write of a former owner is refused whenever it lands', async () => {
  const { table, time } = hosts([{ kind: 'late', call: 1, ms: 60_000 }]);
  const resource = guarded(table);
  await expect(resource.put(put(1, 1))).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
  await resource.put(put(2, 2));
  await time.advance(120_000);
  expect(await resource.get(KEY)).toEqual({ token: 2, fields: { value: 2 } });
});

test("the caller's own condition counts besides, and is told apart", async () => {
  const resource = guarded(hosts().table);
  await resource.put(put(1, 1));
  const condition = equals('value', 7);
  expect(await resource.put({ ...put(1, 2), condition })).toMatchObject({ status: 'refused', current: { value: 1 } });
  expect(await resource.put({ ...put(0, 2), condition })).toEqual({ status: 'fenced', token: 1 });
  expect(await resource.put({ ...put(2, 2), condition: equals('value', 1) })).toEqual({ status: 'written' });
});

test('a record that was there before it was guarded counts as never written', async () => {
  const { table } = hosts();
  await table.put({ key: KEY, fields: { value: 1 } });
  expect(await guarded(table).get(KEY)).toEqual({ token: -1, fields: { value: 1 } });
  expect(await guarded(table).put(put(0, 2))).toEqual({ status: 'written' });
});

test('a transaction that carries a fenced put is refused as a whole', async () => {
  const { table } = hosts();
  await guarded(table).put(put(3, 1));
  const other = { partition: 'other', sort: 'x' };
  const outcome = await table.transact([
    { kind: 'put', key: other, fields: { written: true } },
    { kind: 'put', ...fencedPut(put(2, 2)) },
  ]);
  expect(outcome.status).toBe('refused');
  expect(await table.get(other)).toBeUndefined();
});

test.each([
  ['a token that is no integer', put(1.5, 1), /token/],
  ['a token below 0', put(-1, 1), /token/],
  ["a field 'fence'", { key: KEY, token: 1, fields: { fence: 9 } }, /fields/],
])('%s is refused', (_, wrong, message) => {
  expect(() => fencedPut(wrong)).toThrow(message);
});
