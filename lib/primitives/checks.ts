import { InvalidArgumentError } from './errors.ts';

/** How a refused value is shown: short, so that an error never carries a body. */
const shown = (value: unknown): string => {
  if (typeof value === 'string') return value.length > 64 ? `${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return `${value}`;
  return Array.isArray(value) ? `an array of ${value.length}` : `a value of type ${typeof value}`;
};

/** The error that every check raises: where, what is allowed, what was given. */
export const refuse = (name: string, expected: string, value: unknown): InvalidArgumentError =>
  new InvalidArgumentError(`Expected '${name}' to be ${expected}, got ${shown(value)}.`);

/** @throws {@link InvalidArgumentError} when `value` is not an integer from `min` to `max`. */
export const checkInteger = (name: string, value: number, min: number, max: number): void => {
  if (!Number.isInteger(value) || value < min || value > max)
    throw refuse(name, `an integer from ${min} to ${max}`, value);
};

/** @throws {@link InvalidArgumentError} when `value` is not a finite number from `min` to `max`. */
export const checkNumber = (name: string, value: number, min: number, max: number): void => {
  if (!Number.isFinite(value) || value < min || value > max)
    throw refuse(name, `a number from ${min} to ${max}`, value);
};

/**
 * Text is counted in bytes of UTF-8. A lone surrogate has no UTF-8 form: two different ones would become one key.
 *
 * @throws {@link InvalidArgumentError} when `value` is not well-formed text of `min` to `max` bytes.
 */
export const checkText = (name: string, value: string, min: number, max: number): void => {
  const isText = typeof value === 'string' && value.isWellFormed();
  const bytes = isText ? Buffer.byteLength(value) : -1;
  if (!isText || bytes < min || bytes > max) throw refuse(name, `well-formed text of ${min} to ${max} bytes`, value);
};

/**
 * Also where nobody checks types.
 *
 * @throws {@link InvalidArgumentError} when `options` is no object
 */
export const checkObject = (options: unknown): void => {
  if (typeof options !== 'object' || options === null) throw refuse('options', 'an object', options);
};

/**
 * @throws {@link InvalidArgumentError} when `options` is no object, or has a name that is not allowed: a misspelt option
 *   does nothing
 */
export const checkNames = (options: object, allowed: readonly string[]): void => {
  checkObject(options);
  const unknown = Object.keys(options).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw refuse('options', `made of ${allowed.join(', ')}`, unknown);
};
