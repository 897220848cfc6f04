import { eventDriven } from '#batch/event-driven/event-driven';
import { pipeline, WHOLE } from '#batch/event-driven/pipeline';
import { laneOf } from '#batch/event-driven/records';
import { copier, filter, merger, splitter } from '#batch/event-driven/steps';
import type { Stage } from '#batch/event-driven/types';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import type { Table } from '#primitives/table';
import { quiet } from '../work-queue/world.ts';

/** Of records; as JSON they may be larger by a half before a transaction refuses them. */
const TRANSACTION_BYTES = 4_000_000 / 1.5;

const COPIES = ['c1', 'c2', 'c3', 'c4', 'c5'];
const stages: Readonly<Record<string, Stage>> = {
  split: splitter({ to: { one: 'merge', five: 'copy' }, by: () => 'one' }),
  copy: copier({ to: COPIES }),
  ...Object.fromEntries(COPIES.map((name) => [name, filter({ to: 'merge', drop: {} })])),
  merge: merger(),
};
const fiveWide = pipeline({ name: 'five-wide', first: 'split', stages });

const place = () => {
  const clock = memoryClock();
  const queue = (name: string) => memoryQueue({ name, clock, visibilityMs: 30_000 });
  const inner = memoryTable({ name: 'pipelines', clock });
  let largestBytes = 0;
  const table: Table = {
    ...inner,
    transact: (writes, options) => {
      largestBytes = Math.max(largestBytes, JSON.stringify(writes).length);
      return inner.transact(writes, options);
    },
  };
  const batch = eventDriven({
    pipelines: [fiveWide],
    table,
    lists: queue('lists.fifo'),
    outlets: {
      queueOf: () => queue('next'),
      merges: queue('merges.fifo'),
      bus: memoryBus({ name: 'bus', clock }),
    },
    deadLetters: queue('dead'),
    clock,
    random: seededRandom(1),
    log: quiet,
    maxReceiveCount: 5,
    keepMs: 30 * 86_400_000,
  });
  const merge = (events: readonly Came[]) => clock.until(batch.merge(events.map(messageOf), 1_000_000));
  return { batch, clock, merge, seen: () => ({ largestBytes }) };
};

const DATA = 'x'.repeat(261_900);
interface Came {
  readonly key: string;
  readonly seq: number;
  /** One of five copies. */
  readonly copy?: number;
}
const messageOf = ({ key, seq, copy }: Came) => {
  const id = `${key}-${seq}`;
  const part = copy === undefined ? { input: 'split.one', share: WHOLE } : { input: `c${copy}.out`, share: WHOLE / 5 };
  const event = { id, key, type: 't', data: DATA };
  const message = { pipeline: fiveWide.name, stage: 'merge', event, seq, ...part };
  return { id, receipt: id, body: JSON.stringify(message), attributes: {}, receiveCount: 1, sentAtMs: 0 };
};
const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

const readAll = async ({ batch, clock }: ReturnType<typeof place>) => {
  const ids: string[] = [];
  const pageBytes: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await clock.until(batch.output(fiveWide.name, cursor));
    if (page === undefined || page === 'bad-cursor') throw new Error('a page');
    ids.push(...page.events.map(({ id }) => id));
    pageBytes.push(JSON.stringify(page).length);
    if (!page.more) return { ids, pageBytes };
    ({ cursor } = page);
  }
};

const ofOneLane = (length: number): readonly string[] =>
  count(0, 200)
    .map((n) => `k${n}`)
    .filter((key) => laneOf(key) === laneOf('k0'))
    .slice(0, length);

test('thirty of the largest events of one key wait, and go out in their order: no transaction is too large', async () => {
  const own = place();
  for (const from of [1, 11, 21]) await own.merge(count(from, from + 9).map((seq) => ({ key: 'k', seq })));
  expect(await own.merge([{ key: 'k', seq: 0 }])).toEqual({ batchItemFailures: [] });
  const { ids } = await readAll(own);
  expect(ids).toEqual(count(0, 30).map((seq) => `k-${seq}`));
  expect(own.seen().largestBytes).toBeLessThan(TRANSACTION_BYTES);
});

test('… and of ten keys at once, of each of which three wait', async () => {
  const own = place();
  const keys = ofOneLane(10);
  for (const seq of [1, 2, 3]) await own.merge(keys.map((key) => ({ key, seq })));
  expect(await own.merge(keys.map((key) => ({ key, seq: 0 })))).toEqual({ batchItemFailures: [] });
  const { ids } = await readAll(own);
  expect(ids.toSorted()).toEqual(keys.flatMap((key) => count(0, 3).map((seq) => `${key}-${seq}`)).toSorted());
  expect(own.seen().largestBytes).toBeLessThan(TRANSACTION_BYTES);
});

test('… and when many have to wait while many go out', async () => {
  const own = place();
  const [first = '', ...others] = ofOneLane(10);
  await own.merge(count(1, 4).map((seq) => ({ key: first, seq })));
  await own.merge([{ key: first, seq: 0 }, ...others.map((key) => ({ key, seq: 1 }))]);
  expect((await readAll(own)).ids).toEqual(count(0, 4).map((seq) => `${first}-${seq}`));
  expect(own.seen().largestBytes).toBeLessThan(TRANSACTION_BYTES);
});

test('… and when five copies of one event go out, which have to do so together', async () => {
  const own = place();
  const [a = '', b = '', c = '', d = ''] = ofOneLane(4);
  await own.merge(count(1, 3).map((seq) => ({ key: a, seq })));
  await own.merge(count(1, 4).map((copy) => ({ key: b, seq: 0, copy })));
  await own.merge([
    { key: a, seq: 0 },
    { key: c, seq: 1 },
    { key: d, seq: 1 },
    { key: b, seq: 0, copy: 5 },
  ]);
  expect((await readAll(own)).ids).toEqual([
    ...count(0, 3).map((seq) => `${a}-${seq}`),
    ...count(1, 5).map(() => `${b}-0`),
  ]);
  expect(own.seen().largestBytes).toBeLessThan(TRANSACTION_BYTES);
});

test('a page of the output is as much as a function can answer, and the cursor goes on behind it', async () => {
  const own = place();
  const keys = count(0, 29).map((n) => `k${n}`);
  for (const key of keys) await own.merge([{ key, seq: 0 }]);
  const { ids, pageBytes } = await readAll(own);
  expect(ids.toSorted()).toEqual(keys.map((key) => `${key}-0`).toSorted());
  expect(Math.max(...pageBytes)).toBeLessThan(2_200_000);
});
