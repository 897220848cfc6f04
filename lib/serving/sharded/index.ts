/** A sharded service (Burns, chapter 7): which shard a key belongs to, a cache on shards, and more or fewer of them. */
export type { HotPolicy } from './copy-policy.ts';
export { epochs, type Epochs, type EpochsOptions } from './epochs.ts';
export { hotKeys, type HotKeys, type HotKeysOptions } from './hot-keys.ts';
export type { CacheShard, Membership, Plan } from './membership.ts';
export {
  resharding,
  type BeginOutcome,
  type Resharding,
  type ReshardingOptions,
  type ReshardingStatus,
  type ShardChange,
} from './resharding.ts';
export { changeMessage, shardWorker, type ShardWorkerOptions } from './shard-worker.ts';
export { shardRouter, type Explanation, type ShardRouter } from './router.ts';
export type { Members, Shard } from './shard.ts';
export { shardedCache, type CacheHit, type ShardedCache, type ShardedCacheOptions } from './sharded-cache.ts';
export { slotTable, type SlotTable, type SlotTableOptions } from './slot-table.ts';
export { spaceSaving, type SpaceSaving } from './space-saving.ts';
