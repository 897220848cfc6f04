import { refuse } from '#primitives/checks';
import type { Json } from '#primitives/table';

/**
 * Types of which JSON can hold values, interfaces included, which a type of JSON alone would refuse for want of an index
 * signature. Whether a value is JSON is for {@link shareable} to say.
 */
export type Shareable = string | number | boolean | null | object;

/** Deeper than what HTTP takes and tables keep, and far from the end of any stack. */
const MAX_DEPTH = 100;

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || prototype === Object.prototype;
};

/**
 * What JSON would change on its way to other hosts is refused instead: NaN becomes null, a Map an empty object, a Date a
 * text. A name whose value is undefined is no name, there as here.
 *
 * @returns The value, as JSON.
 * @throws {@link InvalidArgumentError} with the place in the value
 */
export const shareable = (name: string, value: unknown, depth = 0): Json => {
  if (depth > MAX_DEPTH) throw refuse(name, `nested ${MAX_DEPTH} deep at most`, depth);
  const isScalar = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (!isScalar) {
    if (typeof value !== 'object' || value === null || !isPlain(value)) throw refuse(name, 'JSON', value);
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined || Array.isArray(value)) shareable(`${name}.${key}`.slice(0, 200), item, depth + 1);
    }
  }
  // Nothing else is left.
  return value as Json;
};
