import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, patiently, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Stage {
  readonly stage: string;
  readonly kind: string;
  readonly in: number;
  readonly out: number;
  readonly filtered: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly waiting: number;
}
interface Progress {
  readonly accepted: number;
  readonly stages: readonly Stage[];
}
interface Page {
  readonly events: readonly { readonly id: string; readonly key: string; readonly seq: number }[];
  readonly cursor: string;
  readonly more: boolean;
}

const EVENTS = 300;
const KEYS = 40;
const PART = 100;
const POLL_MS = 500;
/** What a killed function held comes back after the visibility timeout, 65 s by default. */
const PATIENCE_MS = 300_000;
const TYPES = ['order.placed', 'visit', 'noise'];

const base = '/event-driven/pipelines/all-five';

const droppedBy = ({ filtered }: Stage): number => Object.values(filtered).reduce((a, b) => a + b, 0);
/** The stages whose counts do not add up. */
const unbalanced = ({ stages }: Progress): readonly string[] =>
  stages.flatMap((each) =>
    each.in === each.out + droppedBy(each) + each.deadLettered && each.waiting >= 0 ? [] : [JSON.stringify(each)],
  );

const progressOf = (stack: DemoStack, signal: AbortSignal): Promise<Progress> =>
  patiently(() => callStack<Progress>(stack, 'GET', base, { signal }), { signal, patienceMs: PATIENCE_MS });
const endedOf = ({ stages }: Progress): number =>
  stages.reduce((sum, each) => sum + (each.kind === 'merger' ? each.out : 0) + each.deadLettered + droppedBy(each), 0);

/** What has come out behind a cursor, and the cursor behind it. */
const outputFrom = async (stack: DemoStack, signal: AbortSignal, cursor?: string) => {
  const events: Page['events'][number][] = [];
  for (let at = cursor; ;) {
    const query: string = at === undefined ? '' : `?cursor=${at}`;
    const page = await patiently(() => callStack<Page>(stack, 'GET', `${base}/output${query}`), {
      signal,
      patienceMs: PATIENCE_MS,
    });
    events.push(...page.events);
    at = page.cursor;
    if (!page.more) return { events, cursor: at };
  }
};

const send = async (stack: DemoStack, signal: AbortSignal, run: string): Promise<void> => {
  const events = Array.from({ length: EVENTS }, (_, n) => ({
    id: `${run}-${n}`,
    key: `${run}-${n % KEYS}`,
    type: TYPES[(n + Math.floor(n / KEYS)) % TYPES.length] ?? '',
    data: { n, ...(n === 7 ? { fail: 'always' } : {}) },
  }));
  for (let at = 0; at < EVENTS; at += PART)
    await patiently(
      () => callStack(stack, 'POST', `${base}/events`, { body: { events: events.slice(at, at + PART) } }),
      { signal, patienceMs: PATIENCE_MS },
    );
};

const follow = async (stack: DemoStack, screen: DemoScreen, before: number, signal: AbortSignal) => {
  const bar = screen.progress('all five stages under faults', EVENTS);
  const deadlineMs = performance.now() + PATIENCE_MS;
  let addedUp = true;
  for (;;) {
    const progress = await progressOf(stack, signal);
    addedUp &&= unbalanced(progress).length === 0;
    const ended = endedOf(progress) - before;
    bar.update(Math.min(ended, EVENTS));
    if (ended >= EVENTS) {
      bar.stop();
      return { progress, addedUp };
    }
    if (performance.now() > deadlineMs) throw new Error(`Not all ended in time: ${JSON.stringify(progress)}`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

const run = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const faults = [
    { at: 'event-driven/stage', kind: 'crash', times: 1 },
    { at: 'bus', kind: 'partial', rate: 0.2, seed: 1 },
    { at: 'queue/event-driven-all-five-split', kind: 'partial', rate: 0.2, seed: 2 },
    { at: 'table/event-driven-pipelines', kind: 'lose-answer', rate: 0.03, seed: 3 },
  ];
  screen.say('  broken on purpose: the functions are killed once, parts of batches and answers get lost;');
  screen.say('  one event always fails: it is tried five times, ever later');
  const before = await progressOf(stack, signal);
  const { cursor } = await outputFrom(stack, signal);
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    await send(stack, signal, `demo-${Date.now()}`);
    const { progress, addedUp } = await follow(stack, screen, endedOf(before), signal);
    const fired = await callStack<{ faults: readonly { kind: string; fired: number }[] }>(stack, 'GET', '/faults', {
      admin: true,
    });
    const { events } = await outputFrom(stack, signal, cursor);
    const last = new Map<string, number>();
    const inOrder = events.every(({ key, seq }) => {
      const isBehind = seq > (last.get(key) ?? -1);
      last.set(key, seq);
      return isBehind;
    });
    const problems = [
      ...unbalanced(progress),
      ...progress.stages.filter(({ waiting }) => waiting > 0).map(({ stage }) => `${stage} waits`),
    ];
    return [
      {
        what: 'faults fired',
        seen: fired.faults.map(({ kind, fired: count }) => `${kind} ${count}`).join(', '),
        held: fired.faults.some(({ fired: count }) => count > 0),
      },
      {
        what: 'in = out + filtered + dead letters, at every stage',
        seen: problems[0] ?? 'at the end',
        held: problems.length === 0,
      },
      { what: 'it added up whenever it was read', seen: addedUp ? 'at every read' : 'not always', held: addedUp },
      {
        what: 'each key came out in its order, nothing twice',
        seen: `${events.length} events of ${last.size} keys`,
        held: inOrder && new Set(events.map(({ id }) => id)).size === events.length,
      },
    ];
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

export const eventDrivenDemo = Object.freeze({ pattern: 'event-driven', run } satisfies Demo);
