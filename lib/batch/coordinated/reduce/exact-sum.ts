/**
 * Sums of doubles without rounding: a double is a whole number of 2⁻¹⁰⁷⁴, the smallest of them, and whole numbers add up
 * to the same in any order. Adding doubles as they are does not: 1e16 + 1 − 1e16 is 0, 1e16 − 1e16 + 1 is 1.
 */
const MANTISSA_BITS = 52n;
const HIDDEN_BIT = 1n << MANTISSA_BITS;
const EXPONENT_MASK = 0x7ffn;
const HALF_SCALE = 2 ** -537;
/** What is kept of a longer sum before it is rounded: more than the 53 bits of a double. */
const KEPT_BITS = 64;

/** A finite double, in units of 2⁻¹⁰⁷⁴. */
export const toUnits = (value: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = (bits >> MANTISSA_BITS) & EXPONENT_MASK;
  const mantissa = bits & (HIDDEN_BIT - 1n);
  const units = exponent === 0n ? mantissa : (mantissa | HIDDEN_BIT) << (exponent - 1n);
  return value < 0 ? -units : units;
};

/** The double next to a sum (of two equally near ones the even): rounded once. Infinite beyond the largest double. */
export const fromUnits = (units: bigint): number => {
  const size = units < 0n ? -units : units;
  const sign = units < 0n ? -1 : 1;
  const bitCount = size.toString(2).length;
  // In two steps: 2⁻¹⁰⁷⁴ by itself is as small as a double gets, and the way there must not round.
  if (bitCount <= KEPT_BITS - 11) return sign * Number(size) * HALF_SCALE * HALF_SCALE;
  const shift = BigInt(Math.max(0, bitCount - KEPT_BITS));
  const kept = size >> shift;
  // Whether anything was cut off decides ties.
  const sticky = kept << shift === size ? 0n : 1n;
  let scaled = Number(kept | sticky);
  let exponent = Number(shift) - 1074;
  while (exponent < -500) {
    scaled *= 2 ** -500;
    exponent += 500;
  }
  while (exponent > 500) {
    scaled *= 2 ** 500;
    exponent -= 500;
  }
  return sign * scaled * 2 ** exponent;
};
