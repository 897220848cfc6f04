import { createHmac, timingSafeEqual } from 'node:crypto';
import { refuse } from '#primitives/checks';

/**
 * A keyed hash of a text, 32 bytes: nobody without the key can compute it. By {@link keyedMac}, or by a service that
 * never gives its key away (GenerateMac of KMS).
 */
export type Mac = (text: string) => Uint8Array | Promise<Uint8Array>;

const MIN_KEY_BYTES = 32;
const CODE_COUNT = 1_000_000;
const CODE_DIGITS = 6;
const PAD_BYTES = 6;

/**
 * HMAC with SHA-256.
 *
 * @param key 32 bytes or more, by chance.
 * @throws {@link InvalidArgumentError} when the key is shorter, or is no bytes. Nothing of it is shown
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export const keyedMac = (key: Uint8Array): Mac => {
  if (!(key instanceof Uint8Array) || key.length < MIN_KEY_BYTES)
    throw refuse('key', `${MIN_KEY_BYTES} bytes or more`, key instanceof Uint8Array ? key.length : typeof key);
  return (text) => createHmac('sha256', key).update(text).digest();
};

/** What is stored of a code: it says nothing of it to who has not the key, although there are only a million codes. */
export const codeHash = async (mac: Mac, challengeId: string, code: string): Promise<string> =>
  Buffer.from(await mac(`code/${challengeId}/${code}`)).toString('base64');

/** Whether two hashes are equal; the time that it takes says nothing of where they differ. */
export const sameHash = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/**
 * A number that only who has the key knows, one for each challenge: added to a code it hides it as a one-time pad does.
 * 48 bits, so that each of a million values is as likely as the others to a part in 10⁸.
 */
const padOf = async (mac: Mac, challengeId: string): Promise<number> =>
  Buffer.from(await mac(`pad/${challengeId}`)).readUIntBE(0, PAD_BYTES) % CODE_COUNT;

/** Hides a code under the pad of its challenge. A challenge has one code: a pad that is used twice would hide nothing. */
export const hideCode = async (mac: Mac, challengeId: string, code: string): Promise<number> =>
  (Number(code) + (await padOf(mac, challengeId))) % CODE_COUNT;

/** The code that was hidden. */
export const showCode = async (mac: Mac, challengeId: string, hidden: number): Promise<string> => {
  const code = (hidden - (await padOf(mac, challengeId)) + CODE_COUNT) % CODE_COUNT;
  return String(code).padStart(CODE_DIGITS, '0');
};

/** A fresh code: six digits, each of a million as likely. `drawBelow` must be of the secure source. */
export const drawCode = (drawBelow: (limit: number) => number): string =>
  String(drawBelow(CODE_COUNT)).padStart(CODE_DIGITS, '0');
