import { defineApi, id, route } from 'distributed-patterns/http';
import * as v from 'valibot';

const token = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const buyer = id();
/** What shows and seats may be called. Without a dot, which stands between the two in the name of a ticket. */
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'Expected 1 to 64 of A-Z a-z 0-9 _ -.'));
const seatParams = v.strictObject({ show: name, seat: name });

/** What the box office sells over HTTP. The schemas check the requests and are the types of the handlers. */
export const boxOfficeApi = defineApi({
  pattern: 'box-office',
  part: 'root',
  title: 'Seats that are held, sold once, and printed once',
  routes: {
    show: route({
      method: 'GET',
      path: '/shows/{show}',
      summary: 'How many seats are sold, at most a second ago',
      params: v.strictObject({ show: name }),
      answers: { 200: v.strictObject({ show: v.string(), sold: v.number() }) },
    }),
    hold: route({
      method: 'POST',
      path: '/shows/{show}/seats/{seat}/hold',
      summary: 'Hold a seat for a minute',
      params: seatParams,
      body: v.strictObject({ buyer }),
      answers: { 200: v.strictObject({ fencingToken: token, leaseMs: v.number() }) },
      problems: [409],
    }),
    sale: route({
      method: 'POST',
      path: '/shows/{show}/seats/{seat}/sale',
      summary: 'Buy the seat that is held',
      params: seatParams,
      body: v.strictObject({ buyer, fencingToken: token }),
      answers: { 202: v.strictObject({ ticket: v.string() }) },
      problems: [409],
    }),
    ticket: route({
      method: 'GET',
      path: '/tickets/{ticket}',
      summary: 'The printed ticket',
      answers: { 200: v.strictObject({ number: v.string(), buyer: v.string() }) },
      problems: [404],
    }),
  },
});
