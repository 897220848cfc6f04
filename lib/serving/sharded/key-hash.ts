import { hash } from 'node:crypto';
import { checkText } from '#primitives/checks';
import { hash32, hashAscii } from '#primitives/hash';

/** As long as a partition key of DynamoDB may be. */
const MAX_KEY_BYTES = 2_048;
/** From here on the platform's SHA-256, made by the processor, is the faster one (measured: 3 µs to 6 at 2 048 bytes). */
const LONG_KEY_BYTES = 1_024;

const ofLong = (key: string): number => Number.parseInt(hash('sha256', key, 'hex').slice(0, 8), 16);

/**
 * The hash that places a key, from 0 to 2³²−1, the same in every process and release. Up to 1024 bytes of UTF-8 it is
 * MurmurHash3 (x86, 32 bits, seed 0), above that the first four bytes of SHA-256, big-endian. Keys are not normalized:
 * the composed and the decomposed form of a letter are two keys.
 *
 * @throws {@link InvalidArgumentError} when the key is empty, not well-formed, or longer than 2048 bytes
 */
export const keyHash = (key: string): number => {
  if (typeof key === 'string' && key.length > 0 && key.length <= LONG_KEY_BYTES) {
    const ascii = hashAscii(key);
    if (ascii >= 0) return ascii;
  }
  checkText('key', key, 1, MAX_KEY_BYTES);
  return Buffer.byteLength(key) > LONG_KEY_BYTES ? ofLong(key) : hash32(key);
};
