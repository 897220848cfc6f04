/** No number that a program prints is longer. */
const MAX_LENGTH = 40;
const DECIMAL = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** The number that a text is, in decimal; undefined for anything else: `0x10`, ` 1`, ``, `1_000`, `Infinity`. */
export const numberIn = (text: string): number | undefined => {
  if (text.length > MAX_LENGTH || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
};
