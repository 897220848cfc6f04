import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import type { HotPolicy } from '#serving/sharded/copy-policy';
import { epochs } from '#serving/sharded/epochs';
import { pauseOf } from '#serving/sharded/limits';
import { resharding } from '#serving/sharded/resharding';
import type { Patience } from '#serving/sharded/shard-patience';
import { shardedCache } from '#serving/sharded/sharded-cache';

export interface ClusterOptions {
  readonly control: Table;
  readonly tables: readonly Table[];
  readonly clock: Clock;
  readonly random: Random;
  readonly shardCount?: number;
  readonly slotBits?: number;
  readonly copyCount?: number;
  readonly hot?: HotPolicy;
  readonly patience?: Patience;
}

export const shardName = (index: number): string => `shard-${index}`;

/** What one host has in memory: its own view of the members, a cache and a driver on it. */
export const hostOf = (options: ClusterOptions) => {
  const { control, tables, clock, random, shardCount = 4, slotBits = 4, copyCount = 0, hot, patience } = options;
  const initial = Array.from({ length: shardCount }, (_, table) => ({ name: shardName(table), weight: 1, table }));
  const view = epochs({ control, tables, initial, slotBits, pause: pauseOf({ clock, random }) });
  const common = { tables, epochs: view, clock, random };
  return {
    view,
    cache: shardedCache({
      ...common,
      copyCount,
      ...(hot === undefined ? {} : { hot }),
      ...(patience === undefined ? {} : { patience }),
    }),
    shards: resharding({ ...common, control }),
  };
};

export type Host = ReturnType<typeof hostOf>;
