import type * as v from 'valibot';
import { keyInProgress, keyReused } from '#http/answer-once';
import { problem, type Handlers, type Request } from '#http/handlers';
import { decorated } from '#serving/functions-and-events/decorators/chain';
import { defaults, each } from '#serving/functions-and-events/decorators/defaults';
import { idempotent } from '#serving/functions-and-events/decorators/idempotent';
import { validated } from '#serving/functions-and-events/decorators/validated';
import type { OrderBook } from '#serving/functions-and-events/orders';
import type { Idempotency } from '#resilience/idempotency';
import { order, type functionsAndEventsApi } from './api.ts';

type OrderRequest = Request<(typeof functionsAndEventsApi)['routes']['order']>;
type Call = Pick<OrderRequest, 'headers' | 'keyScope' | 'operationId' | 'remainingMs'> & {
  readonly draft: OrderRequest['body'];
};

/** What an operation comes to. It is kept as JSON, so it is made of nothing else. */
type PlacedOrder = {
  readonly order: {
    readonly orderId: string;
    readonly customer: string;
    readonly currency: v.InferOutput<typeof order>['currency'];
    readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
    readonly placedAt: string;
  };
  readonly replayed: boolean;
};

/** The decorated handler: defaults, then the rules of an order, then once for each key, then the order itself. */
export const decoratedOrders = (options: { readonly orders: OrderBook; readonly idempotency: Idempotency }) => {
  const { orders, idempotency } = options;
  return decorated<Call>()
    .with(defaults({ currency: 'EUR', lines: each({ quantity: 1 }) }))
    .with(validated(order))
    .with(
      idempotent({
        idempotency,
        scope: ({ keyScope }) => keyScope,
        key: ({ headers }) => headers['idempotency-key'],
        request: ({ body }) => body,
        withoutKey: ({ operationId }) => operationId,
        replayed: (answer: PlacedOrder) => ({ ...answer, replayed: true }),
        run: ({ remainingMs }) => ({ attemptMs: Math.floor(remainingMs) }),
      }),
    )
    .handle(async ({ body, operationId }): Promise<PlacedOrder> => {
      const { orderId, placedAtMs } = await orders.place(operationId, body);
      return { order: { orderId, ...body, placedAt: new Date(placedAtMs).toISOString() }, replayed: false };
    });
};

export type PlaceOrder = ReturnType<typeof decoratedOrders>;

/** What answers HTTP: the decorators' refusals as problems. */
export const orderHandler =
  (placeOrder: PlaceOrder): Handlers<typeof functionsAndEventsApi>['order'] =>
  async ({ body, headers, keyScope, operationId, remainingMs }) => {
    const outcome = await placeOrder({ draft: body, headers, keyScope, operationId, remainingMs });
    if (!('refusal' in outcome)) {
      const more = outcome.replayed ? { headers: { 'idempotency-replayed': 'true' } } : {};
      return { status: 201, body: outcome.order, ...more };
    }
    switch (outcome.refusal) {
      case 'invalid':
        return problem(400, {
          type: 'invalid-request',
          detail: `Not valid: ${Object.keys(outcome.errors).join(', ')}.`,
          errors: outcome.errors,
        });
      case 'in-progress':
        return keyInProgress(outcome.retryAfterMs);
      case 'key-reused':
        return keyReused();
      case 'key-missing':
        return problem(400, { type: 'invalid-request', detail: 'Expected an idempotency-key.' });
    }
  };
