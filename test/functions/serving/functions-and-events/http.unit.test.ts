import { httpFunction } from '#http/http-function';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { world as makeWorld } from '#simulation/world';
import { challenges } from '#serving/functions-and-events/two-factor/challenges';
import { keyedMac } from '#serving/functions-and-events/two-factor/mac';
import { functionsAndEventsApi } from '../../../../functions/serving/functions-and-events/api.ts';
import { functionsAndEventsHandlers } from '../../../../functions/serving/functions-and-events/handlers.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';
import { KEY, signUpWorld } from './sign-up-world.ts';

interface Body {
  readonly challengeId: string;
  readonly expiresAt: string;
  readonly signupId: string;
  readonly token: string;
  readonly type: string;
  readonly attemptsLeft: number;
  readonly status: string;
  readonly mails: readonly { readonly text: string }[];
  readonly steps: readonly object[];
  readonly errors: object;
}

const LIMITS = { attemptCount: 5, lifetimeMs: 300_000 };
const TOKEN = 'token';

/** The HTTP function and, behind a bus and a queue, the steps. */
const stack = (options: { readonly isLocal?: boolean } = {}) => {
  const w = makeWorld({ seed: 1 });
  const { table, bus, api, box, source, clock, random } = signUpWorld(w);
  const keys = memoryTable({ name: 'idempotency', clock: w.clock });
  const handler = httpFunction({
    api: functionsAndEventsApi,
    handlers: () =>
      functionsAndEventsHandlers({
        // Orders have a test of their own.
        placeOrder: async () => ({ refusal: 'key-missing' }),
        challenges: challenges({ table, bus, mac: keyedMac(KEY), clock, random, ...LIMITS }),
        limits: LIMITS,
        signUps: api(),
        mailbox: options.isLocal === false ? undefined : box,
      }),
    services: () => ({
      log: quiet,
      clock,
      random,
      adminToken: TOKEN,
      idempotency: idempotency({ table: keys, clock, random, inProgressMs: 1_000, keepMs: 60_000 }),
    }),
  });
  const call = async (method: string, path: string, body?: unknown, headers: [string, string][] = []) => {
    const event = httpEvent(method, `/functions${path}`, { headers, ...(body === undefined ? {} : { body }) });
    const answer = await w.until(handler(event, httpContext(10_000)));
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: JSON.parse(answer.body) as Body,
      text: answer.body,
    };
  };
  const read = (address: string) =>
    call('GET', `/mailbox/${address}`, undefined, [['authorization', `Bearer ${TOKEN}`]]);
  const codeOf = async (address: string) => /^\d{6}/.exec((await read(address)).body.mails[0]?.text ?? '')?.[0] ?? '';
  const message = async (body: object) => source.sendBatch([{ body: JSON.stringify(body) }]);
  return { w, call, read, codeOf, message };
};
const ANN = { user: 'ann', address: 'ann@example.org' };

test('a code is sent, wrong ones are 401 with how many are left, the right one is 200 with a token, once', async () => {
  const { w, call, codeOf } = stack();
  const { status, body } = await call('POST', '/two-factor/challenges', ANN);
  expect(status).toBe(202);
  expect(Date.parse(body.expiresAt)).toBeGreaterThan(w.clock.nowMs());
  await w.untilQuiet();
  const code = await codeOf('ann@example.org');
  const verify = (given: unknown) => call('POST', `/two-factor/challenges/${body.challengeId}/verify`, given);
  const wrong = await verify({ code: code === '000000' ? '000001' : '000000' });
  expect(wrong).toMatchObject({
    status: 401,
    body: { type: 'wrong-code', attemptsLeft: 4 },
    headers: { 'ratelimit-policy': '"attempts";q=5;w=300', 'www-authenticate': 'Code realm="two-factor"' },
  });
  const right = await verify({ code });
  expect(right).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  expect(right.body).toEqual({ token: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await verify({ code })).toMatchObject({ status: 401, body: { type: 'used-code' } });
});

test('after five wrong codes all are 429 until the challenge ends, then 410', async () => {
  const { w, call, codeOf } = stack();
  const { body } = await call('POST', '/two-factor/challenges', ANN);
  await w.untilQuiet();
  const code = await codeOf('ann@example.org');
  const verify = (given: string) => call('POST', `/two-factor/challenges/${body.challengeId}/verify`, { code: given });
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect((await verify(code === '000000' ? '000001' : '000000')).status).toBe(401);
  const refused = await verify(code);
  expect(refused).toMatchObject({ status: 429, body: { type: 'too-many-attempts' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(200);
  expect(refused.headers['ratelimit']).toMatch(/^"attempts";r=0;t=\d+$/);
  await w.until(w.clock.sleep(LIMITS.lifetimeMs));
  expect(await verify(code)).toMatchObject({ status: 410, body: { type: 'expired-challenge' } });
});

test.each([
  [{}],
  [{ code: 123456 }],
  [{ code: '12345' }],
  [{ code: '１２３４５６' }],
  [{ code: '123456\n' }],
  [{ code: '123456', x: 1 }],
])('%j is 400, is not repeated in the answer, and costs no attempt', async (given) => {
  const { w, call, codeOf } = stack();
  const { body } = await call('POST', '/two-factor/challenges', ANN);
  await w.untilQuiet();
  const path = `/two-factor/challenges/${body.challengeId}/verify`;
  const refused = await call('POST', path, given);
  expect(refused.status).toBe(400);
  expect(refused.text).not.toMatch(/12345|１２３/);
  const wrong = (await codeOf(ANN.address)) === '000000' ? '111111' : '000000';
  expect((await call('POST', path, { code: wrong })).body.attemptsLeft).toBe(4);
});

test('a challenge or a sign-up that there is not is 404', async () => {
  const { call } = stack();
  expect((await call('POST', '/two-factor/challenges/x/verify', { code: '000000' })).status).toBe(404);
  expect((await call('GET', '/signups/x')).status).toBe(404);
});

test('an idempotency-key makes a repeat the same challenge and the same sign-up', async () => {
  const { call } = stack();
  const key: [string, string][] = [['idempotency-key', 'k']];
  const [one, other] = [
    await call('POST', '/two-factor/challenges', ANN, key),
    await call('POST', '/two-factor/challenges', ANN, key),
  ];
  expect(other.body).toEqual(one.body);
  const body = { email: 'ann@example.org', name: 'Ann' };
  const [first, second] = [await call('POST', '/signups', body, key), await call('POST', '/signups', body, key)];
  expect(second).toMatchObject({ status: 202, body: first.body });
  expect((await call('POST', '/signups', { ...body, name: 'Bob' }, key)).status).toBe(422);
});

test('a sign-up by a message for an address that somebody has is to be seen as failed, and why', async () => {
  const { w, call, message } = stack();
  await call('POST', '/signups', { email: 'ann@example.org', name: 'Ann' });
  await message({ signupId: 'late', email: 'Ann@example.org', name: 'Eve' });
  await w.untilQuiet();
  expect((await call('GET', '/signups/late')).body).toMatchObject({
    status: 'failed',
    reason: 'address taken',
    steps: [{ name: 'reserve', status: 'failing', attempts: 1 }, { status: 'waiting' }, { status: 'waiting' }],
  });
});

test('a sign-up is 202 and ends as completed, visible per step; the address is taken: 409', async () => {
  const { w, call, read } = stack();
  const { status, body } = await call('POST', '/signups', { email: 'Ann@Example.org', name: 'Ann' });
  expect(status).toBe(202);
  expect((await call('POST', '/signups', { email: 'ann@example.org', name: 'Eve' })).status).toBe(409);
  await w.untilQuiet();
  const { body: seen } = await call('GET', `/signups/${body.signupId}`);
  expect(seen.status).toBe('completed');
  expect(seen.steps).toEqual(
    ['reserve', 'account', 'welcome'].map((name) => ({
      name,
      status: 'done',
      attempts: 1,
      at: expect.stringMatching(/Z$/),
    })),
  );
  expect((await read('ANN@example.org')).body.mails).toHaveLength(1);
});

test('a sign-up whose mail goes nowhere is compensated, with its reason, and the address is free', async () => {
  const { w, call } = stack();
  const sent = { email: 'ann@nowhere.invalid', name: 'Ann' };
  const { body } = await call('POST', '/signups', sent);
  await w.untilQuiet();
  expect((await call('GET', `/signups/${body.signupId}`)).body).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('welcome'),
  });
  expect((await call('POST', '/signups', sent)).status).toBe(202);
});

test.each([
  ['/signups', { email: 'ann', name: 'Ann' }, 'email'],
  ['/signups', { email: 'ann@example.org' }, 'name'],
  ['/signups', { email: 'ann@example.org', name: '' }, 'name'],
  ['/signups', { email: 7, name: 'Ann' }, 'email'],
  ['/two-factor/challenges', { user: 'ann' }, 'address'],
  ['/two-factor/challenges', { user: 'a\0', address: 'b' }, 'user'],
  ['/two-factor/challenges', { ...ANN, challengeId: 'mine' }, 'challengeId'],
])('POST %s with %j is 400 at %s', async (path, given, field) => {
  const { status, body } = await stack().call('POST', path, given);
  expect(status).toBe(400);
  expect(Object.keys(body.errors)).toEqual([field]);
});

test('the mailbox is read by admins, and only where mails stay on the machine', async () => {
  const { call, read } = stack();
  expect((await call('GET', '/mailbox/ann@example.org')).status).toBe(401);
  expect((await read('ann@example.org')).body).toEqual({ address: 'ann@example.org', mails: [] });
  expect((await stack({ isLocal: false }).read('ann@example.org')).status).toBe(404);
});
