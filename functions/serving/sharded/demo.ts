import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, patiently, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Shards {
  readonly shards: readonly { readonly name: string; readonly table: string }[];
}
interface Status {
  readonly status: 'idle' | 'moving';
  readonly plan?: { readonly slots: { readonly total: number; readonly done: number }; readonly keysMoved: number };
}

const KEY_COUNT = 60;
const PATIENCE_MS = 240_000;
const POLL_MS = 250;
const keyOf = (index: number): string => `demo-${index}`;

/** However long the functions take to come back: what they are asked for here may all be done twice. */
const asked = <T>(ask: () => Promise<T>): Promise<T> => patiently(ask, { patienceMs: PATIENCE_MS });
const put = (stack: DemoStack, key: string, value: number) =>
  asked(() => callStack<{ readonly shard: string }>(stack, 'PUT', `/sharded/cache/${key}`, { body: { value } }));
const get = (stack: DemoStack, key: string) =>
  asked(() => callStack<{ readonly value: number }>(stack, 'GET', `/sharded/cache/${key}`));
const statusOf = (stack: DemoStack) => asked(() => callStack<Status>(stack, 'GET', '/sharded/resharding'));
const shardsOf = (stack: DemoStack) => asked(() => callStack<Shards>(stack, 'GET', '/sharded/shards'));

/** Until no plan is under way; `meanwhile` is done again and again. */
const settled = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal, meanwhile: () => Promise<void>) => {
  const deadlineMs = performance.now() + PATIENCE_MS;
  let bar: ReturnType<DemoScreen['progress']> | undefined;
  for (;;) {
    const { status, plan } = await statusOf(stack);
    if (plan !== undefined) bar ??= screen.progress('slots', plan.slots.total);
    bar?.update(plan?.slots.done ?? 0);
    if (status === 'idle') break;
    if (performance.now() > deadlineMs) throw new Error(`The plan has not ended within ${PATIENCE_MS / 1000} s.`);
    await meanwhile();
    await sleep(POLL_MS, undefined, { signal });
  }
  bar?.stop();
};

/** Asks for a shard until it is there or on its way: the kill may hit the very function that answers. */
const ask = async (stack: DemoStack, name: string): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    try {
      await callStack(stack, 'POST', '/sharded/shards', { admin: true, body: { name } });
      return;
    } catch (error) {
      const { plan } = await statusOf(stack);
      const { shards } = await shardsOf(stack);
      if (plan !== undefined || shards.some((shard) => shard.name === name)) return;
      if (tries >= 10) throw error;
    }
  }
};

/** One shard more, while the mover is killed, answers are lost and everybody reads and writes. */
const grow = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const name = `demo-${Date.now().toString(36)}`;
  const values = new Map<string, number>();
  let wrongReads = 0;
  let reads = 0;
  for (let index = 0; index < KEY_COUNT; index += 1) {
    await put(stack, keyOf(index), index);
    values.set(keyOf(index), index);
  }
  screen.say('  broken on purpose: the functions are killed once while keys move, answers of the tables get lost');
  const faults = [
    { at: 'sharded/reshard', kind: 'crash', times: 1 },
    { at: 'table/sharded-shard-1', kind: 'lose-answer', rate: 0.05, seed: 1 },
  ];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    await ask(stack, name);
    await settled(stack, screen, signal, async () => {
      const key = keyOf(Math.floor(Math.random() * KEY_COUNT));
      const { value } = await get(stack, key);
      reads += 1;
      if (value !== values.get(key)) wrongReads += 1;
      await put(stack, key, value + 1_000);
      values.set(key, value + 1_000);
    });
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
  let lost = 0;
  let onNew = 0;
  for (const [key, value] of values) {
    if ((await get(stack, key)).value !== value) lost += 1;
    const { shard } = await asked(() => callStack<{ shard: string }>(stack, 'GET', `/sharded/explain/${key}`));
    if (shard === name) onNew += 1;
  }
  await callStack(stack, 'DELETE', `/sharded/shards/${name}`, { admin: true });
  await settled(stack, screen, signal, async () => undefined);
  const { shards } = await shardsOf(stack);
  return [
    {
      what: 'no write is lost while a shard is added under kills',
      seen: `${KEY_COUNT - lost} of ${KEY_COUNT} keys`,
      held: lost === 0,
    },
    { what: 'no read is stale meanwhile', seen: `${wrongReads} of ${reads}`, held: wrongReads === 0 },
    {
      what: 'the new shard has its part, and gives it back',
      seen: `${onNew} keys`,
      held: onNew > 0 && shards.every((shard) => shard.name !== name),
    },
  ];
};

/** A shard that does not answer: its keys are read from copies. */
const withoutShard = async (stack: DemoStack, screen: DemoScreen): Promise<readonly Shown[]> => {
  const { shard } = await put(stack, 'demo-copied', 7);
  const { shards } = await shardsOf(stack);
  const table = shards.find(({ name }) => name === shard)?.table ?? '';
  const shown: Shown[] = [];
  try {
    for (const [kind, does] of [
      ['error', 'refuses everything'],
      ['hang', 'does not answer at all'],
    ] as const) {
      screen.say(`  broken on purpose: the table of ${shard} ${does}`);
      await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults: [{ at: `table/${table}`, kind }] } });
      const { value } = await get(stack, 'demo-copied');
      shown.push({ what: `a key is read while its shard ${does}`, seen: `value ${value}`, held: value === 7 });
    }
    return shown;
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

export const shardedDemo: Demo = Object.freeze({
  pattern: 'sharded',
  run: async (stack, screen, signal) => [
    ...(await grow(stack, screen, signal)),
    ...(await withoutShard(stack, screen)),
  ],
} satisfies Demo);
