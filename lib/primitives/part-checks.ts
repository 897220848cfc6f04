import { refuse } from './checks.ts';

/** What a part that a pattern is given must be able to do: the verbs by which it is known from something else. */
const VERBS = Object.freeze({
  clock: ['nowMs', 'monotonicMs', 'sleep'],
  random: ['next', 'uuid'],
  table: ['get', 'put', 'update', 'delete', 'transact'],
  bus: ['publish'],
});

const isAble = (value: unknown, verbs: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  verbs.every((verb) => typeof (value as Readonly<Record<string, unknown>>)[verb] === 'function');

/**
 * The parts of a pattern that are given under their usual names, by what they can do.
 *
 * @param where Goes before the names in errors, e.g. `shared.`.
 * @throws {@link InvalidArgumentError} when one was left out, or is something else
 */
export const checkParts = (parts: Readonly<Partial<Record<keyof typeof VERBS, unknown>>>, where = ''): void => {
  for (const name of Object.keys(parts) as (keyof typeof VERBS)[]) {
    const { [name]: part } = parts;
    if (!isAble(part, VERBS[name])) throw refuse(`${where}${name}`, `an object with ${VERBS[name].join(', ')}`, part);
  }
};

/** @throws {@link InvalidArgumentError} when `value` is not a function. */
export const checkFunction = (name: string, value: unknown): void => {
  if (typeof value !== 'function') throw refuse(name, 'a function', value);
};

/** @throws {@link InvalidArgumentError} when `value` is not an array. What is in it, and how much, is not looked at. */
export const checkList = (name: string, value: unknown, expected: string): void => {
  if (!Array.isArray(value)) throw refuse(name, expected, value);
};
