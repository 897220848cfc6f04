import { problem, retryAfter, type Handlers, type Problem } from '#http/handlers';
import type { Mailbox } from '#serving/functions-and-events/mailbox/mailbox';
import type { SignUps } from '#serving/functions-and-events/sign-up/sign-ups';
import type { Challenges, Verdict } from '#serving/functions-and-events/two-factor/challenges';
import type { functionsAndEventsApi } from './api.ts';
import { orderHandler, type PlaceOrder } from './orders.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/** @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
const attemptHeaders = (leftCount: number, endsInMs: number, { attemptCount, lifetimeMs }: Limits) => ({
  'ratelimit-policy': `"attempts";q=${attemptCount};w=${Math.ceil(lifetimeMs / 1000)}`,
  ratelimit: `"attempts";r=${leftCount};t=${Math.max(0, Math.ceil(endsInMs / 1000))}`,
});

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1 */
const CHALLENGE = { 'www-authenticate': 'Code realm="two-factor"' };

interface Limits {
  readonly attemptCount: number;
  readonly lifetimeMs: number;
}

const refusal = (verdict: Exclude<Verdict, { readonly status: 'verified' }>, limits: Limits): Problem => {
  switch (verdict.status) {
    case 'wrong':
      return problem(401, {
        type: 'wrong-code',
        detail: `This is not the code; ${verdict.attemptsLeft} attempts are left.`,
        members: { attemptsLeft: verdict.attemptsLeft },
        headers: { ...CHALLENGE, ...attemptHeaders(verdict.attemptsLeft, verdict.endsInMs, limits) },
      });
    case 'used':
      return problem(401, { type: 'used-code', detail: 'The code was used.', headers: CHALLENGE });
    case 'exhausted':
      return problem(429, {
        type: 'too-many-attempts',
        detail: 'All attempts are used up: begin another challenge.',
        headers: { ...retryAfter(verdict.endsInMs), ...attemptHeaders(0, verdict.endsInMs, limits) },
      });
    case 'expired':
      return problem(410, { type: 'expired-challenge', detail: 'The time of this challenge is over.' });
    case 'unknown':
      return problem(404, { detail: 'There is no such challenge.' });
  }
};

export const functionsAndEventsHandlers = (options: {
  readonly placeOrder: PlaceOrder;
  readonly challenges: Challenges;
  readonly limits: Limits;
  readonly signUps: SignUps;
  /** Only where mails stay on this machine. */
  readonly mailbox: Mailbox | undefined;
}): Handlers<typeof functionsAndEventsApi> => {
  const { placeOrder, challenges, limits, signUps, mailbox } = options;
  return {
    order: orderHandler(placeOrder),
    challenge: async ({ body, operationId, traceparent }) => {
      const { challengeId, expiresAtMs } = await challenges.begin({ challengeId: operationId, ...body, traceparent });
      return { status: 202, body: { challengeId, expiresAt: iso(expiresAtMs) } };
    },
    verify: async ({ params, body }) => {
      const verdict = await challenges.verify(params.id, body.code);
      return verdict.status === 'verified'
        ? { status: 200, body: { token: verdict.token }, headers: { 'cache-control': 'no-store' } }
        : refusal(verdict, limits);
    },
    signUp: async ({ body, operationId, traceparent }) => {
      const outcome = await signUps.start({ signupId: operationId, ...body, traceparent });
      return outcome === 'accepted'
        ? { status: 202, body: { signupId: operationId } }
        : problem(409, { type: 'address-taken', detail: 'Somebody has this address.' });
    },
    signUpStatus: async ({ params }) => {
      const view = await signUps.look(params.id);
      if (view === undefined) return problem(404, { detail: 'There is no such sign-up.' });
      const steps = view.steps.map(({ name, status, attempts, atMs }) => ({
        name,
        status,
        attempts,
        ...(atMs === undefined ? {} : { at: iso(atMs) }),
      }));
      return { status: 200, body: { ...view, steps } };
    },
    mailbox: async ({ params: { address } }) => {
      if (mailbox === undefined) return problem(404, { detail: 'Mails of this stage are not kept here.' });
      const mails = await mailbox.list(address);
      return {
        status: 200,
        body: {
          address,
          mails: mails.map(({ id, subject, text, sentAtMs }) => ({ id, subject, text, sentAt: iso(sentAtMs) })),
        },
        headers: { 'cache-control': 'no-store' },
      };
    },
  };
};
