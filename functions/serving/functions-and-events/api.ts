import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { id } from '#http/schemas';
import { normalizeEmail } from '#serving/functions-and-events/sign-up/email';

const MAX_NAME_BYTES = 256;
const time = v.string();

/** Named in errors, never shown: what is wrong with a code is not told by repeating it. */
const code = v.pipe(v.string('Expected six digits, as a text.'), v.regex(/^[0-9]{6}$/, 'Expected six digits.'));

const email = v.pipe(
  v.string(),
  v.check((text) => normalizeEmail(text) !== undefined, 'Expected an e-mail address.'),
);

export const challengeBody = { user: id(), address: id() };
export const signUpBody = { email, name: id(MAX_NAME_BYTES) };

const SKU_LIMIT = 100;
const QUANTITY_LIMIT = 10_000;
const quantity = v.pipe(
  v.number(),
  v.integer('Expected an integer.'),
  v.minValue(1, 'Expected 1 or more.'),
  v.maxValue(QUANTITY_LIMIT, `Expected at most ${QUANTITY_LIMIT}.`),
);
const currency = v.picklist(['EUR', 'USD', 'GBP', 'CHF']);
const linesOf = <const S extends v.GenericSchema>(line: S) =>
  v.pipe(
    v.array(line),
    v.minLength(1, 'Expected 1 line or more.'),
    v.maxLength(SKU_LIMIT, `Expected at most ${SKU_LIMIT} lines.`),
  );

/** As it is sent: what has a default may be left out. */
const orderDraft = v.strictObject({
  customer: id(),
  currency: v.optional(currency),
  lines: linesOf(v.strictObject({ sku: id(), quantity: v.optional(quantity) })),
});
/** With its defaults: nothing may be missing, and the lines must go together. */
export const order = v.strictObject({
  customer: id(),
  currency,
  lines: v.pipe(
    linesOf(v.strictObject({ sku: id(), quantity })),
    v.check((lines) => new Set(lines.map(({ sku }) => sku)).size === lines.length, 'Expected each sku once.'),
  ),
});

const step = v.strictObject({
  name: v.picklist(['reserve', 'account', 'welcome']),
  status: v.picklist(['waiting', 'done', 'failing', 'undone']),
  attempts: v.number(),
  at: v.optional(time),
});

/** Functions and events over HTTP. */
export const functionsAndEventsApi = defineApi({
  pattern: 'functions-and-events',
  part: 'serving',
  chapter: 9,
  title: 'Functions and events: codes for two-factor logins, and sign-ups as a pipeline of events',
  queues: ['steps'],
  routes: {
    order: route({
      method: 'POST',
      path: '/functions/orders',
      summary: 'Place an order; a quantity is 1 and the currency EUR unless said otherwise',
      body: orderDraft,
      answers: { 201: v.strictObject({ orderId: v.string(), ...order.entries, placedAt: time }) },
      problems: [409, 422],
      idempotent: 'by-handler',
    }),
    challenge: route({
      method: 'POST',
      path: '/functions/two-factor/challenges',
      summary: 'Send a code to an address, by an event',
      body: v.strictObject(challengeBody),
      answers: { 202: v.strictObject({ challengeId: v.string(), expiresAt: time }) },
      idempotent: true,
    }),
    verify: route({
      method: 'POST',
      path: '/functions/two-factor/challenges/{id}/verify',
      summary: 'Compare a code with the one that was sent: five times at most, and right once',
      body: v.strictObject({ code }),
      answers: { 200: v.strictObject({ token: v.string() }) },
      problems: [401, 404, 410, 429],
    }),
    signUp: route({
      method: 'POST',
      path: '/functions/signups',
      summary: 'Take an address and start the steps of a sign-up; 409 when somebody has it',
      body: v.strictObject(signUpBody),
      answers: { 202: v.strictObject({ signupId: v.string() }) },
      problems: [409],
      idempotent: true,
    }),
    signUpStatus: route({
      method: 'GET',
      path: '/functions/signups/{id}',
      summary: 'Where a sign-up stands, step by step',
      answers: {
        200: v.strictObject({
          signupId: v.string(),
          status: v.picklist(['running', 'completed', 'compensating', 'failed']),
          steps: v.array(step),
          reason: v.optional(v.string()),
        }),
      },
      problems: [404],
    }),
    mailbox: route({
      method: 'GET',
      path: '/functions/mailbox/{address}',
      summary: 'What was "sent" to an address: the newest hundred, oldest of them first; in local stages only',
      answers: {
        200: v.strictObject({
          address: v.string(),
          mails: v.array(v.strictObject({ id: v.string(), subject: v.string(), text: v.string(), sentAt: time })),
        }),
      },
      problems: [404],
      admin: true,
    }),
  },
});
