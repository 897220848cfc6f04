import { problem, type Handlers } from '#http/handlers';
import { PatternError } from '#primitives/errors';
import type { Queue } from '#primitives/queue';
import type { Epochs } from '#serving/sharded/epochs';
import type { HotKeys } from '#serving/sharded/hot-keys';
import { keyHash } from '#serving/sharded/key-hash';
import type { Resharding, ShardChange } from '#serving/sharded/resharding';
import { changeMessage } from '#serving/sharded/shard-worker';
import type { ShardedCache } from '#serving/sharded/sharded-cache';
import type { shardedApi } from './api.ts';

const SHOWN_RANKS = 5;

export interface ShardedParts {
  readonly cache: ShardedCache;
  readonly epochs: Epochs;
  readonly shards: Resharding;
  readonly hot: HotKeys;
  readonly changes: Queue;
  /** The names of the tables, by index. */
  readonly tableNames: readonly string[];
}

/**
 * Accepts a change of the shards. Its message goes first: once a plan has begun there is somebody to end it, whatever
 * happens to this function.
 */
const accept = async ({ shards, changes }: ShardedParts, changeId: string, change: ShardChange) => {
  const { plan } = await shards.status();
  if (plan !== undefined && plan.id !== changeId)
    return problem(409, { detail: 'A plan is under way; see /sharded/resharding.', headers: { 'retry-after': '5' } });
  const [sent] = await changes.sendBatch([changeMessage(changeId, change)]);
  if (sent?.ok !== true)
    throw new PatternError('sharded/not-accepted', 'the message was not taken', { retryable: true });
  await shards.begin(changeId, change);
  return { status: 202 as const, body: { changeId, name: change.name } };
};

export const shardedHandlers = (parts: ShardedParts): Handlers<typeof shardedApi> => {
  const { cache, epochs, shards, hot, tableNames } = parts;
  return {
    put: async ({ params: { key }, body: { value, ttlMs } }) => {
      const { shard } = await cache.put(key, value, ttlMs === undefined ? {} : { ttlMs });
      return { status: 200, body: { key, shard }, headers: { 'x-shard': shard } };
    },
    get: async ({ params: { key } }) => {
      const { hit, shard } = await cache.get(key);
      const headers = { 'x-shard': shard };
      if (hit === undefined) return problem(404, { detail: `There is nothing under '${key}'.`, headers });
      return { status: 200, body: { key, value: hit.value }, headers };
    },
    delete: async ({ params: { key } }) => {
      const { shard } = await cache.delete(key);
      return { status: 204, headers: { 'x-shard': shard } };
    },
    shards: async () => {
      const { epoch, slotCount, shards: list } = await shards.status();
      const named = list.map(({ table, ...shard }) => ({ ...shard, table: tableNames[table] ?? String(table) }));
      return { status: 200, body: { epoch, slotCount, shards: named } };
    },
    addShard: async ({ body: { name, weight }, operationId }) => {
      const { shards: list, ended } = await shards.status();
      const known = list.find((shard) => shard.name === name);
      // What a repeat of the request finds is its own work.
      if (ended.includes(operationId)) return { status: 202, body: { changeId: operationId, name } };
      if (known !== undefined)
        return problem(409, { detail: `There is a shard '${name}' already, with weight ${known.weight}.` });
      return accept(parts, operationId, { kind: 'add', name, ...(weight === undefined ? {} : { weight }) });
    },
    removeShard: async ({ params: { name }, operationId }) => {
      const { shards: list } = await shards.status();
      if (!list.some((shard) => shard.name === name)) return problem(404, { detail: `There is no shard '${name}'.` });
      if (list.length === 1) return problem(409, { detail: `'${name}' is the last shard.` });
      return accept(parts, operationId, { kind: 'remove', name });
    },
    resharding: async () => {
      const { status, epoch, plan } = await shards.status();
      if (plan === undefined) return { status: 200, body: { status, epoch } };
      const { startedAtMs, ...rest } = plan;
      return {
        status: 200,
        body: { status, epoch, plan: { ...rest, startedAt: new Date(startedAtMs).toISOString() } },
      };
    },
    explain: async ({ params: { key } }) => {
      const { table, routeOf } = await epochs.refresh();
      const { slot, epoch, home, from } = routeOf(key);
      const body = {
        key,
        keyBytes: Buffer.byteLength(key),
        hash: keyHash(key),
        slot,
        slotCount: table.slotCount,
        epoch,
        shard: home.shard.name,
        ranked: table.ranked(slot, SHOWN_RANKS),
        hot: hot.isHot(key),
        ...(from === undefined ? {} : { movingFrom: from.shard.name }),
      };
      return { status: 200, body, headers: { 'x-shard': home.shard.name } };
    },
  };
};
