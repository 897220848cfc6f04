import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import type { Queue } from '#primitives/queue';
import { variantOf, type Experiment } from '#single-node/ambassador/experiment';
import { splitMessages } from '#single-node/ambassador/split-messages';

const EXPERIMENT: Experiment = {
  name: 'e',
  version: 'v',
  variants: [
    { service: 'stable', weight: 1 },
    { service: 'canary', weight: 1 },
  ],
  stickyBy: 'header:user',
  rolledBack: [],
};

const message = (id: string, body = '{}', attributes: Record<string, string> = {}) => ({ id, body, attributes });

const set = (intercept?: Intercept) => {
  const clock = memoryClock();
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const queue = (name: string) => memoryQueue({ name, clock, wire, visibilityMs: 60_000 });
  const queues = { stable: queue('stable'), canary: queue('canary'), dark: queue('dark') };
  const random = seededRandom(1);
  const all = async (from: Queue) => {
    const found = [];
    for (;;) {
      const batch = await from.receive({ maxCount: 10 });
      if (batch.length === 0) return found;
      found.push(...batch);
    }
  };
  return { queues, split: splitMessages({ queues, random }), all, wire, random };
};

test('a user’s messages and events go where his requests go', async () => {
  const { queues, split, all, random } = set();
  const users = Array.from({ length: 40 }, (_, at) => `u${at}`);
  const messages = users.flatMap((user) => [
    message(`${user}-attribute`, '{}', { user }),
    message(`${user}-field`, JSON.stringify({ user })),
    message(`${user}-event`, JSON.stringify({ source: 'shop', detail: { user }, user: 'another' })),
  ]);
  const { failedIds, counts } = await split(EXPERIMENT, messages);
  expect(failedIds).toEqual([]);
  expect((counts['stable'] ?? 0) + (counts['canary'] ?? 0)).toBe(120);
  for (const variant of ['stable', 'canary'] as const) {
    const found = await all(queues[variant]);
    expect(found).toHaveLength(counts[variant] ?? 0);
    expect(found.every(({ attributes }) => attributes['variant'] === variant)).toBe(true);
    for (const { body, attributes } of found) {
      const own = JSON.parse(body) as { user?: string; detail?: { user: string } };
      const user = attributes['user'] ?? own.detail?.user ?? own.user;
      expect(variantOf(EXPERIMENT, user, random)).toBe(variant);
    }
  }
});

test('a message that does not say whose it is goes by its id: delivered again, to the same variant', async () => {
  const { split } = set();
  const messages = ['not JSON', 'null', '[]', '{"user":{}}', '{"detail":null}', '{"user":null}', '7'].map((body, at) =>
    message(`id-${at}`, body),
  );
  expect((await split(EXPERIMENT, messages)).counts).toEqual((await split(EXPERIMENT, messages)).counts);
});

test('a field that every object has is nobody’s name', async () => {
  const { split } = set();
  for (const name of ['constructor', '__proto__', 'toString'])
    expect((await split({ ...EXPERIMENT, stickyBy: `header:${name}` }, [message('1')])).failedIds).toEqual([]);
});

test('exactly the messages that were not handed over come again', async () => {
  const { split, queues, all } = set((operation, apply) =>
    operation.name === 'canary' && operation.isWrite && operation.operation.startsWith('sqs.Send')
      ? apply(new Set([0]))
      : apply(),
  );
  const messages = Array.from({ length: 20 }, (_, at) =>
    message(`m${at}`, JSON.stringify({ user: `u${at}`, id: `m${at}` })),
  );
  const { failedIds, counts } = await split(EXPERIMENT, messages);
  expect(failedIds.length).toBeGreaterThan(0);
  const arrived = [...(await all(queues.stable)), ...(await all(queues.canary))].map(
    ({ body }) => (JSON.parse(body) as { id: string }).id,
  );
  expect([...arrived, ...failedIds].toSorted()).toEqual(messages.map(({ id }) => id).toSorted());
  expect((counts['stable'] ?? 0) + (counts['canary'] ?? 0)).toBe(20 - failedIds.length);
});

test('a variant without a queue loses nothing: its messages come again', async () => {
  const { split } = set();
  const one = { ...EXPERIMENT, variants: [{ service: 'elsewhere', weight: 1 }] };
  expect((await split(one, [message('1'), message('2')])).failedIds).toEqual(['1', '2']);
});

test('the shadow gets a copy of all; that it fails holds up nobody', async () => {
  const good = set();
  const messages = Array.from({ length: 25 }, (_, at) => message(`m${at}`));
  const shadowed = { ...EXPERIMENT, shadow: 'dark' };
  await good.split(shadowed, messages);
  expect(await good.all(good.queues.dark)).toHaveLength(25);
  const bad = set((operation, apply) => {
    if (operation.name === 'dark') throw new Error('test');
    return apply();
  });
  expect((await bad.split(shadowed, messages)).failedIds).toEqual([]);
  expect((await bad.split({ ...EXPERIMENT, shadow: 'nobody' }, messages)).failedIds).toEqual([]);
});

test('ten messages of one variant are one call', async () => {
  const { split, wire } = set();
  const one = { ...EXPERIMENT, variants: [{ service: 'stable', weight: 1 }] };
  await split(
    one,
    Array.from({ length: 10 }, (_, at) => message(`m${at}`)),
  );
  expect(wire.counts()).toEqual({ 'sqs.SendMessageBatch': 1 });
});

test('attributes of a message go along; a message that has ten gets no eleventh', async () => {
  const { split, queues, all } = set();
  const one = { ...EXPERIMENT, variants: [{ service: 'stable', weight: 1 }] };
  const ten = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`a${at}`, 'x']));
  expect((await split(one, [message('1', '{}', ten), message('2', '{}', { a: 'x' })])).failedIds).toEqual([]);
  expect((await all(queues.stable)).map(({ attributes }) => Object.keys(attributes).length)).toEqual([10, 2]);
});
