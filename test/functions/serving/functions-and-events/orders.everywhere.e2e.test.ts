import { randomUUID } from 'node:crypto';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

const PATIENCE_MS = 120_000;
/** Each is a process of its own on LocalStack. */
const CLIENTS = 8;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const ORDER = { customer: 'ada', lines: [{ sku: 'tea' }, { sku: 'cup', quantity: 2 }] };

/** Asks until there is an order or a refusal for good: hosts may be out for a moment, and the first may still run. */
const post = (body: object, key?: string): Promise<HttpAnswer> =>
  until(
    () =>
      http('POST', `${place.info.apiUrl}/functions/orders`, {
        body,
        headers: key === undefined ? {} : { 'idempotency-key': key },
      }),
    ({ status }) => ![409, 502, 503, 504].includes(status),
    PATIENCE_MS,
    500,
  );

test(
  'an order gets its defaults, and eight requests at once under one key are one order',
  async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: CLIENTS }, () => post(ORDER, key)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    const [first] = answers;
    expect(first?.json).toEqual({
      orderId: expect.any(String),
      customer: 'ada',
      currency: 'EUR',
      lines: [
        { sku: 'tea', quantity: 1 },
        { sku: 'cup', quantity: 2 },
      ],
      placedAt: expect.any(String),
    });
    expect(answers.map(({ json }) => json)).toEqual(answers.map(() => first?.json));
    const other = await post({ ...ORDER, customer: 'bob' }, key);
    expect([other.status, other.json]).toEqual([422, expect.objectContaining({ type: 'idempotency-key-reused' })]);
  },
  2 * PATIENCE_MS,
);

test(
  'an order that cannot be is refused by field, before its key is taken',
  async () => {
    const key = randomUUID();
    const twice = await post({ ...ORDER, lines: [{ sku: 'tea' }, { sku: 'tea' }] }, key);
    expect([twice.status, twice.json]).toEqual([
      400,
      expect.objectContaining({ errors: { lines: [expect.any(String)] } }),
    ]);
    expect((await post(ORDER, key)).status).toBe(201);
  },
  2 * PATIENCE_MS,
);
