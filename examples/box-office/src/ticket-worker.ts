import { createHash } from 'node:crypto';
import type { Worker } from 'distributed-patterns/batch/work-queue';
import type { Table } from 'distributed-patterns/primitives';
import * as v from 'valibot';

const payload = v.strictObject({ show: v.string(), seat: v.string(), buyer: v.string() });

export const ticketKey = (ticket: string) => ({ partition: 'ticket', sort: ticket });

/** Prints a ticket. May run twice for a seat, and prints the same then: its key and its number follow from the sale. */
export const ticketWorker = (tickets: Table): Worker<v.InferOutput<typeof payload>> => ({
  name: 'ticket',
  payload,
  run: async ({ id, payload: { show, seat, buyer } }) => {
    const number = createHash('sha256')
      .update(JSON.stringify([show, seat, buyer]))
      .digest('hex')
      .slice(0, 12);
    await tickets.put({ key: ticketKey(id), fields: { number, buyer } });
    return { number };
  },
});
