import { effectOf, oneByOne, type Consumer } from './shop.ts';

/** Does the work and hopes that the message is deleted: a delivery too many is an effect too many. */
export const naive: Consumer = (shop) => (messages) =>
  oneByOne(messages, async (message) => {
    await shop.effects.put(effectOf(message, shop));
  });
