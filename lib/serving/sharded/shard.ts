import { checkNames, checkNumber, checkText, refuse } from '#primitives/checks';

/** A shard as the caller names it. */
export interface Shard {
  /** 1..256 bytes; decides, with the weight, which slots are the shard's. */
  readonly name: string;
  /** How much of the keys it takes beside the others: twice the weight, twice the keys. 0.01..100. Default 1. */
  readonly weight?: number;
}

export const MIN_WEIGHT = 0.01;
export const MAX_WEIGHT = 100;
export const MAX_SHARDS = 1_024;
const MAX_NAME_BYTES = 256;

/** Shards as they are stored: a weight each, by name in the order of UTF-16. */
export type Members = readonly Required<Shard>[];

const checkShard = (at: string, shard: Shard): void => {
  checkNames(shard, ['name', 'weight']);
  checkText(`${at}.name`, shard.name, 1, MAX_NAME_BYTES);
  if (shard.weight !== undefined) checkNumber(`${at}.weight`, shard.weight, MIN_WEIGHT, MAX_WEIGHT);
};

const byName = (one: { readonly name: string }, other: { readonly name: string }): number =>
  Number(one.name > other.name) - Number(one.name < other.name);

/**
 * Shards by name, or with weights, as a set of members: the same for any order.
 *
 * @throws {@link InvalidArgumentError} when there are none, too many, two alike, or one cannot be a shard
 */
export const membersOf = (shards: readonly (string | Shard)[]): Members => {
  if (shards.length < 1 || shards.length > MAX_SHARDS) throw refuse('shards', `1 to ${MAX_SHARDS} names`, shards);
  const named = shards.map((shard, index) => {
    const full: Shard = typeof shard === 'object' && shard !== null ? shard : { name: shard };
    checkShard(`shards.${index}`, full);
    return Object.freeze({ name: full.name, weight: full.weight ?? 1 });
  });
  const names = new Set(named.map(({ name }) => name));
  if (names.size < named.length) throw refuse('shards', 'different names', [...names].at(-1));
  return Object.freeze(named.toSorted(byName));
};
