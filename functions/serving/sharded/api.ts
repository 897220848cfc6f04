import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { id } from '#http/schemas';
import { shardName, shardWeight } from '#serving/sharded/shard-worker';
import { InvalidArgumentError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import { checkJson } from '#primitives/table-limits';
import { count } from '../../shell/schemas.ts';

const MAX_TTL_MS = 31_536_000_000;

/** What a table would refuse is told before. */
const jsonFault = (value: unknown): string | undefined => {
  try {
    checkJson('value', value as Json);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
};
const value = v.pipe(
  v.custom<Json>((given) => given !== undefined, 'Expected a value of JSON.'),
  v.check(
    (given) => jsonFault(given) === undefined,
    ({ input }) => jsonFault(input) ?? '',
  ),
);

const ofKey = v.strictObject({ key: id(1_024) });
const where = { shard: v.string(), slot: count, epoch: count };
const shard = v.strictObject({ name: v.string(), weight: v.number(), table: v.string(), slots: count });
const accepted = v.strictObject({ changeId: v.string(), name: v.string() });

const plan = v.strictObject({
  id: v.string(),
  kind: v.picklist(['add', 'remove']),
  shard: v.string(),
  weight: v.number(),
  moves: v.array(v.strictObject({ from: v.string(), to: v.string(), slots: count })),
  slots: v.strictObject({ total: count, done: count }),
  keysMoved: count,
  startedAt: v.string(),
});

/** The sharded cache over HTTP: the sharding proxy of the book. */
export const shardedApi = defineApi({
  pattern: 'sharded',
  part: 'serving',
  chapter: 7,
  title: 'Sharded service: a cache on shards that come and go while it is used',
  queues: ['shards'],
  routes: {
    put: route({
      method: 'PUT',
      path: '/sharded/cache/{key}',
      summary: 'Put a value, for a time or for good; the answer names the shard in x-shard',
      params: ofKey,
      body: v.strictObject({
        value,
        ttlMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_TTL_MS))),
      }),
      answers: { 200: v.strictObject({ key: v.string(), shard: v.string() }) },
      problems: [400],
    }),
    get: route({
      method: 'GET',
      path: '/sharded/cache/{key}',
      summary: 'The value that was put last; x-shard names the shard that gave it, the own one or one with a copy',
      params: ofKey,
      answers: { 200: v.strictObject({ key: v.string(), value: v.unknown() }) },
      problems: [404],
    }),
    delete: route({
      method: 'DELETE',
      path: '/sharded/cache/{key}',
      summary: 'Delete a value; one that is not there is no error',
      params: ofKey,
      answers: { 204: v.undefined() },
    }),
    shards: route({
      method: 'GET',
      path: '/sharded/shards',
      summary: 'The shards, with their tables and how many slots each has',
      answers: { 200: v.strictObject({ epoch: count, slotCount: count, shards: v.array(shard) }) },
    }),
    addShard: route({
      method: 'POST',
      path: '/sharded/shards',
      summary: 'Add a shard: begins a plan, unless another one is under way',
      body: v.strictObject({ name: shardName, weight: v.optional(shardWeight) }),
      answers: { 202: accepted },
      problems: [409],
      admin: true,
      idempotent: true,
    }),
    removeShard: route({
      method: 'DELETE',
      path: '/sharded/shards/{name}',
      summary: 'Remove a shard: its keys move to the others',
      params: v.strictObject({ name: shardName }),
      answers: { 202: accepted },
      problems: [404, 409],
      admin: true,
    }),
    resharding: route({
      method: 'GET',
      path: '/sharded/resharding',
      summary: 'The plan that is under way: what moves, and how far it is',
      answers: {
        200: v.strictObject({ status: v.picklist(['idle', 'moving']), epoch: count, plan: v.optional(plan) }),
      },
    }),
    explain: route({
      method: 'GET',
      path: '/sharded/explain/{key}',
      summary: 'Where a key is, and why: its hash, its slot, the shards by nearness',
      params: ofKey,
      answers: {
        200: v.strictObject({
          key: v.string(),
          keyBytes: count,
          hash: count,
          slotCount: count,
          ...where,
          ranked: v.array(v.string()),
          movingFrom: v.optional(v.string()),
          hot: v.boolean(),
        }),
      },
    }),
  },
});
