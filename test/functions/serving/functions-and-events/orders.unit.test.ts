import { defineApi } from '#http/api';
import { httpFunction } from '#http/http-function';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { orderBook, type OrderBook } from '#serving/functions-and-events/index';
import { functionsAndEventsApi } from '../../../../functions/serving/functions-and-events/api.ts';
import { decoratedOrders, orderHandler } from '../../../../functions/serving/functions-and-events/orders.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

interface Body {
  readonly orderId: string;
  readonly type: string;
  readonly errors: Readonly<Record<string, readonly string[]>>;
}

const { order } = functionsAndEventsApi.routes;
const ordersApi = defineApi({ ...functionsAndEventsApi, routes: { order } });

const stack = (wrap: (orders: OrderBook) => OrderBook = (orders) => orders) => {
  const clock = memoryClock();
  const random = seededRandom(3);
  const table = memoryTable({ name: 'state', clock });
  const keys = memoryTable({ name: 'idempotency', clock });
  const host = () => {
    const own = idempotency({ table: keys, clock, random, inProgressMs: 10_000, keepMs: 60_000 });
    const placeOrder = decoratedOrders({ orders: wrap(orderBook({ table, clock })), idempotency: own });
    return httpFunction({
      api: ordersApi,
      handlers: () => ({ order: orderHandler(placeOrder) }),
      services: () => ({ log: quiet, clock, random, adminArns: [], idempotency: own }),
    });
  };
  const first = host();
  const post = async (
    body: unknown,
    how: { readonly key?: string; readonly caller?: string; readonly via?: typeof first } = {},
  ) => {
    const { key, caller, via = first } = how;
    const headers: [string, string][] = key === undefined ? [] : [['idempotency-key', key]];
    const event = httpEvent('POST', '/functions/orders', {
      headers,
      body,
      ...(caller === undefined ? {} : { caller }),
    });
    const answer = await via(event, httpContext(5_000));
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) as Body };
  };
  return { clock, table, keys, host, post };
};

const ORDER = { customer: 'ada', lines: [{ sku: 'tea' }, { sku: 'cup', quantity: 2 }] };

test('an order gets its defaults, and is placed', async () => {
  const { post, table } = stack();
  const { status, body } = await post(ORDER);
  expect(status).toBe(201);
  expect(body).toEqual({
    orderId: expect.any(String),
    customer: 'ada',
    currency: 'EUR',
    lines: [
      { sku: 'tea', quantity: 1 },
      { sku: 'cup', quantity: 2 },
    ],
    placedAt: '2023-11-14T22:13:20.000Z',
  });
  expect(table.dump().map(({ key }) => key.partition)).toEqual([`order/${body.orderId}`]);
});

test('under one key there is one order, on every host; the repeats say that they are some', async () => {
  const { post, host, table } = stack();
  const first = await post(ORDER, { key: 'k' });
  const again = await post(ORDER, { key: 'k' });
  const elsewhere = await post(ORDER, { key: 'k', via: host() });
  expect([first, again, elsewhere].map(({ status }) => status)).toEqual([201, 201, 201]);
  expect([again.body, elsewhere.body]).toEqual([first.body, first.body]);
  const replayed = [first, again, elsewhere].map(({ headers }) => headers['idempotency-replayed']);
  expect(replayed).toEqual([undefined, 'true', 'true']);
  expect(table.dump()).toHaveLength(1);
});

test('what is left out and what is sent as its default are the same order', async () => {
  const { post } = stack();
  const first = await post(ORDER, { key: 'k' });
  const spelled = { ...ORDER, currency: 'EUR', lines: [{ quantity: 1, sku: 'tea' }, ORDER.lines[1]] };
  expect((await post(spelled, { key: 'k' })).body).toEqual(first.body);
});

test('another order under the same key is 422, and two callers’ keys do not meet', async () => {
  const { post, table } = stack();
  await post(ORDER, { key: 'k', caller: 'one' });
  const { status, body } = await post({ ...ORDER, customer: 'bob' }, { key: 'k', caller: 'one' });
  expect([status, body.type]).toEqual([422, 'idempotency-key-reused']);
  expect((await post({ ...ORDER, customer: 'bob' }, { key: 'k', caller: 'other' })).status).toBe(201);
  expect(table.dump()).toHaveLength(2);
});

test('without a key each request is an order of its own', async () => {
  const { post, table } = stack();
  await post(ORDER);
  await post(ORDER);
  expect(table.dump()).toHaveLength(2);
});

test('while the first runs 409 says when to come again; the key of one that died is free when its time is over', async () => {
  const { promise } = Promise.withResolvers<never>();
  let isStuck = true;
  const { clock, post, host, table } = stack((orders) => ({
    place: async (...args) => {
      const placed = await orders.place(...args);
      // The order is there, and the host is gone.
      return isStuck ? promise : placed;
    },
  }));
  void post(ORDER, { key: 'k' });
  await clock.advance(0);
  isStuck = false;
  const { status, headers, body } = await post(ORDER, { key: 'k', via: host() });
  expect([status, headers['retry-after'], body.type]).toEqual([409, '1', 'idempotency-key-in-progress']);
  await clock.advance(5_000);
  expect(await post(ORDER, { key: 'k', via: host() })).toMatchObject({ status: 201 });
  expect(table.dump()).toHaveLength(1);
});

test.each([
  [{ lines: ORDER.lines }, 'customer'],
  [{ ...ORDER, lines: [] }, 'lines'],
  [{ ...ORDER, lines: [{ sku: 'tea', quantity: 0 }] }, 'lines.0.quantity'],
  [{ ...ORDER, lines: [{ sku: 'tea', quantity: 1.5 }] }, 'lines.0.quantity'],
  [{ ...ORDER, lines: [{ sku: 'tea', quantity: null }] }, 'lines.0.quantity'],
  [{ ...ORDER, lines: [{ quantity: 1 }] }, 'lines.0.sku'],
  [{ ...ORDER, lines: 'tea' }, 'lines'],
  [{ ...ORDER, lines: [null] }, 'lines.0'],
  [{ ...ORDER, lines: Array.from({ length: 101 }, (_, n) => ({ sku: `s${n}` })) }, 'lines'],
  [{ ...ORDER, lines: [{ sku: 'tea' }, { sku: 'tea', quantity: 2 }] }, 'lines'],
  [{ ...ORDER, currency: 'XXX' }, 'currency'],
  [{ ...ORDER, discount: 100 }, 'discount'],
])('%j is 400 and names %s', async (body, field) => {
  const { post, table, keys } = stack();
  const answer = await post(body, { key: 'k' });
  expect([answer.status, answer.body.type, Object.keys(answer.body.errors)]).toEqual([400, 'invalid-request', [field]]);
  expect([...table.dump(), ...keys.dump()]).toEqual([]);
});

test('a key that cannot be one is 400', async () => {
  const answer = await stack().post(ORDER, { key: 'x'.repeat(256) });
  expect([answer.status, Object.keys(answer.body.errors)]).toEqual([400, ['idempotency-key']]);
});
