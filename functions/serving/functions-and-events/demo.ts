import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Mails {
  readonly mails: readonly { readonly text: string }[];
}
interface SignUp {
  readonly status: string;
  readonly steps: readonly { readonly name: string; readonly status: string; readonly attempts: number }[];
}

const LOGINS = 6;
const VERIFIERS = 12;
const SIGN_UPS = 10;
const POLL_MS = 200;
/** What a killed function held comes back after the visibility timeout, 65 s by default. */
const PATIENCE_MS = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TRIES = 300;

const setFaults = (stack: DemoStack, faults: readonly object[]) =>
  callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });

const firedCount = async (stack: DemoStack): Promise<number> => {
  const { faults } = await callStack<{ faults: readonly { fired: number }[] }>(stack, 'GET', '/faults', {
    admin: true,
  });
  return faults.reduce((sum, { fired }) => sum + fired, 0);
};

const mailsTo = async (stack: DemoStack, address: string, signal: AbortSignal): Promise<Mails['mails']> =>
  (await callStack<Mails>(stack, 'GET', `/functions/mailbox/${address}`, { admin: true, signal })).mails;

/** Asks until it is so, for as long as a redelivery may take. */
const eventually = async <T>(ask: () => Promise<T>, isSo: (value: T) => boolean, signal: AbortSignal): Promise<T> => {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (isSo(value)) return value;
    if (performance.now() > endMs) throw new Error(`Not within ${PATIENCE_MS / 1000} s: ${JSON.stringify(value)}`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

/** Begins a challenge or a sign-up. Under a key, so that it may ask again when the function died under the request. */
const begin = async (stack: DemoStack, path: string, body: object, signal: AbortSignal): Promise<string> => {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${stack.apiUrl}/functions${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (response.ok) {
      const { challengeId, signupId } = JSON.parse(text) as { challengeId?: string; signupId?: string };
      return challengeId ?? signupId ?? '';
    }
    // A first request that died is in progress until its time is over: 409 with a time to come again.
    const mayRepeat = response.status >= 500 || response.headers.has('retry-after');
    if (!mayRepeat || tries === TRIES) throw new Error(`POST ${path} was answered with ${response.status}: ${text}`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

const verify = async (stack: DemoStack, challengeId: string, code: string, signal: AbortSignal): Promise<number> => {
  const response = await fetch(`${stack.apiUrl}/functions/two-factor/challenges/${challengeId}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  return response.status;
};

/** Codes, while events come twice and answers get lost; then many who have the right code at once. */
const logins = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say('  broken on purpose: events come twice, answers of the tables get lost');
  await setFaults(stack, [
    { at: 'queue/functions-and-events-steps', kind: 'duplicate', rate: 0.7, seed: 1 },
    { at: 'table/functions-and-events-mailbox', kind: 'lose-answer', rate: 0.5, seed: 2 },
  ]);
  const stamp = Date.now();
  const bar = screen.progress('logins', LOGINS);
  let [onceCount, mailCount, last] = [0, 0, ''];
  for (let index = 0; index < LOGINS; index += 1) {
    const address = `demo-${stamp}-${index}@example.org`;
    last = await begin(stack, '/two-factor/challenges', { user: 'demo', address }, signal);
    const mails = await eventually(
      () => mailsTo(stack, address, signal),
      ({ length }) => length > 0,
      signal,
    );
    const code = mails[0]?.text.slice(0, 6) ?? '';
    const statuses = await Promise.all(Array.from({ length: VERIFIERS }, () => verify(stack, last, code, signal)));
    if (statuses.filter((status) => status === 200).length === 1) onceCount += 1;
    mailCount += (await mailsTo(stack, address, signal)).length;
    bar.update(index + 1);
  }
  bar.stop();
  const fired = await firedCount(stack);
  return [
    { what: 'faults fired', seen: String(fired), held: fired > 0 },
    { what: 'each login was sent one code', seen: `${mailCount} mails of ${LOGINS}`, held: mailCount === LOGINS },
    {
      what: `of ${VERIFIERS} who sent the right code at once one got a token`,
      seen: `${onceCount} of ${LOGINS} times`,
      held: onceCount === LOGINS,
    },
  ];
};

const statusOf = (stack: DemoStack, signupId: string, signal: AbortSignal): Promise<SignUp> =>
  eventually(
    () => callStack<SignUp>(stack, 'GET', `/functions/signups/${signupId}`, { signal }),
    ({ status }) => status === 'completed' || status === 'failed',
    signal,
  );

/** Sign-ups, while the function of the steps is killed and transactions conflict; one has an address that takes no mail. */
const signUps = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say('  broken on purpose: the function of the steps is killed, its transactions conflict; what it held');
  screen.say('  comes back after its visibility timeout (VISIBILITY_TIMEOUT_S, 65 s by default)');
  await setFaults(stack, [
    { at: 'functions-and-events/steps', kind: 'crash', times: 1 },
    { at: 'table/functions-and-events-state', kind: 'conflict', rate: 0.2, seed: 3 },
  ]);
  const stamp = Date.now();
  const people = Array.from({ length: SIGN_UPS }, (_, index) => `demo-${stamp}-user-${index}@example.org`);
  const lost = { email: `demo-${stamp}@nowhere.invalid`, name: 'Demo' };
  const ids: string[] = [];
  for (const email of people) ids.push(await begin(stack, '/signups', { email, name: 'Demo' }, signal));
  const lostId = await begin(stack, '/signups', lost, signal);
  const bar = screen.progress('sign-ups', SIGN_UPS);
  let [completedCount, mailCount] = [0, 0];
  for (const [index, id] of ids.entries()) {
    if ((await statusOf(stack, id, signal)).status === 'completed') completedCount += 1;
    mailCount += (await mailsTo(stack, people[index] ?? '', signal)).length;
    bar.update(index + 1);
  }
  bar.stop();
  const failed = await statusOf(stack, lostId, signal);
  await callStack(stack, 'DELETE', '/faults', { admin: true });
  const again = await begin(stack, '/signups', lost, signal);
  return [
    {
      what: 'every sign-up is complete, with one mail',
      seen: `${completedCount} of ${SIGN_UPS}, ${mailCount} mails`,
      held: completedCount === SIGN_UPS && mailCount === SIGN_UPS,
    },
    {
      what: 'the one whose mail goes nowhere was undone',
      seen: failed.steps.map(({ name, status, attempts }) => `${name} ${status} (${attempts})`).join(', '),
      held: failed.status === 'failed',
    },
    { what: 'its address is free again', seen: again === '' ? 'taken' : 'taken anew', held: again !== '' },
  ];
};

export const functionsAndEventsDemo = Object.freeze({
  pattern: 'functions-and-events',
  run: async (stack, screen, signal) => {
    try {
      return [...(await logins(stack, screen, signal)), ...(await signUps(stack, screen, signal))];
    } finally {
      await callStack(stack, 'DELETE', '/faults', { admin: true });
    }
  },
} satisfies Demo);
