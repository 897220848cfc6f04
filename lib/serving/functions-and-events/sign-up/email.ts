import { InvalidArgumentError } from '#primitives/errors';

const MAX_LENGTH = 254;
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_LOCAL_LENGTH = 64;

/**
 * The form in which addresses are compared: lower case. Undefined for what is none: a name of printable ASCII without
 * quotes and comments, 64 characters at most, `@`, a domain of two labels or more; 254 characters in all. What stands
 * behind a `+` and dots are kept: only the host of the address knows whether they mean anything.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
 */
export const normalizeEmail = (text: string): string | undefined => {
  if (text.length > MAX_LENGTH) return undefined;
  const email = text.toLowerCase();
  const at = email.lastIndexOf('@');
  const [local, labels] = [email.slice(0, Math.max(0, at)), email.slice(at + 1).split('.')];
  const isOne =
    LOCAL.test(local) &&
    local.length <= MAX_LOCAL_LENGTH &&
    labels.length >= 2 &&
    labels.every((label) => LABEL.test(label));
  // Some letters outside of ASCII have one inside of it as their lower case (K, the Kelvin sign).
  return isOne && /^[\x21-\x7e]+$/.test(text) ? email : undefined;
};

/** @throws {@link InvalidArgumentError} for what is no address. It is not repeated. */
export const emailOf = (text: string): string => {
  const email = typeof text === 'string' ? normalizeEmail(text) : undefined;
  if (email === undefined)
    throw new InvalidArgumentError(`Expected 'email' to be an e-mail address, got another text.`);
  return email;
};
