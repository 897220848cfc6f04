import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

const READY_MS = 120_000;
const AT_ONCE = 200;
const ASKED = 300;
const WORDS = ['puffin', 'heron', 'otter', 'badger', 'curlew', 'plover', 'ermine', 'marmot', 'gannet', 'lynx'];

interface Answer {
  readonly status: number;
  readonly cache: string | null;
  readonly replica: string | null;
}

const get = async (stack: DemoStack, path: string, client: string, signal: AbortSignal): Promise<Answer> => {
  const response = await fetch(`${stack.apiUrl}/replicated${path}`, { headers: { 'x-client-id': client }, signal });
  await response.text();
  const { status, headers } = response;
  return { status, cache: headers.get('x-cache'), replica: headers.get('x-replica') };
};

/** Each as a client of its own, so that no limit is met. */
const many = (stack: DemoStack, path: string, signal: AbortSignal): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, index) => get(stack, path, `demo-${index}`, signal)));

const untilReady = async (stack: DemoStack, signal: AbortSignal): Promise<void> => {
  const deadlineMs = performance.now() + READY_MS;
  while ((await get(stack, '/ready', 'demo', signal)).status !== 200) {
    if (performance.now() > deadlineMs) throw new Error('The dictionary was not filled in.');
    await sleep(500, undefined, { signal });
  }
};

/** The loads of a call that the stack has counted: what its endpoint saw. Undefined where nobody counts. */
const bucketReads = async (stack: DemoStack, signal: AbortSignal): Promise<number | undefined> => {
  const response = await fetch(`${stack.awsEndpointUrl}/_stack/calls`, { signal });
  if (!response.ok) return undefined;
  return ((await response.json()) as Record<string, number>)['s3.GetObject'] ?? 0;
};

/** A word that this demo has not asked for lately. */
const someWord = (): string => WORDS[Math.floor(performance.timeOrigin / 1000) % WORDS.length] ?? 'lynx';

const oneLoad = async (stack: DemoStack, signal: AbortSignal): Promise<Shown> => {
  const before = await bucketReads(stack, signal);
  const answers = await many(stack, `/dictionary/${someWord()}`, signal);
  const reads = ((await bucketReads(stack, signal)) ?? 0) - (before ?? 0);
  const replicas = new Set(answers.map(({ replica }) => replica)).size;
  return {
    what: `${AT_ONCE} requests for a word at once are one load at most`,
    seen: `${reads} reads of the bucket by ${replicas} replicas`,
    held: answers.every(({ status }) => status === 200) && reads <= 1,
  };
};

const limited = async (stack: DemoStack, signal: AbortSignal): Promise<Shown> => {
  const startedMs = performance.now();
  const client = `greedy-${startedMs}`;
  const answers = await Promise.all(Array.from({ length: ASKED }, () => get(stack, '/sessions/none', client, signal)));
  const refused = answers.filter(({ status }) => status === 429).length;
  const allowed = ASKED - refused;
  const permitted = 100 + Math.ceil((20 * (performance.now() - startedMs)) / 1000);
  return {
    what: 'a client gets what its limit allows, over all replicas, and no more',
    seen: `${allowed} of ${ASKED} let through, ${permitted} allowed`,
    held: allowed <= permitted && (refused > 0 || permitted >= ASKED),
  };
};

/** The bucket breaks: what is known is still there, what is not known is an honest 503. */
const withoutBucket = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say(
    '  broken on purpose: the bucket of the dictionary answers nothing but errors, then the table of the cache',
  );
  const faults = [{ at: 'bucket/replicated-dictionary', kind: 'error' }];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  const known = await get(stack, `/dictionary/${someWord()}`, 'demo', signal);
  const unknown = await get(stack, '/dictionary/antidisestablishmentarianism', 'demo', signal);
  const tables = [
    { at: 'table/replicated-cache', kind: 'error' },
    { at: 'table/replicated-limits', kind: 'error' },
  ];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults: tables } });
  const alone = await get(stack, '/dictionary/pangolin', 'demo', signal);
  screen.say('  broken on purpose: both tables do not answer at all');
  const hangs = tables.map(({ at }) => ({ at, kind: 'hang' }));
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults: hangs } });
  const late = await get(stack, '/dictionary/axolotl', 'demo', signal);
  return [
    {
      what: 'without the bucket a known word is still found, another one is 503',
      seen: `${known.status} ${known.cache}, ${unknown.status}`,
      held: known.status === 200 && [200, 503].includes(unknown.status),
    },
    {
      what: 'without the tables of cache and limits words are still found',
      seen: `${alone.status} ${alone.cache}`,
      held: alone.status === 200,
    },
    {
      what: 'when these tables hang, words are found all the same',
      seen: `${late.status} ${late.cache}`,
      held: late.status === 200,
    },
  ];
};

/** Sessions that were stored are there when all replicas have been killed. */
const killed = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<Shown> => {
  screen.say('  broken on purpose: all replicas are killed');
  const path = '/replicated/sessions/demo';
  const session = { cart: ['tea'], at: performance.now() };
  await callStack(stack, 'PUT', path, { body: session, signal });
  await callStack(stack, 'PUT', '/faults', {
    admin: true,
    body: { faults: [{ at: 'replicated/http', kind: 'crash', times: 1 }] },
  });
  await get(stack, '/ready', 'demo', signal).catch(() => undefined);
  const found = await callStack<object>(stack, 'GET', path, { signal });
  return {
    what: 'a session that was stored is there after all replicas died',
    seen: JSON.stringify(found).slice(0, 40),
    held: JSON.stringify(found) === JSON.stringify(session),
  };
};

export const replicatedDemo: Demo = Object.freeze({
  pattern: 'replicated',
  run: async (stack, screen, signal) => {
    await untilReady(stack, signal);
    const shown: Shown[] = [await oneLoad(stack, signal), await limited(stack, signal)];
    try {
      shown.push(...(await withoutBucket(stack, screen, signal)));
      await callStack(stack, 'DELETE', '/faults', { admin: true });
      shown.push(await killed(stack, screen, signal));
    } finally {
      await callStack(stack, 'DELETE', '/faults', { admin: true });
    }
    return shown;
  },
} satisfies Demo);
