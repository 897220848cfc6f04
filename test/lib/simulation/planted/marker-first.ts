import { absent } from '#primitives/table';
import { effectOf, oneByOne, type Consumer } from './shop.ts';

/** Marks the message as done, then does it: a crash between the two loses it. */
export const markerFirst: Consumer = (shop) => (messages) =>
  oneByOne(messages, async (message) => {
    const key = { partition: message.body, sort: 'mark' };
    const outcome = await shop.marks.put({ key, fields: {}, condition: absent() });
    if (outcome.status === 'written') await shop.effects.put(effectOf(message, shop));
  });
