import { UnavailableError } from '#primitives/errors';
import { absent } from '#primitives/table';
import { effectOf, oneByOne, type Consumer } from './shop.ts';

/** Shorter than a visibility timeout: a delivery that comes again may find no marker any more. */
const KEEP_MS = 10_000;

/** Right, but for how long the marker is kept. */
export const shortMarker: Consumer = (shop) => (messages) =>
  oneByOne(messages, async (message) => {
    const marker = { key: { partition: message.body, sort: 'mark' }, fields: {} };
    const outcome = await shop.effects.transact([
      { kind: 'put', table: shop.marks, ...marker, condition: absent(), expiresAtMs: shop.clock.nowMs() + KEEP_MS },
      { kind: 'put', ...effectOf(message, shop) },
    ]);
    if (outcome.status === 'conflict') throw new UnavailableError('marks');
  });
