import { checkNames, refuse } from '#primitives/checks';
import { keyHash } from './key-hash.ts';
import type { Shard } from './shard.ts';
import { slotTable, type SlotTable } from './slot-table.ts';

/** Why a request goes to a shard. */
export interface Explanation {
  /** What the key function made of the request. */
  readonly key: string;
  /** The key's bytes of UTF-8: two keys that look alike may differ in them. */
  readonly keyBytes: number;
  /** 0..2³²−1; its highest bits are the slot. */
  readonly hash: number;
  readonly slot: number;
  readonly slotCount: number;
  readonly shard: string;
  /** The shards by nearness to the slot: the first has it, the next would have it without the first. */
  readonly ranked: readonly string[];
}

export interface ShardRouter<Request> {
  readonly table: SlotTable;
  shardOf(request: Request): string;
  explain(request: Request): Explanation;
}

const SHOWN_RANKS = 5;

/**
 * Sends requests to shards by a key of the caller's choice: what is asked for together should have one key, and no key
 * should be asked for so often that one shard can't bear it. Depends on the set of the shards alone.
 *
 * @param options `keyOf` gives the key of a request: 1..2048 bytes of well-formed text.
 * @throws {@link InvalidArgumentError} also later, when `keyOf` gives no key
 * @example
 * const router = shardRouter({ shards: ['a', 'b'], keyOf: ({ tenant }: { tenant: string }) => tenant });
 * router.shardOf({ tenant: 'acme' });
 */
export const shardRouter = <Request>(options: {
  readonly shards: readonly (string | Shard)[];
  readonly keyOf: (request: Request) => string;
  readonly slotBits?: number;
}): ShardRouter<Request> => {
  checkNames(options, ['shards', 'keyOf', 'slotBits']);
  const { keyOf, ...how } = options;
  if (typeof keyOf !== 'function') throw refuse('keyOf', 'a function', keyOf);
  const table = slotTable(how);
  return Object.freeze<ShardRouter<Request>>({
    table,
    shardOf: (request) => table.shardOf(keyOf(request)),
    explain: (request) => {
      const key = keyOf(request);
      const slot = table.slotOf(key);
      return {
        key,
        keyBytes: Buffer.byteLength(key),
        hash: keyHash(key),
        slot,
        slotCount: table.slotCount,
        shard: table.shardOf(key),
        ranked: table.ranked(slot, SHOWN_RANKS),
      };
    },
  });
};
