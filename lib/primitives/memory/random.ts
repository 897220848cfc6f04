import { checkInteger } from '../checks.ts';
import type { Random } from '../random.ts';

const HEX_DIGITS = 32;

/**
 * A source of chance that a seed replays: the same seed, the same numbers, on every machine. SplitMix32; not for secrets.
 *
 * @param seed An integer from 0 to 2³² − 1.
 * @see https://dl.acm.org/doi/10.1145/2660193.2660195 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators)
 */
export const seededRandom = (seed: number): Random => {
  checkInteger('seed', seed, 0, 2 ** 32 - 1);
  let state = seed;

  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };

  const uuid = (): string => {
    const digits = Array.from({ length: HEX_DIGITS }, () => Math.floor(next() * 16));
    // Version 4 and the variant of RFC 9562, section 5.4.
    digits[12] = 4;
    digits[16] = 8 + Math.floor(next() * 4);
    const text = digits.map((digit) => digit.toString(16)).join('');
    return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
  };

  return Object.freeze({ next, uuid });
};
