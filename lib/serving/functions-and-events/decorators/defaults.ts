import { refuse as refuseArgument } from '#primitives/checks';
import type { Decorator } from './decorator.ts';

/** Values for what is left out of an object. Made with {@link each} for the objects of a list. */
export type Defaults = { readonly [name: string]: unknown };

const EACH: unique symbol = Symbol('each');

/** The defaults of each object of a list. */
export interface Each<D extends Defaults> {
  readonly [EACH]: D;
}
export const each = <const D extends Defaults>(values: D): Each<D> => Object.freeze({ [EACH]: values });

/** An object with its defaults filled in: what was optional is there. */
export type WithDefaults<T, D> = T extends object
  ? {
      readonly [name in keyof T | keyof D]-?: name extends keyof T ? Filled<T[name], D, name> : Own<D, name>;
    }
  : T;
type Filled<Value, D, Name> = Name extends keyof D
  ? D[Name] extends Each<infer Inner>
    ? Value extends readonly (infer Item)[]
      ? readonly WithDefaults<Item, Inner>[]
      : Value
    : Exclude<Value, undefined>
  : Value;
type Own<D, Name> = Name extends keyof D ? D[Name] : never;

const isEach = (value: unknown): value is Each<Defaults> =>
  typeof value === 'object' && value !== null && EACH in value;
const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fill = (draft: unknown, entries: readonly (readonly [string, unknown])[]): unknown => {
  // What is no object is for the validation to refuse.
  if (!isPlain(draft)) return draft;
  const filled: Record<string, unknown> = { ...draft };
  for (const [name, value] of entries) {
    const given = Object.hasOwn(draft, name) ? draft[name] : undefined;
    if (isEach(value)) {
      if (Array.isArray(given)) filled[name] = given.map((item: unknown) => fill(item, Object.entries(value[EACH])));
    } else if (given === undefined) {
      filled[name] = value;
    }
  }
  return filled;
};

const checkValues = (values: Defaults): void => {
  for (const [name, value] of Object.entries(values)) {
    if (name === '__proto__') throw refuseArgument('defaults', 'without __proto__', name);
    if (isEach(value)) checkValues(value[EACH]);
    else if (typeof value === 'object' && value !== null)
      throw refuseArgument(`defaults.${name}`, 'a plain value, or each(…) for the objects of a list', value);
  }
};

/**
 * Fills in what was left out of the draft, before it is validated: fields that are absent or undefined, never null ones.
 * What was sent is not changed, and what it is not the defaults' to judge (no object, no list) stays as it is.
 *
 * @param values Texts, numbers, booleans, null; `each({…})` for the objects of a list.
 * @throws {@link InvalidArgumentError} when a default is an object: calls would share it
 * @example
 * defaults({ currency: 'EUR', lines: each({ quantity: 1 }) })
 */
export const defaults = <Draft extends object, const D extends Defaults>(
  values: D,
): Decorator<{ readonly draft: Draft }, { readonly draft: WithDefaults<Draft, D> }> => {
  checkValues(values);
  const entries = Object.entries(values);
  return Object.freeze({
    // Filled as the type says it.
    before: ({ draft }: { readonly draft: Draft }) => ({ draft: fill(draft, entries) as WithDefaults<Draft, D> }),
  });
};
