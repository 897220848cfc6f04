import { absent } from '#primitives/table';
import { effectOf, type Consumer } from './shop.ts';

/** One marker for a batch, in one transaction with its effects: but a batch is another one when it comes again. */
export const batchMarker: Consumer = (shop) => async (messages) => {
  const key = { partition: messages.map(({ body }) => body).join(), sort: 'batch' };
  const outcome = await shop.effects.transact([
    { kind: 'put', table: shop.marks, key, fields: {}, condition: absent() },
    ...messages.map((message) => ({ kind: 'put' as const, ...effectOf(message, shop) })),
  ]);
  return outcome.status === 'conflict' ? messages.map(({ id }) => id) : [];
};
