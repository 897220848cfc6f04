import { refuse } from './checks.ts';

/** What a part that a pattern is given must be able to do: the verbs by which it is known from something else. */
const VERBS = Object.freeze({
  clock: ['nowMs', 'monotonicMs', 'sleep'],
  random: ['next', 'uuid'],
  table: ['get', 'put', 'update', 'delete', 'transact'],
  bus: ['publish'],
  queue: ['sendBatch', 'deleteBatch', 'changeVisibilityBatch'],
  log: ['info', 'warn', 'error'],
});

export type PartKind = keyof typeof VERBS;

const isAble = (value: unknown, verbs: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  verbs.every((verb) => typeof (value as Readonly<Record<string, unknown>>)[verb] === 'function');

/** @throws {@link InvalidArgumentError} when `part` can't do what a part of this kind can */
export const checkPart = (name: string, kind: PartKind, part: unknown): void => {
  if (!isAble(part, VERBS[kind])) throw refuse(name, `an object with ${VERBS[kind].join(', ')}`, part);
};

/**
 * The parts of a pattern that are given under their usual names, by what they can do.
 *
 * @param where Goes before the names in errors, e.g. `shared.`.
 * @throws {@link InvalidArgumentError} when one was left out, or is something else
 */
export const checkParts = (parts: Readonly<Partial<Record<PartKind, unknown>>>, where = ''): void => {
  for (const name of Object.keys(parts) as PartKind[]) checkPart(`${where}${name}`, name, parts[name]);
};

/** @throws {@link InvalidArgumentError} when `value` is not a function. */
export const checkFunction = (name: string, value: unknown): void => {
  if (typeof value !== 'function') throw refuse(name, 'a function', value);
};

/** @throws {@link InvalidArgumentError} when `value` is not an array. What is in it, and how much, is not looked at. */
export const checkList = (name: string, value: unknown, expected: string): void => {
  if (!Array.isArray(value)) throw refuse(name, expected, value);
};
