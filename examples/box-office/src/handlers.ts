import { problem, type Handlers } from 'distributed-patterns/http';
import { absent, equals, or, type Queue, type Table } from 'distributed-patterns/primitives';
import type { GuardedTable, Locks } from 'distributed-patterns/serving/ownership-election';
import type { Cache } from 'distributed-patterns/serving/replicated';
import type { boxOfficeApi } from './api.ts';
import { ticketKey } from './ticket-worker.ts';

const HOLD_MS = 60_000;

const seatKey = (show: string, seat: string) => ({ partition: `show/${show}`, sort: seat });

/** How many seats of a show are sold: what the cache keeps the table from being asked again and again. */
export const countSold = async (seats: Table, show: string): Promise<number> => {
  let count = 0;
  let after: string | undefined;
  do {
    const page = await seats.query({ partition: `show/${show}`, ...(after === undefined ? {} : { after }) });
    count += page.records.filter(({ fields }) => fields['buyer'] !== undefined).length;
    after = page.next;
  } while (after !== undefined);
  return count;
};

export const boxOfficeHandlers = (given: {
  readonly locks: Locks;
  readonly seats: GuardedTable;
  readonly sold: Cache<number>;
  readonly printing: Queue;
  readonly tickets: Table;
}): Handlers<typeof boxOfficeApi> => ({
  show: async ({ params: { show } }) => {
    return { status: 200, body: { show, sold: (await given.sold.get(show)) ?? 0 } };
  },

  hold: async ({ params: { show, seat }, body: { buyer }, operationId }) => {
    const name = `${show}/${seat}`;
    const held = await given.locks.acquire(name, { holder: buyer, leaseMs: HOLD_MS, claim: operationId });
    if (held.status !== 'acquired') return problem(409, { type: 'held', detail: `Seat '${seat}' is held.` });
    // From here on nobody sells the seat by an older hold: the seat itself has seen the newer token.
    const key = seatKey(show, seat);
    const marked = await given.seats.put({ key, fields: {}, token: held.token, condition: absent('buyer') });
    if (marked.status === 'written') return { status: 200, body: { fencingToken: held.token, leaseMs: held.leaseMs } };
    await given.locks.release(name, { holder: buyer, token: held.token });
    return problem(409, { type: 'sold', detail: `Seat '${seat}' is sold.` });
  },

  sale: async ({ params: { show, seat }, body: { buyer, fencingToken } }) => {
    const outcome = await given.seats.put({
      key: seatKey(show, seat),
      fields: { buyer },
      token: fencingToken,
      // Asking again after a lost answer is the same sale.
      condition: or(absent('buyer'), equals('buyer', buyer)),
    });
    if (outcome.status === 'fenced') return problem(409, { type: 'too-late', detail: 'The hold was over.' });
    if (outcome.status === 'refused') return problem(409, { type: 'sold', detail: `Seat '${seat}' is sold.` });
    const ticket = `${show}.${seat}`;
    const message = { id: ticket, worker: 'ticket', payload: { show, seat, buyer } };
    const [sent] = await given.printing.sendBatch([{ body: JSON.stringify(message) }]);
    if (sent?.ok !== true) return problem(503, { detail: 'The seat is sold, its ticket not ordered yet: ask again.' });
    return { status: 202, body: { ticket } };
  },

  ticket: async ({ params: { ticket } }) => {
    const printed = await given.tickets.get(ticketKey(ticket));
    if (printed === undefined) return problem(404, { detail: `No ticket '${ticket}' was printed.` });
    return { status: 200, body: { number: String(printed['number']), buyer: String(printed['buyer']) } };
  },
});
