import { hash32, mix32 } from '#primitives/hash';

const { imul } = Math;
/** Names and keys must not meet: a shard is not nearer to a key that is called as it is. */
const NAME_SEED = 0x51a7;
/** So that two names of which one hash is the same still differ in the other. */
const STEP_SEED = 0x2c9b;
const GOLDEN_RATIO = 0x9e3779b9;

/** What a shard's scores are made of. */
export interface Scorer {
  readonly seed: number;
  readonly step: number;
  readonly weight: number;
}

export const scorerOf = ({ name, weight }: { readonly name: string; readonly weight: number }): Scorer => ({
  seed: hash32(name, NAME_SEED),
  step: hash32(name, STEP_SEED) | 1,
  weight,
});

/** A slot, as it goes into the scores of all shards. */
export const slotSeed = (slot: number): number => mix32(slot + GOLDEN_RATIO);

/** How near a shard is to a slot: −2³¹..2³¹−1, uniform, whatever its weight. Signed, which the engine compares faster. */
export const rawScore = (seed: number, step: number, slotMix: number): number => mix32(imul(seed ^ slotMix, step)) | 0;

/** Of 2: written out, as the rest is worked out here. */
// oxlint-disable-next-line oxc/approx-constant
const LN_2 = 0.693_147_180_559_945_3;
const TWO_31 = 2_147_483_648;
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

/**
 * How near a shard is, with its weight: the highest of several wins each slot with a chance in proportion to the
 * weights. Of equal weights it orders as {@link rawScore} does. A higher weight never loses a slot.
 *
 * @see Schindler, Rosenblatt, Resch: weighted distributed hash tables (logarithmic method), 2005
 */
export const weightedScore = (raw: number, weight: number): number => ln((raw + TWO_31 + 0.5) / TWO_32) / weight;
