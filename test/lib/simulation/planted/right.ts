import { UnavailableError } from '#primitives/errors';
import { absent } from '#primitives/table';
import { effectOf, oneByOne, type Consumer, type Shop } from './shop.ts';
import type { ReceivedMessage } from '#primitives/queue';

/** Marker and effect in one transaction; says whether it was this call that wrote them. */
export const doOnce = async (message: ReceivedMessage, shop: Shop): Promise<boolean> => {
  const key = { partition: message.body, sort: 'mark' };
  const outcome = await shop.effects.transact([
    { kind: 'put', table: shop.marks, key, fields: {}, condition: absent() },
    { kind: 'put', ...effectOf(message, shop) },
  ]);
  if (outcome.status === 'conflict') throw new UnavailableError('marks');
  return outcome.status === 'written';
};

/** What the others should have done. */
export const right: Consumer = (shop) => (messages) =>
  oneByOne(messages, async (message) => {
    await doOnce(message, shop);
  });
