import type { Key } from '#primitives/table';
import { FENCE_COUNT } from './limits.ts';
import { shardsAfter, type CacheShard, type Membership } from './membership.ts';
import { slotTable, type SlotTable } from './slot-table.ts';

/** Where the records of a slot are: a partition of a shard's table that belongs to one generation of the slot. */
export interface Home {
  readonly shard: CacheShard;
  readonly partition: string;
  readonly fence: Key;
}

/** Where a key is. While its slot moves there are two places: what is still at `from` goes to `home` before it is used. */
export interface Route {
  readonly epoch: number;
  readonly slot: number;
  readonly home: Home;
  readonly from?: Home;
  /** The shards that are next in nearness, for copies: those first that are in tables of their own. */
  next(count: number): readonly CacheShard[];
}

/** A part of a plan: slots that go from one shard to another. */
export interface Move {
  readonly slot: number;
  readonly from: Home;
  readonly to: Home;
}

/** The members as they stand, with what follows from them. */
export interface Routes {
  readonly membership: Membership;
  readonly table: SlotTable;
  routeOf(key: string): Route;
  /** What a plan moves, by slot; nothing without a plan. */
  moves(): readonly Move[];
}

export const fenceKey = (shard: string, index: number): Key => ({
  partition: `fence/${index}/${shard}`,
  sort: 'fence',
});

/** All fences of a shard. */
export const fenceKeys = (shard: string): readonly Key[] =>
  Array.from({ length: FENCE_COUNT }, (_, index) => fenceKey(shard, index));

const homeOf = (shard: CacheShard, slot: number, generation: number): Home => ({
  shard,
  partition: `slot/${slot}/${generation}/${shard.name}`,
  fence: fenceKey(shard.name, slot % FENCE_COUNT),
});

/** Slot tables by members: an epoch that changes nothing of them, and the end of a plan, need no new one. */
const tableOf = (shards: readonly CacheShard[], slotBits: number): SlotTable =>
  slotTable({ shards: shards.map(({ name, weight }) => ({ name, weight })), slotBits });

const shardNamed = (shards: readonly CacheShard[]) => {
  const byName = new Map(shards.map((shard) => [shard.name, shard]));
  return (name: string): CacheShard => {
    const shard = byName.get(name);
    if (shard === undefined) throw new RangeError(`no shard is called ${name}`);
    return shard;
  };
};

/** Shards whose table none before has, then the rest, each in their order: where one table is away, others are not. */
const apart = (shards: readonly CacheShard[]): readonly CacheShard[] => {
  const tables = new Set<CacheShard['table']>();
  const [first, rest]: [CacheShard[], CacheShard[]] = [[], []];
  for (const shard of shards) {
    (tables.has(shard.table) ? rest : first).push(shard);
    tables.add(shard.table);
  }
  return [...first, ...rest];
};

/** What follows from the members: made once for each epoch that a host sees. */
export const routesOf = (membership: Membership): Routes => {
  const { epoch, slotBits, shards, generations, plan } = membership;
  const table = tableOf(shards, slotBits);
  const after = shardsAfter(membership);
  const tableAfter = plan === undefined ? table : tableOf(after, slotBits);
  const [now, then] = [shardNamed(shards), shardNamed(after)];
  const nowAt = (slot: number): Home => homeOf(now(table.ownerOf(slot)), slot, generations[slot] ?? 1);
  const thenAt = (slot: number): Home => homeOf(then(tableAfter.ownerOf(slot)), slot, plan?.epoch ?? 1);
  const isMoving = (slot: number): boolean => table.ownerOf(slot) !== tableAfter.ownerOf(slot);

  return Object.freeze<Routes>({
    membership,
    table,
    routeOf: (key) => {
      const slot = table.slotOf(key);
      const moves = plan !== undefined && isMoving(slot);
      const [ranks, find] = moves ? [tableAfter, then] : [table, now];
      return {
        epoch,
        slot,
        home: moves ? thenAt(slot) : nowAt(slot),
        ...(moves ? { from: nowAt(slot) } : {}),
        next: (count) => apart(ranks.ranked(slot, ranks.shards.length).map(find)).slice(1, count + 1),
      };
    },
    moves: () => {
      if (plan === undefined) return [];
      const slots = Array.from({ length: table.slotCount }, (_, slot) => slot).filter(isMoving);
      return slots.map((slot) => ({ slot, from: nowAt(slot), to: thenAt(slot) }));
    },
  });
};

/** The generations when the plan of `membership` has ended. */
export const generationsAfter = (routes: Routes): readonly number[] => {
  const { generations, plan } = routes.membership;
  if (plan === undefined) return generations;
  const next = [...generations];
  for (const { slot } of routes.moves()) next[slot] = plan.epoch;
  return next;
};
