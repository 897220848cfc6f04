import { hash32, mix32 } from '#primitives/hash';

const { imul } = Math;
/** Names and keys must not meet: a shard is not nearer to a key that is called as it is. */
const NAME_SEED = 0x51a7;
/** So that two names of which one hash is the same still differ in the other. */
const OTHER_SEED = 0x2c9b;
const GOLDEN_RATIO = 0x9e3779b9;

/**
 * What a shard's ranks are made of. A shard puts all slots into an order of its own: a permutation of three
 * multiplications by odd numbers, with shifts between them, each of which can be undone.
 */
export interface Scorer {
  readonly weight: number;
  readonly key1: number;
  readonly key2: number;
  readonly factor1: number;
  readonly factor2: number;
  readonly factor3: number;
  /** What undoes the factors. */
  readonly inverse1: number;
  readonly inverse2: number;
  readonly inverse3: number;
  /** Decides between shards that give a slot the same rank. */
  readonly tie: number;
}

/** The number by which an odd one is multiplied to 1, modulo 2³²: each of five steps doubles the bits that are right. */
const inverseOf = (odd: number): number => {
  let inverse = odd;
  for (let step = 0; step < 5; step += 1) inverse = imul(inverse, 2 - imul(odd, inverse));
  return inverse;
};

export const scorerOf = ({ name, weight }: { readonly name: string; readonly weight: number }): Scorer => {
  const [one, other] = [hash32(name, NAME_SEED), hash32(name, OTHER_SEED)];
  // Signed: the engine keeps numbers of 32 bits with a sign in place.
  const drawn = (at: number): number => mix32(one ^ mix32(other + imul(at, GOLDEN_RATIO))) | 0;
  const [factor1, factor2, factor3] = [drawn(1) | 1, drawn(2) | 1, drawn(3) | 1];
  return {
    weight,
    key1: drawn(4),
    key2: drawn(5),
    factor1,
    factor2,
    factor3,
    inverse1: inverseOf(factor1),
    inverse2: inverseOf(factor2),
    inverse3: inverseOf(factor3),
    tie: drawn(6),
  };
};

/** Of 2: written out, as the rest is worked out here. */
// oxlint-disable-next-line oxc/approx-constant
const LN_2 = 0.693_147_180_559_945_3;
const TWO_32 = 4_294_967_296;

/**
 * The natural logarithm of 0 < x ≤ 2³², to twelve digits, out of + − × ÷ alone: these are the same on every machine,
 * which `Math.log` need not be, and all hosts have to agree.
 *
 * @see https://tc39.es/ecma262/#sec-math.log (an implementation-approximated value)
 */
const ln = (x: number): number => {
  let mantissa = x;
  let exponent = 0;
  while (mantissa > 1.5) {
    mantissa /= 2;
    exponent += 1;
  }
  while (mantissa < 0.75) {
    mantissa *= 2;
    exponent -= 1;
  }
  const z = (mantissa - 1) / (mantissa + 1);
  const square = z * z;
  let sum = 0;
  for (let power = 19; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return 2 * z * sum + exponent * LN_2;
};

/** How shards rank the 2^slotBits slots: 0 is the farthest, 2^slotBits − 1 the nearest. */
export const ranking = (slotBits: number) => {
  const slotCount = 2 ** slotBits;
  const mask = slotCount - 1;
  // Half of the bits or more: such a shift, done twice, is undone.
  const half = Math.ceil(slotBits / 2);

  const rankOf = ({ key1, key2, inverse1, inverse2, inverse3 }: Scorer, slot: number): number => {
    let rank = imul(slot ^ (slot >>> half), inverse3) & mask;
    rank = (imul(rank ^ (rank >>> half), inverse2) ^ key2) & mask;
    return (imul(rank ^ (rank >>> half), inverse1) ^ key1) & mask;
  };
  /** The slot that has a rank: so the nearest slots are found without a look at the others. */
  const slotAt = ({ key1, key2, factor1, factor2, factor3 }: Scorer, rank: number): number => {
    let slot = imul(rank ^ key1, factor1) & mask;
    slot = imul(slot ^ (slot >>> half) ^ key2, factor2) & mask;
    slot = imul(slot ^ (slot >>> half), factor3) & mask;
    return slot ^ (slot >>> half);
  };
  const tieOf = ({ tie }: Scorer, slot: number): number => mix32(tie ^ mix32(slot + GOLDEN_RATIO));

  /**
   * How near a shard is, with its weight: the highest of several wins each slot with a chance in proportion to the
   * weights. A higher weight never loses a slot.
   *
   * @param part Of a rank, 0..1: where between this one and the next.
   * @see Schindler, Rosenblatt, Resch: weighted distributed hash tables (logarithmic method), 2005
   */
  const scoreOf = (rank: number, part: number, weight: number): number =>
    rank + part === 0 ? -Infinity : ln((rank + part) / slotCount) / weight;

  /** Above 0 when `one` is nearer to the slot than `other`, 0 when neither is. Ranks: of both. */
  const lead = (slot: number, one: Scorer, rank: number, other: Scorer, otherRank: number): number => {
    if (one.weight === other.weight && rank !== otherRank) return rank - otherRank;
    const tie = tieOf(one, slot);
    const otherTie = tieOf(other, slot);
    if (one.weight === other.weight) return tie - otherTie;
    const score = scoreOf(rank, (tie + 0.5) / TWO_32, one.weight);
    return score - scoreOf(otherRank, (otherTie + 0.5) / TWO_32, other.weight);
  };

  return Object.freeze({ slotCount, rankOf, slotAt, scoreOf, lead });
};

export type Ranking = ReturnType<typeof ranking>;
