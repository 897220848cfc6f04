/**
 * As much of DER as a certificate needs: tag, length, content.
 *
 * @see https://www.itu.int/rec/T-REC-X.690, sections 8 and 10
 */
const value = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
};

export const sequence = (...parts: readonly Buffer[]): Buffer => value(0x30, ...parts);
export const set = (...parts: readonly Buffer[]): Buffer => value(0x31, ...parts);
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text));
export const octets = (content: Buffer): Buffer => value(0x04, content);
export const bits = (content: Buffer): Buffer => value(0x03, Buffer.from([0]), content);
export const yes = value(0x01, Buffer.from([0xff]));
/** A context-specific tag around other values. */
export const tagged = (number: number, ...parts: readonly Buffer[]): Buffer => value(0xa0 | number, ...parts);
/** A context-specific tag in the place of the value's own. */
export const implicit = (number: number, content: Buffer): Buffer => value(0x80 | number, content);

/** Given in hexadecimal; with an even number of digits the first must be below 8, or it would be negative. */
export const integer = (hex: string): Buffer =>
  value(0x02, Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));

const base128 = (number: number): readonly number[] =>
  number < 0x80 ? [number] : [...base128(number >>> 7).map((byte) => byte | 0x80), number & 0x7f];

/** An object identifier, e.g. `2.5.29.17`. */
export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return value(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
};

/** An instant, to the second; certificates write years up to 2049 with two digits. */
export const time = (atMs: number): Buffer => {
  const text = new Date(atMs).toISOString().replaceAll(/\.\d+|[-:T]/g, '');
  return Number(text.slice(0, 4)) < 2050 ? value(0x17, Buffer.from(text.slice(2))) : value(0x18, Buffer.from(text));
};
