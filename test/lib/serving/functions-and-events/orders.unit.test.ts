import { OutcomeUnknownError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { orderBook } from '#serving/functions-and-events/index';

const place = (intercept?: Intercept) => {
  const clock = memoryClock();
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const table = memoryTable({ name: 'orders', clock, wire });
  return { clock, wire, table, orders: orderBook({ table, clock }) };
};
const REQUEST = { customer: 'ada', currency: 'EUR', lines: [{ sku: 'a', quantity: 2 }] };

test('an order is placed once under its id, by one call, and stays as it was placed first', async () => {
  const { clock, wire, table, orders } = place();
  const first = await orders.place('o-1', REQUEST);
  expect(first).toEqual({ orderId: 'o-1', ...REQUEST, placedAtMs: clock.nowMs() });
  expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
  await clock.advance(1_000);
  expect(await orders.place('o-1', { ...REQUEST, customer: 'bob' })).toEqual(first);
  expect(table.dump()).toHaveLength(1);
});

test('a lost answer is no second order', async () => {
  let isLost = false;
  const { table, orders } = place(async (_operation, apply) => {
    const answer = await apply();
    if (isLost) return answer;
    isLost = true;
    throw new OutcomeUnknownError('PutItem');
  });
  expect(await orders.place('o-1', REQUEST)).toMatchObject({ orderId: 'o-1', customer: 'ada' });
  expect(table.dump()).toHaveLength(1);
});

test('an empty id is refused: orders without one would be one order', async () => {
  await expect(place().orders.place('', REQUEST)).rejects.toThrow("Expected 'orderId'");
});
