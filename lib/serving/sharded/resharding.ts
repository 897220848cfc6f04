import { checkNames, checkNumber, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import type { Epochs } from './epochs.ts';
import { MAX_CACHE_SHARDS, pauseOf } from './limits.ts';
import { shardsAfter, type CacheShard, type Membership, type Plan } from './membership.ts';
import { moveSlot } from './move-slot.ts';
import { progressOf } from './progress.ts';
import { generationsAfter, type Routes } from './routes.ts';
import { MAX_WEIGHT, MIN_WEIGHT } from './shard.ts';
import { store } from './store.ts';

/** A change of the members that somebody asks for. */
export type ShardChange =
  | { readonly kind: 'add'; readonly name: string; readonly weight?: number }
  | { readonly kind: 'remove'; readonly name: string };

/**
 * - `begun`: it is under way (perhaps since an earlier try), and goes on with `drive`.
 * - `done`: the members are as asked for, or were, by this very request.
 * - `busy`: another one is under way.
 * - `refused`: it cannot be, and never could.
 */
export type BeginOutcome =
  | { readonly status: 'begun' | 'done' | 'busy' }
  | { readonly status: 'refused'; readonly reason: string };

export interface ReshardingStatus {
  readonly status: 'idle' | 'moving';
  readonly epoch: number;
  readonly shards: readonly (CacheShard & { readonly slots: number })[];
  readonly slotCount: number;
  /** Ids of the requests that were done last, at most 64. */
  readonly ended: readonly string[];
  readonly plan?: {
    readonly id: string;
    readonly kind: 'add' | 'remove';
    readonly shard: string;
    readonly weight: number;
    /** What moves: so many slots from one shard to another. */
    readonly moves: readonly { readonly from: string; readonly to: string; readonly slots: number }[];
    readonly slots: { readonly total: number; readonly done: number };
    /** Keys that the plan itself took along; operations on keys take theirs along, too. */
    readonly keysMoved: number;
    readonly startedAtMs: number;
  };
}

export interface Resharding {
  /** What there is, and what is under way. 2 API calls. */
  status(): Promise<ReshardingStatus>;
  /** Begins a change, unless there is one. What it changes is written at once or not at all. @param id Of the request. */
  begin(id: string, change: ShardChange): Promise<BeginOutcome>;
  /**
   * Moves what is to be moved, for about `timeMs`. May be called again at any time, by several at once, after a crash at
   * any point: it goes on where it was.
   *
   * @returns `idle` when nothing is under way any more, `more` when it has to be called again.
   */
  drive(timeMs: number): Promise<'idle' | 'more'>;
}

export interface ReshardingOptions {
  readonly control: Table;
  readonly tables: readonly Table[];
  readonly epochs: Epochs;
  readonly clock: Clock;
  readonly random: Random;
}

const MAX_NAME_BYTES = 64;
/** Slots between two notes of how far it is: what a crash lets be looked at again. */
const SLOTS_A_NOTE = 32;
/** Slots that are emptied at a time: each is mostly a wait for one answer. */
const SLOTS_AT_ONCE = 8;

const slotCounts = ({ table }: Routes): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (let slot = 0; slot < table.slotCount; slot += 1) {
    const owner = table.ownerOf(slot);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
};

const movesBetween = (routes: Routes) => {
  const counts = new Map<string, { from: string; to: string; slots: number }>();
  for (const { from, to } of routes.moves()) {
    const key = JSON.stringify([from.shard.name, to.shard.name]);
    const known = counts.get(key) ?? { from: from.shard.name, to: to.shard.name, slots: 0 };
    counts.set(key, { ...known, slots: known.slots + 1 });
  }
  return [...counts.values()];
};

/** The table with the fewest shards; of several the first. */
const freeTable = ({ shards }: Membership, tableCount: number): number => {
  const counts = Array.from({ length: tableCount }, (_, index) => shards.filter(({ table }) => table === index).length);
  return counts.indexOf(Math.min(...counts));
};

const checkChange = (change: ShardChange): void => {
  checkNames(change, ['kind', 'name', 'weight']);
  checkText('name', change.name, 1, MAX_NAME_BYTES);
  if (change.kind === 'add' && change.weight !== undefined)
    checkNumber('weight', change.weight, MIN_WEIGHT, MAX_WEIGHT);
};

/** What becomes of a change, given the members: a plan, or why there is none. */
const decide = (
  membership: Membership,
  asked: { readonly id: string; readonly change: ShardChange; readonly tableCount: number; readonly nowMs: number },
): BeginOutcome | { readonly status: 'plan'; readonly plan: Plan } => {
  const { id, change, tableCount, nowMs } = asked;
  const { shards, plan, ended, epoch } = membership;
  const begun = { id, epoch: epoch + 1, startedAtMs: nowMs };
  if (ended.includes(id)) return { status: 'done' };
  if (plan !== undefined) return { status: plan.id === id ? 'begun' : 'busy' };
  const known = shards.find(({ name }) => name === change.name);
  if (change.kind === 'remove') {
    if (known === undefined) return { status: 'done' };
    if (shards.length === 1) return { status: 'refused', reason: `'${change.name}' is the last shard` };
    return { status: 'plan', plan: { ...begun, kind: 'remove', shard: known } };
  }
  const weight = change.weight ?? 1;
  if (known !== undefined && known.weight === weight) return { status: 'done' };
  if (known !== undefined)
    return { status: 'refused', reason: `'${change.name}' is there with weight ${known.weight}` };
  if (shards.length >= MAX_CACHE_SHARDS) return { status: 'refused', reason: `there are ${MAX_CACHE_SHARDS} shards` };
  const shard = { name: change.name, weight, table: freeTable(membership, tableCount) };
  return { status: 'plan', plan: { ...begun, kind: 'add', shard } };
};

/**
 * Live resharding. A plan begins with a new epoch, in which the keys of the slots that move have two places; each key is
 * taken along in a transaction, by the plan or by whoever uses it first; when all slots have been emptied a second epoch
 * ends the plan. Both changes of the epoch reach the record of the members and all fences in one transaction.
 *
 * Crash points: before or after the beginning, between any two keys, slots or notes, before or after the end: `drive`
 * goes on from what is written. A key is at one of its places at every moment, and never at both for those who look.
 *
 * API calls: beginning and end 1 each, and 1 for each shard to see its fences; of each slot 1, and 1 for each 25 keys;
 * 1 for each 32 slots.
 */
export const resharding = (options: ReshardingOptions): Resharding => {
  checkNames(options, ['control', 'tables', 'epochs', 'clock', 'random']);
  const { control, tables, epochs, clock, random } = options;
  const pause = pauseOf({ clock, random });
  const calls = store({ tables, clock });
  const progress = progressOf({ control, pause });

  const end = async (routes: Routes, plan: Plan): Promise<void> => {
    const { plan: _ended, ...rest } = routes.membership;
    await epochs.change(routes.membership, {
      ...rest,
      epoch: rest.epoch + 1,
      shards: shardsAfter(routes.membership).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      generations: generationsAfter(routes),
      ended: [...rest.ended, plan.id],
    });
  };

  /** Empties slots from where it is until all are, or the time is over; `over` when others have ended the plan. */
  const moveOn = async (routes: Routes, plan: Plan, isOver: () => boolean): Promise<'all' | 'more' | 'over'> => {
    const moves = routes.moves();
    let reached = await progress.read(plan.epoch);
    if (reached === 'over') return 'over';
    const first = reached.slotsDone;
    while (reached.slotsDone < moves.length) {
      const part = moves.slice(reached.slotsDone, reached.slotsDone + SLOTS_A_NOTE);
      let slotsDone = reached.slotsDone;
      let keysMoved = 0;
      for (let at = 0; at < part.length; at += SLOTS_AT_ONCE) {
        // Some at least: a call always brings the plan on.
        if (slotsDone > first && isOver()) break;
        const some = part.slice(at, at + SLOTS_AT_ONCE);
        const moved = await Promise.all(some.map((move) => moveSlot({ calls, pause }, move)));
        keysMoved += moved.reduce((sum, count) => sum + count, 0);
        slotsDone += some.length;
      }
      reached = await progress.note(plan.epoch, { slotsDone, keysMoved: reached.keysMoved + keysMoved });
      if (reached === 'over') return 'over';
      if (isOver() && reached.slotsDone < moves.length) return 'more';
    }
    return 'all';
  };

  return Object.freeze<Resharding>({
    status: async () => {
      const routes = await epochs.refresh();
      const { epoch, plan, shards, ended } = routes.membership;
      const counts = slotCounts(routes);
      const common = {
        epoch,
        ended,
        slotCount: routes.table.slotCount,
        shards: shards.map((shard) => ({ ...shard, slots: counts.get(shard.name) ?? 0 })),
      };
      if (plan === undefined) return { status: 'idle', ...common };
      const { id, kind, shard, startedAtMs } = plan;
      const moves = movesBetween(routes);
      const total = moves.reduce((sum, move) => sum + move.slots, 0);
      const noted = await progress.read(plan.epoch);
      // It has ended since the members were read; how many keys it moved is noted no more.
      const { slotsDone, keysMoved } = noted === 'over' ? { slotsDone: total, keysMoved: 0 } : noted;
      const slots = { total, done: slotsDone };
      const { name, weight } = shard;
      return {
        status: 'moving',
        ...common,
        plan: { id, kind, shard: name, weight, moves, slots, keysMoved, startedAtMs },
      };
    },
    begin: async (id, change) => {
      checkText('id', id, 1, 256);
      checkChange(change);
      for (let tries = 1; ; tries += 1) {
        const { membership } = await epochs.refresh();
        const decided = decide(membership, { id, change, tableCount: tables.length, nowMs: clock.nowMs() });
        if (decided.status !== 'plan') return decided;
        const { plan } = decided;
        if (await epochs.change(membership, { ...membership, epoch: plan.epoch, plan })) return { status: 'begun' };
        if (tries >= 3) return { status: 'busy' };
      }
    },
    drive: async (timeMs) => {
      const endsAtMs = clock.monotonicMs() + timeMs;
      const isOver = (): boolean => clock.monotonicMs() >= endsAtMs;
      for (;;) {
        const routes = await epochs.refresh();
        const { plan } = routes.membership;
        if (plan === undefined) return 'idle';
        // Who still acts on the epoch before may put what this would then not find.
        await epochs.settled(routes);
        const moved = await moveOn(routes, plan, isOver);
        if (moved === 'more') return 'more';
        if (moved === 'all') await end(routes, plan);
        if (isOver()) return 'more';
      }
    },
  });
};
