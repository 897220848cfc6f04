import { defineApi, id, route } from 'distributed-patterns/http';
import * as v from 'valibot';

const token = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const buyer = id();

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
      answers: { 200: v.strictObject({ show: v.string(), sold: v.number() }) },
    }),
    hold: route({
      method: 'POST',
      path: '/shows/{show}/seats/{seat}/hold',
      summary: 'Hold a seat for a minute',
      body: v.strictObject({ buyer }),
      answers: { 200: v.strictObject({ fencingToken: token, leaseMs: v.number() }) },
      problems: [409],
    }),
    sale: route({
      method: 'POST',
      path: '/shows/{show}/seats/{seat}/sale',
      summary: 'Buy the seat that is held',
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
