import * as v from 'valibot';
import { checkInteger } from '#primitives/checks';

const ID_LIMIT_BYTES = 256;
const encoder = new TextEncoder();

/**
 * The name of a thing: text that is the same thing in every store, log and language. 1..`maxBytes` bytes of UTF-8
 * (default 256), in Unicode's form NFC, without NUL and lone surrogates.
 *
 * @throws {@link InvalidArgumentError} when `maxBytes` is not an integer from 1 to 1024 (a DynamoDB sort key)
 */
export const id = (maxBytes = ID_LIMIT_BYTES) => {
  checkInteger('maxBytes', maxBytes, 1, 1024);
  return v.pipe(
    v.string(),
    v.minLength(1, 'Expected 1 character or more.'),
    v.maxLength(maxBytes, `Expected at most ${maxBytes} bytes of UTF-8.`),
    v.check((text) => encoder.encode(text).length <= maxBytes, `Expected at most ${maxBytes} bytes of UTF-8.`),
    v.check((text) => text.isWellFormed(), 'Expected text without lone surrogates.'),
    v.check((text) => !text.includes('\0'), 'Expected text without NUL.'),
    v.check((text) => text.normalize('NFC') === text, 'Expected text in Unicode normalization form NFC.'),
  );
};

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner));
};

/** For values of any JSON, names included: a lone surrogate has no UTF-8, so that stores and clients would change it. */
export const wellFormed = <T>() =>
  v.check<T, string>((value) => isWellFormed(value), 'Expected text without lone surrogates.');

/**
 * An integer in a query string, from `min` to `max`: digits and perhaps a sign; no `1e3`, no `0x10`, no spaces.
 *
 * @throws {@link InvalidArgumentError} when the range is not one of safe integers
 */
export const integerText = ({ min, max }: { readonly min: number; readonly max: number }) => {
  checkInteger('max', max, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  checkInteger('min', min, Number.MIN_SAFE_INTEGER, max);
  const message = `Expected an integer from ${min} to ${max}.`;
  return v.pipe(
    v.string(),
    v.maxLength(17, message),
    v.regex(/^-?[0-9]+$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
};
