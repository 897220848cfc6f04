import { seeds, sweep, type Scenario } from '#simulation/sweep';
import { world } from '#simulation/world';
import { allFivePipeline, expectedOf, someEvents } from './all-five-events.ts';
import { holdEnd, outputOf, pipelinesIn, watchCounts, type SimulatedOptions } from './simulated.ts';

const PIPELINES = [allFivePipeline];
const FAULT_LIMIT_COUNT = 6;

/** Lists one after the other, the second overlapping the first, through all stages. */
const scenario =
  (count: number, options: Partial<SimulatedOptions> = {}): Scenario =>
  async (w) => {
    const place = pipelinesIn(w, { pipelines: PIPELINES, maxReceiveCount: FAULT_LIMIT_COUNT + 2, ...options });
    const events = someEvents(count, { keys: 3, poisonEvery: 10 });
    watchCounts(w, place, allFivePipeline, 1);
    const half = Math.ceil(count / 2);
    await place.submit('all-five', 'first', events.slice(0, half));
    await place.submit('all-five', 'second', events.slice(half - 2));
    await w.untilQuiet();
    await holdEnd(w, place, expectedOf(events));
  };

test('nothing is lost, counted twice or out of order, whatever happens to any one write', async () => {
  const { callCount, runCount } = await sweep(scenario(9, { maxReceiveCount: 3 }));
  expect(callCount).toBeGreaterThan(30);
  expect(runCount).toBeGreaterThan(callCount * 6);
}, 240_000);

test('nothing is lost, counted twice or out of order in 60 seeds with everything mixed', async () => {
  const { faultCount, kinds } = await seeds(scenario(24), { count: 60, faultLimitCount: FAULT_LIMIT_COUNT });
  expect(faultCount).toBeGreaterThan(200);
  expect(kinds.size).toBe(10);
}, 240_000);

test('so many crashes that good events become dead letters, and all is accounted for', async () => {
  const faults = () => [
    { kind: 'crash' as const, rate: 0.15 },
    { kind: 'crash-after' as const, rate: 0.1 },
  ];
  const { faultCount } = await seeds(scenario(20, { maxReceiveCount: 2 }), { count: 15, faultLimitCount: 60, faults });
  expect(faultCount).toBeGreaterThan(300);
}, 240_000);

test('5 000 events with partial failures of every batch call, and a stalled input: all accounted for, in order', async () => {
  const faults = [{ kind: 'partial' as const, rate: 0.2 }];
  const w = world({ seed: 5, faults });
  const place = pipelinesIn(w, { pipelines: PIPELINES, maxReceiveCount: 50, stalled: ['all-five-shard'] });
  const events = someEvents(5_000, { keys: 400, poisonEvery: 100 });
  const watched = watchCounts(w, place, allFivePipeline, 50);
  const copies = new Set<unknown>();
  place.bus.subscribe(({ type, detail }) => {
    if (type === 'all-five.copied') copies.add(detail['id']);
  });
  for (let at = 0; at < events.length; at += 400)
    await place.submit('all-five', `list-${at}`, events.slice(at, at + 400));
  await w.untilQuiet();

  // The input that comes by the shards is stalled. What does not stand behind one of its events has come out.
  const early = await outputOf(w, place, 'all-five');
  const isOrder = (type: string): boolean => type.startsWith('order.');
  const { isFiltered } = expectedOf(events);
  const blocked = new Set<string>();
  const free = events.filter((event) => {
    const { key, type, data } = event;
    const isDead = (data as { readonly fail?: string }).fail === 'always';
    if (isOrder(type) && isFiltered(event) === undefined && !isDead) blocked.add(key);
    return !blocked.has(key) && isFiltered(event) === undefined && !isDead;
  });
  expect(free.length).toBeGreaterThan(100);
  expect(early.map(({ id }) => id).toSorted()).toEqual(free.map(({ id }) => id).toSorted());
  const stalled = await w.until(place.api.progress('all-five'));
  const waiting = (name: string): number => stalled?.stages.find(({ stage }) => stage === name)?.waiting ?? 0;
  expect(waiting('shard')).toBeGreaterThan(1_000);
  expect(waiting('merge')).toBeGreaterThan(500);
  expect(waiting('copy') + waiting('keep') + waiting('split')).toBe(0);

  place.resume('all-five-shard');
  await w.untilQuiet();
  await holdEnd(w, place, expectedOf(events));
  const kinds = new Set(w.injected().map(({ operation: { operation } }) => operation));
  expect([...kinds].toSorted()).toEqual(
    expect.arrayContaining(['events.PutEvents', 'sqs.DeleteMessageBatch', 'sqs.SendMessageBatch']),
  );
  expect(watched.count()).toBeGreaterThan(50);
  // Who listens on the bus has seen every event: the copier's other branch.
  expect(copies.size).toBe(events.length);
}, 240_000);
