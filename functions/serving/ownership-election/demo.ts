import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Answer {
  readonly status: number;
  readonly body: { readonly fencingToken?: number; readonly holder?: string; readonly value?: number };
}

const LEASE_MS = 1_500;
const POLL_MS = 75;
const ROUNDS = 8;
const ADDITIONS = 12;
const TRIES = 200;
const REQUEST_TIMEOUT_MS = 30_000;

/** Asks until there is an answer of the pattern's own: 409 is one of them. */
const ask = async (
  stack: DemoStack,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  options: { readonly body?: object; readonly key?: string; readonly signal: AbortSignal },
): Promise<Answer> => {
  const { body, key, signal } = options;
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${stack.apiUrl}/ownership${path}`, {
      method,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status < 500) return { status: response.status, body: JSON.parse(text) as Answer['body'] };
    if (tries === TRIES)
      throw new Error(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 200)}`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

const setFaults = (stack: DemoStack, faults: readonly object[]) =>
  callStack<{ faults: readonly { kind: string; fired: number }[] }>(stack, 'PUT', '/faults', {
    admin: true,
    body: { faults },
  });

const acquireWhenFree = async (stack: DemoStack, name: string, holder: string, signal: AbortSignal) => {
  for (let tries = 1; ; tries += 1) {
    const body = { holder, leaseMs: LEASE_MS };
    const { status, body: answer } = await ask(stack, 'POST', `/locks/${name}/acquire`, { body, signal });
    if (status === 200) return answer.fencingToken ?? 0;
    if (tries === TRIES) throw new Error(`Lock ${name} was not free within ${TRIES} tries.`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

/** Holders that never release, while answers of the table get lost: each is succeeded, and its late write refused. */
const succession = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const name = `demo-${Date.now()}`;
  screen.say('  broken on purpose: answers of the table of locks get lost; no holder renews or releases;');
  screen.say('  each writes once more after it was succeeded');
  await setFaults(stack, [{ at: 'table/ownership-election-locks', kind: 'lose-answer', rate: 0.2, seed: 1 }]);
  const bar = screen.progress('holders that die', ROUNDS);
  const tokens: number[] = [];
  const lateStatuses: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const token = await acquireWhenFree(stack, name, `holder-${round}`, signal);
    await ask(stack, 'PUT', `/resources/${name}`, { body: { fencingToken: token, value: round }, signal });
    const former = tokens.at(-1);
    tokens.push(token);
    if (former !== undefined) {
      const late = { fencingToken: former, value: 'late' };
      lateStatuses.push((await ask(stack, 'PUT', `/resources/${name}`, { body: late, signal })).status);
    }
    bar.update(round + 1);
  }
  bar.stop();
  const { faults } = await callStack<{ faults: readonly { fired: number }[] }>(stack, 'GET', '/faults', {
    admin: true,
  });
  const { value } = (await ask(stack, 'GET', `/resources/${name}`, { signal })).body;
  const isRising = tokens.every((token, at) => at === 0 || token > (tokens[at - 1] ?? Infinity));
  return [
    {
      what: 'lost answers',
      seen: String(faults.reduce((sum, { fired }) => sum + fired, 0)),
      held: faults.every(({ fired }) => fired > 0),
    },
    { what: 'each dead holder was succeeded, with a higher token', seen: `${tokens.length} holders`, held: isRising },
    {
      what: 'every late write was refused',
      seen: `${lateStatuses.filter((status) => status === 409).length} of ${ROUNDS - 1}`,
      held: lateStatuses.every((status) => status === 409) && value === ROUNDS - 1,
    },
  ];
};

/** Many add to one counter, while transactions meet others and answers get lost. */
const concurrentData = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const name = `demo-${Date.now()}`;
  screen.say('  broken on purpose: transactions on the counters conflict, and their answers get lost');
  await setFaults(stack, [
    { at: 'table/ownership-election-counters', kind: 'conflict', rate: 0.2, seed: 2 },
    { at: 'table/ownership-election-counters', kind: 'lose-answer', rate: 0.1, seed: 3 },
  ]);
  const additions = Array.from({ length: ADDITIONS }, (_, index) => index);
  for (let at = 0; at < ADDITIONS; at += 4)
    await Promise.all(
      additions
        .slice(at, at + 4)
        .map((index) => ask(stack, 'POST', `/counters/${name}`, { body: { add: 1 }, key: `${name}-${index}`, signal })),
    );
  await callStack(stack, 'DELETE', '/faults', { admin: true });
  const { value } = (await ask(stack, 'POST', `/counters/${name}`, { body: { add: 0 }, signal })).body;
  return [{ what: 'no addition is lost or made twice', seen: `${value} of ${ADDITIONS}`, held: value === ADDITIONS }];
};

export const ownershipDemo = Object.freeze({
  pattern: 'ownership-election',
  run: async (stack, screen, signal) => {
    try {
      const shown = [...(await succession(stack, screen, signal)), ...(await concurrentData(stack, screen, signal))];
      const { status, body } = await ask(stack, 'GET', '/leader', { signal });
      const isLed = status === 200 && body.fencingToken !== undefined;
      return [...shown, { what: 'one scheduled function leads', seen: `token ${body.fencingToken}`, held: isLed }];
    } finally {
      await callStack(stack, 'DELETE', '/faults', { admin: true });
    }
  },
} satisfies Demo);
