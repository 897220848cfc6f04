import type { Table, Write } from '#primitives/table';
import { persist, type Pause } from './limits.ts';
import {
  MEMBERSHIP_KEY,
  membershipFields,
  readMembership,
  shardsAfter,
  type CacheShard,
  type Membership,
} from './membership.ts';
import { fenceKeys, routesOf, type Routes } from './routes.ts';

export interface EpochsOptions {
  /** Holds the record of the members. */
  readonly control: Table;
  /** Where shards are, by the index in their `table`. */
  readonly tables: readonly Table[];
  /** The members when there are none yet. */
  readonly initial: readonly CacheShard[];
  /** Of a first membership: 2^slotBits slots. */
  readonly slotBits: number;
  readonly pause: Pause;
}

/** The membership as this host knows it, and the way to change it. */
export interface Epochs {
  /** What was read last; reads at the first call. */
  current(): Promise<Routes>;
  /** What is written now. */
  refresh(): Promise<Routes>;
  /**
   * Puts `next` in the place of `before`, with all fences, in one transaction. False when `before` was not the last any
   * more. True may also mean that a lost attempt of this call had done it.
   */
  change(before: Membership, next: Membership): Promise<boolean>;
  /** Waits until every fence of the members is of this epoch at least: from then on nobody acts on an older one. */
  settled(routes: Routes): Promise<void>;
}

const firstMembership = ({ initial, slotBits }: EpochsOptions): Membership => ({
  epoch: 1,
  slotBits,
  shards: initial,
  generations: Array.from({ length: 2 ** slotBits }, () => 1),
  ended: [],
});

const allShards = (membership: Membership): readonly CacheShard[] => {
  const byName = new Map([...membership.shards, ...shardsAfter(membership)].map((shard) => [shard.name, shard]));
  return [...byName.values()];
};

/** The table of an index. @throws RangeError when the members name a table that this host was not given */
export const tableAt = (tables: readonly Table[], { name, table: index }: CacheShard): Table => {
  const table = tables[index];
  if (table === undefined) throw new RangeError(`shard ${name} is in table ${index} of ${tables.length}`);
  return table;
};

/**
 * Epochs order all changes of the members. Every operation on a key reads a fence of its shard in the call that it makes
 * anyway, and so learns that it acts on an old epoch before it gives an answer.
 */
export const epochs = (options: EpochsOptions): Epochs => {
  const { control, tables, pause } = options;
  let known: Routes | undefined;
  let loading: Promise<Routes> | undefined;

  const fenceWrites = (shards: readonly CacheShard[], epoch: number): readonly (Write & { readonly table: Table })[] =>
    shards.flatMap((shard) => {
      const table = tableAt(tables, shard);
      return fenceKeys(shard.name).map((key) => ({ kind: 'put' as const, key, fields: { epoch }, table }));
    });

  const write = async (next: Membership, before: Membership | undefined): Promise<boolean> => {
    const shards = before === undefined ? next.shards : allShards(before.plan === undefined ? next : before);
    return persist('change the members', pause, async () => {
      const outcome = await control.transact([
        {
          kind: 'put',
          key: MEMBERSHIP_KEY,
          fields: membershipFields(next),
          condition:
            before === undefined ? { kind: 'absent' } : { kind: 'equals', field: 'epoch', value: before.epoch },
        },
        ...fenceWrites(shards, next.epoch),
      ]);
      if (outcome.status === 'conflict') return undefined;
      return outcome.status === 'written';
    });
  };

  const load = async (): Promise<Routes> => {
    const fields = await persist('read the members', pause, async () => {
      const found = await control.get(MEMBERSHIP_KEY);
      if (found !== undefined) return found;
      // Whoever is first writes them; then they are read like any others.
      await write(firstMembership(options), undefined);
      return undefined;
    });
    const membership = readMembership(fields);
    return known?.membership.epoch === membership.epoch ? known : routesOf(membership);
  };

  const refresh = (): Promise<Routes> => {
    loading ??= load()
      .then((routes) => {
        // An answer that was long under way does not undo a later one.
        if (known === undefined || routes.membership.epoch >= known.membership.epoch) known = routes;
        return known;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  return Object.freeze<Epochs>({
    current: async () => known ?? refresh(),
    refresh,
    change: async (before, next) => {
      if (await write(next, before)) return true;
      const { membership } = await refresh();
      const { plan, ended } = membership;
      const isOurs = next.plan === undefined ? ended.at(-1) === next.ended.at(-1) : plan?.id === next.plan.id;
      return membership.epoch === next.epoch && isOurs;
    },
    settled: async ({ membership }) => {
      for (const shard of allShards(membership)) {
        await persist(`fences of ${shard.name}`, pause, async () => {
          const fences = await tableAt(tables, shard).getMany(fenceKeys(shard.name));
          return fences.every((fence) => Number(fence?.['epoch'] ?? 0) >= membership.epoch) ? true : undefined;
        });
      }
    },
  });
};
