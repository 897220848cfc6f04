import { checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkParts } from '#primitives/part-checks';
import { absent, type Fields, type Key, type Table } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';

/** What somebody orders; nothing is left open any more. */
export interface OrderRequest {
  readonly customer: string;
  readonly currency: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

export interface Order extends OrderRequest {
  readonly orderId: string;
  readonly placedAtMs: number;
}

export interface OrderBook {
  /**
   * Places an order under its id: once, however often it is placed. Whoever comes later gets it as it was placed first.
   *
   * After a crash or a lost answer, placing it again under the same id is right. Calls: 1.
   *
   * @param orderId 1..256 bytes. That of the operation (`operationId`), so that a repeated request finds its order.
   */
  place(orderId: string, request: OrderRequest): Promise<Order>;
}

const keyOf = (orderId: string): Key => ({ partition: `order/${orderId}`, sort: 'order' });

const placed = (orderId: string, request: OrderRequest, fields: Fields): Order => {
  const { order, placedAtMs } = fields;
  return {
    orderId,
    // Written by `place`, as the text of an OrderRequest.
    ...(typeof order === 'string' ? (JSON.parse(order) as OrderRequest) : request),
    placedAtMs: typeof placedAtMs === 'number' ? placedAtMs : 0,
  };
};

/**
 * Orders in a table, one record each.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown
 */
export const orderBook = (options: { readonly table: Table; readonly clock: Clock }): OrderBook => {
  checkNames(options, ['table', 'clock']);
  const { table, clock } = options;
  checkParts({ table, clock });
  return Object.freeze<OrderBook>({
    place: async (orderId, request) => {
      checkText('orderId', orderId, 1, 256);
      const { customer, currency, lines } = request;
      const fields = { order: JSON.stringify({ customer, currency, lines }), placedAtMs: clock.nowMs() };
      // Repeated under the same id: when it stands against itself, it is there.
      const outcome = await untilAnswered(() => table.put({ key: keyOf(orderId), fields, condition: absent() }));
      return placed(orderId, request, outcome.status === 'refused' ? (outcome.current ?? fields) : fields);
    },
  });
};
