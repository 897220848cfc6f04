import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins, type Joins } from '#batch/coordinated/join/join';
import type { JoinPlan, JoinView } from '#batch/coordinated/join/types';
import { sendAll } from '#batch/work-queue/send';
import type { MemoryBus } from '#primitives/memory/bus';
import type { MemoryTable } from '#primitives/memory/table';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { holdAll } from '#simulation/checkers';
import type { Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { quiet } from '../../work-queue/world.ts';

const KEEP_MS = 3_600_000;
const WATCH = { firstMs: 5_000, limitMs: 60_000 };

export interface JoinPlace {
  readonly table: MemoryTable;
  readonly effects: MemoryTable;
  readonly bus: MemoryBus;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly api: Joins;
}

interface Call {
  readonly joinId: string;
  readonly branch: string;
}

/** What answers clients: the library's, or a planted one. */
export type MakeJoins = (place: Omit<JoinPlace, 'api'>, w: World) => Pick<Joins, 'create' | 'arrive'>;

/** The joins with their consumer, as the template wires them, in a simulated world. */
const joinsIn = (w: World): JoinPlace => {
  const [table, effects, bus] = [w.table('state'), w.table('effects'), w.bus('events')];
  const deadLetters = w.queue('joins-dead-letters');
  const queue = w.queue('joins', { deadLetter: { queue: deadLetters, maxReceiveCount: 1_000 } });
  const options = {
    table,
    effects,
    bus,
    queue,
    clock: w.clock,
    random: w.random,
    log: quiet,
    keepMs: KEEP_MS,
    watch: WATCH,
  };
  const boot = () => {
    const consume = joinConsumer({ ...options, deadLetters, patience: 8 });
    return (event: SqsEvent) => partialBatch(messagesOf(event), consume, { concurrency: 4 });
  };
  w.source({ queue, batchSize: 10, function: w.function({ name: 'consumer', boot }) });
  return { table, effects, bus, queue, deadLetters, api: joins(options) };
};

const shuffled = <T>(list: readonly T[], random: Random): readonly T[] =>
  list
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);

const fieldOf = ({ table }: Pick<JoinPlace, 'table'>, { joinId, branch }: Call): unknown =>
  table
    .dump()
    .filter(({ key }) => key.partition === `join/${joinId}`)
    .map(({ fields }) => fields[`b:${branch}`])
    .find((state) => state !== undefined);

/**
 * A client that comes again until it is answered, but for the worst case: when its arrival was recorded and no answer
 * came, it is never seen again. What is left to do then, others must do.
 */
const client = (w: World, place: JoinPlace, make: MakeJoins | undefined) => {
  const boot = () => {
    const api = make?.(place, w) ?? place.api;
    return async ({ joinId, branch }: Call) => {
      const outcome = await api.arrive(joinId, branch);
      if (typeof outcome === 'string') throw new Error(outcome);
      return outcome;
    };
  };
  const http = w.function({ name: 'http', boot });
  return async (call: Call): Promise<void> => {
    for (let tries = 0; tries < 25; tries += 1) {
      const { status } = await http.invoke(JSON.stringify(call));
      if (status === 'answered') return;
      const state = fieldOf(place, call);
      if (state === 1 || state === 2) return;
      await w.clock.sleep(1_000);
    }
    throw new Error(`no answer for ${call.branch}`);
  };
};

export interface SimulatedJoins {
  /** Default 1. */
  readonly joinCount?: number;
  readonly branchCount: number;
  /** Each branch arrives so often at most; default 2. */
  readonly repeats?: number;
  readonly deadlineMs?: number;
  readonly onDeadline?: 'fail' | 'fire';
  /** In parts instead of a list. */
  readonly open?: boolean;
  /** Arrivals are so far apart at most; default 0. */
  readonly pauseMs?: number;
  /** So many branches never arrive, in every second join. */
  readonly missing?: number;
  /** Arrivals are messages of the queue. */
  readonly byQueue?: boolean;
  readonly make?: MakeJoins;
}

const begin = async (w: World, place: JoinPlace, joinId: string, names: readonly string[], how: SimulatedJoins) => {
  const { deadlineMs, onDeadline, open = false } = how;
  const plan: JoinPlan = { ...(deadlineMs === undefined ? {} : { deadlineMs }), ...(onDeadline ? { onDeadline } : {}) };
  const api = how.make?.(place, w) ?? place.api;
  if (!open) return void (await w.client(() => api.create(joinId, { ...plan, branches: names })));
  const half = Math.ceil(names.length / 2);
  await w.client(() => place.api.create(joinId, { ...plan, open: true }));
  for (const [part, some] of [names.slice(0, half + 1), names.slice(half)].entries())
    await w.client(() => place.api.add(joinId, `p${part}`, some));
};

const arriveAll = async (w: World, place: JoinPlace, joinId: string, names: readonly string[], how: SimulatedJoins) => {
  const { repeats = 2, pauseMs = 0, missing = 0, byQueue = false } = how;
  const arrive = byQueue
    ? (call: Call) => w.client(() => sendAll(place.queue, [{ body: JSON.stringify(call) }], () => Promise.resolve()))
    : client(w, place, how.make);
  const coming = shuffled(names, w.random).slice(missing);
  const last = coming.slice(-2);
  const times = () => 1 + Math.floor(w.random.next() * repeats);
  const before = shuffled(
    coming.slice(0, -2).flatMap((branch) => Array.from({ length: times() }, () => branch)),
    w.random,
  );
  for (const branch of before) {
    await arrive({ joinId, branch });
    if (pauseMs > 0) await w.clock.sleep(w.random.next() * pauseMs);
  }
  const atOnce = last.flatMap((branch) => Array.from({ length: times() }, () => arrive({ joinId, branch })));
  await Promise.all(atOnce);
};

/** What must hold of a join that has ended: one outcome, told by everybody in the same way. */
const holdEnd = (joinId: string, view: JoinView | undefined, place: JoinPlace, how: SimulatedJoins): void => {
  const effect = place.effects.dump().find(({ key }) => key.partition === `join:${joinId}`);
  const events = place.bus.published().filter(({ detail }) => detail['joinId'] === joinId);
  const [types, ids] = [new Set(events.map(({ type }) => type)), new Set(events.map(({ detail }) => detail['id']))];
  const { status = 'none', outcome, arrived = 0, expected = 0, late = [] } = view ?? {};
  const problems: string[] = [];
  const check = (holds: boolean, problem: string) => void (holds || problems.push(`${joinId}: ${problem}`));
  check(status === 'fired' || status === 'failed', `is ${status}`);
  check((effect !== undefined) === (status === 'fired'), `${status} with${effect === undefined ? 'out' : ''} effect`);
  check(types.size === 1 && types.has(`join.${status}`), `${status}, events ${[...types].join()}`);
  check(ids.size === 1, `events with ${ids.size} ids`);
  check(expected === how.branchCount, `expects ${expected}`);
  check(outcome === 'deadline' || arrived === expected, `complete with ${arrived}`);
  check(outcome !== 'deadline' || how.deadlineMs !== undefined, 'timed out without deadline');
  check(outcome !== 'complete' || late.length === 0, 'complete, and late ones');
  check(
    effect === undefined || effect.fields['arrived'] === arrived,
    `effect for ${JSON.stringify(effect?.fields['arrived'])}`,
  );
  holdAll(problems);
};

/** Looks on at every write: no effect before all have arrived, and none that changes. */
const watched = (w: World, place: JoinPlace, names: readonly string[]): void => {
  const effects = new Map<string, string>();
  w.watch(async ({ name }) => {
    if (!name.split(',').includes('effects')) return;
    for (const { key, fields } of place.effects.dump()) {
      const joinId = key.partition.slice('join:'.length);
      const text = JSON.stringify(fields);
      if (effects.get(joinId) === text) continue;
      const arrived = names.filter((branch) => fieldOf(place, { joinId, branch }) === 1).length;
      const early = fields['outcome'] !== 'deadline' && arrived < names.length;
      holdAll(
        effects.has(joinId) ? [`${joinId} fired twice`] : [],
        early ? [`${joinId} fired early: ${arrived} of ${names.length}`] : [],
      );
      effects.set(joinId, text);
    }
  });
};

/** Joins beside each other, whose branches arrive more than once, in any order, the last two at once. */
export const joinScenario =
  (how: SimulatedJoins): Scenario =>
  async (w) => {
    const { joinCount = 1, branchCount, open = false, missing = 0 } = how;
    const place = joinsIn(w);
    const names = Array.from({ length: branchCount }, (_, index) => `branch-${index}`);
    const ids = Array.from({ length: joinCount }, (_, index) => `join-${index}`);
    watched(w, place, names);
    for (const id of ids) await begin(w, place, id, names, how);
    const all = ids.map((id, at) => arriveAll(w, place, id, names, { ...how, missing: at % 2 === 0 ? missing : 0 }));
    await w.until(Promise.all(all));
    if (open) for (const id of ids) await w.client(() => place.api.close(id));
    await w.untilQuiet();
    for (const id of ids) {
      if (how.make === undefined) holdEnd(id, await place.api.view(id), place, how);
    }
  };
