import { checkNames } from '#primitives/checks';
import type { Json, Table } from '#primitives/table';
import type { SlotTable } from '#serving/sharded/slot-table';

export interface ShardedValuesOptions {
  readonly table: Table;
  /** Says which shard a key belongs to: the same that the service uses. */
  readonly slots: SlotTable;
}

/** Values of a sharded service. Its clients call one address, and never learn how many shards there are. */
export interface ShardedValues {
  /** 1 read, of the shard that the key belongs to. */
  get(key: string): Promise<{ readonly shard: string; readonly value: Json | undefined }>;
  /** 1 write. */
  put(key: string, value: Json): Promise<{ readonly shard: string }>;
}

/**
 * The sharding ambassador, with shards that are partitions of one table.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown; by each call when a key is empty or too long
 */
export const shardedValues = (options: ShardedValuesOptions): ShardedValues => {
  checkNames(options, ['table', 'slots']);
  const { table, slots } = options;
  const keyOf = (shard: string, key: string) => ({ partition: `shard/${shard}/${key}`, sort: 'value' });
  return Object.freeze<ShardedValues>({
    get: async (key) => {
      const shard = slots.shardOf(key);
      const fields = await table.get(keyOf(shard, key));
      const { json } = fields ?? {};
      return { shard, value: typeof json === 'string' ? (JSON.parse(json) as Json) : undefined };
    },
    put: async (key, value) => {
      const shard = slots.shardOf(key);
      // As text: a table takes fewer numbers than JSON has.
      await table.put({ key: keyOf(shard, key), fields: { json: JSON.stringify(value) } });
      return { shard };
    },
  });
};
