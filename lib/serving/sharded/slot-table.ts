import { checkNames, checkText, refuse } from '#primitives/checks';
import { hash32, mix32 } from '#primitives/hash';

/** Which shard a key belongs to. */
export interface SlotTable {
  /** The shards, in the order of their names. */
  readonly shards: readonly string[];
  readonly slotCount: number;
  /**
   * The slot of a key: the same for every member set.
   *
   * @throws {@link InvalidArgumentError} when the key is empty, not well-formed, or longer than 2048 bytes
   */
  slotOf(key: string): number;
  /** The shard of a key. One hash and one look-up, however many shards there are. Throws as `slotOf` does. */
  shardOf(key: string): string;
}

/**
 * So many that a shard's share is within 7 % of the even one at 100 shards (its slots are drawn: 655 ± 26), and a table
 * is 128 KiB.
 */
const SLOT_BITS = 16;
const SLOT_COUNT = 2 ** SLOT_BITS;
const MAX_SHARDS = 1_024;
/** Names and keys must not meet: a shard is not nearer to a key that is called as it is. */
const NAME_SEED = 0x51a7;

const checkShards = (shards: readonly string[]): void => {
  if (shards.length < 1 || shards.length > MAX_SHARDS) throw refuse('shards', `1 to ${MAX_SHARDS} names`, shards);
  for (const [index, name] of shards.entries()) checkText(`shards.${index}`, name, 1, 256);
  const twice = shards.find((name, index) => shards.indexOf(name) !== index);
  if (twice !== undefined) throw refuse('shards', 'different names', twice);
};

/**
 * Each slot goes to the shard whose score for it is the highest (rendezvous hashing): a new shard takes slots from all
 * others, evenly, and none moves between two old ones. Equal scores go to the name that is first in the order of UTF-16.
 */
const fill = (shards: readonly string[]): Uint16Array => {
  const seeds = shards.map((name) => hash32(name, NAME_SEED));
  const owners = new Uint16Array(SLOT_COUNT);
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
    const mixed = mix32(slot + 0x9e3779b9);
    let best = -1;
    let owner = 0;
    for (let at = 0; at < seeds.length; at += 1) {
      const score = mix32((seeds[at] ?? 0) ^ mixed);
      if (score > best) {
        best = score;
        owner = at;
      }
    }
    owners[slot] = owner;
  }
  return owners;
};

/**
 * The map from keys to shards: depends on the set of the shards' names and on nothing else, so that all hosts, and all
 * restarts, agree without asking each other. From n to n + 1 shards about 1/(n + 1) of the keys move, all of them to the
 * new one.
 *
 * Keys are compared as bytes of UTF-8: the composed and the decomposed form of a letter are two keys.
 *
 * @param options `shards`: 1 to 1024 different names, in any order.
 * @throws {@link InvalidArgumentError} when there are none, too many, or two alike
 * @see Thaler, Ravishankar: Using name-based mappings to increase hit rates, IEEE/ACM ToN 6(1), 1998
 */
export const slotTable = (options: { readonly shards: readonly string[] }): SlotTable => {
  checkNames(options, ['shards']);
  checkShards(options.shards);
  const shards = Object.freeze(options.shards.toSorted());
  const owners = fill(shards);
  const slotOf = (key: string): number => {
    checkText('key', key, 1, 2_048);
    return hash32(key) >>> (32 - SLOT_BITS);
  };
  return Object.freeze<SlotTable>({
    shards,
    slotCount: SLOT_COUNT,
    slotOf,
    shardOf: (key) => shards[owners[slotOf(key)] ?? 0] ?? '',
  });
};
