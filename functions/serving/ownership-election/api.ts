import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { id, wellFormed } from '#http/schemas';
import type { Json } from '#primitives/table';

const MIN_LEASE_MS = 100;
const MAX_LEASE_MS = 3_600_000;

const token = v.pipe(v.number(), v.safeInteger('Expected an integer.'), v.minValue(0, 'Expected 0 or more.'));
const lease = v.pipe(
  v.number(),
  v.integer('Expected an integer.'),
  v.minValue(MIN_LEASE_MS, `Expected ${MIN_LEASE_MS} or more.`),
  v.maxValue(MAX_LEASE_MS, `Expected at most ${MAX_LEASE_MS}.`),
);
const ms = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = v.string();
const owner = v.strictObject({ holder: id(), fencingToken: token });
const ownToken = v.strictObject({ fencingToken: token });

/** What was read as JSON may hold one thing that cannot be written as JSON: a number beyond all numbers. */
const isFinite = (value: Json): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(isFinite)
    : typeof value !== 'number' || Number.isFinite(value);
// The shell has read the body as JSON.
const json = v.pipe(
  v.unknown() as v.GenericSchema<unknown, Json>,
  v.check<Json, string>(isFinite, 'Expected finite numbers.'),
  wellFormed(),
);

const observed = { fencingToken: token, leaseMs: ms, since: time, unchangedForMs: ms };

/** Ownership election over HTTP. */
export const ownershipApi = defineApi({
  pattern: 'ownership-election',
  part: 'serving',
  chapter: 10,
  title: 'Ownership election: locks with leases, leaders, and tokens that make late writes harmless',
  routes: {
    acquire: route({
      method: 'POST',
      path: '/ownership/locks/{name}/acquire',
      summary: 'Take a lock that is free, or whose holder was silent for a lease; 409 says who holds it',
      body: v.strictObject({ holder: id(), leaseMs: v.optional(lease) }),
      answers: { 200: v.strictObject({ fencingToken: token, leaseMs: ms }) },
      problems: [409],
      idempotent: true,
    }),
    renew: route({
      method: 'POST',
      path: '/ownership/locks/{name}/renew',
      summary: 'Begin the lease anew; 409 when it is no longer the holder',
      body: owner,
      answers: { 200: ownToken },
      problems: [409],
    }),
    release: route({
      method: 'POST',
      path: '/ownership/locks/{name}/release',
      summary: 'Let go of the lock; 409 when it is no longer the holder',
      body: owner,
      answers: { 200: ownToken },
      problems: [409],
    }),
    lock: route({
      method: 'GET',
      path: '/ownership/locks/{name}',
      summary: 'Who holds the lock, and how long that has been seen unchanged; holder is null when it is free',
      answers: { 200: v.strictObject({ name: v.string(), holder: v.nullable(v.string()), ...observed }) },
      problems: [404],
    }),
    write: route({
      method: 'PUT',
      path: '/ownership/resources/{name}',
      summary: 'Write what only the owner may write; 409 for a lower token than one seen',
      body: v.strictObject({ fencingToken: token, value: json }),
      answers: { 200: ownToken },
      problems: [409],
    }),
    read: route({
      method: 'GET',
      path: '/ownership/resources/{name}',
      summary: 'What the owner wrote last, and under which token',
      answers: { 200: v.strictObject({ fencingToken: token, value: json }) },
      problems: [404],
    }),
    leader: route({
      method: 'GET',
      path: '/ownership/leader',
      summary: 'Which of the scheduled functions leads, since when, by which token',
      answers: { 200: v.strictObject({ holder: v.string(), ...observed }) },
      problems: [503],
    }),
    count: route({
      method: 'POST',
      path: '/ownership/counters/{name}',
      summary: 'Add to a counter that many add to at once; 0 reads it',
      body: v.strictObject({ add: v.pipe(v.number(), v.safeInteger('Expected an integer.')) }),
      answers: { 200: v.strictObject({ value: v.pipe(v.number(), v.safeInteger()), conflicts: ms }) },
      problems: [409, 503],
      idempotent: true,
    }),
  },
});
