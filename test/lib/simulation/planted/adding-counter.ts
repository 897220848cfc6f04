import { OutcomeUnknownError } from '#primitives/errors';
import { absent, equals, type Table } from '#primitives/table';
import { doOnce } from './right.ts';
import { COUNTER, oneByOne, type Consumer } from './shop.ts';

/** Adds one, and again when nobody knows whether it was added, as the SDK does with ADD. */
const addOne = async (table: Table): Promise<void> => {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      const n = (await table.get(COUNTER))?.['n'];
      const condition = typeof n === 'number' ? equals('n', n) : absent();
      const outcome = await table.put({ key: COUNTER, fields: { n: Number(n ?? 0) + 1 }, condition });
      if (outcome.status === 'written') return;
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
    }
  }
};

/** Does each message once, and counts it apart from that, by adding. */
export const addingCounter: Consumer = (shop) => (messages) =>
  oneByOne(messages, async (message) => {
    if (await doOnce(message, shop)) await addOne(shop.marks);
  });
