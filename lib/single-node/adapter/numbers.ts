/** No number that a program prints is longer. */
const MAX_LENGTH = 40;
const DECIMAL = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** The number that a text is, in decimal; undefined for anything else: `0x10`, ` 1`, ``, `1_000`, `Infinity`. */
export const numberIn = (text: string): number | undefined => {
  if (text.length > MAX_LENGTH || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
};

/** Digits that a double has whatever it holds: what is behind them is noise of the multiplication. */
const DIGITS = 15;

/** A value in another unit: 5 at a scale of 0.000001 is 0.000005, not 0.0000049999999999999996. */
export const scaled = (value: number, scale: number): number =>
  scale === 1 ? value : Number((value * scale).toPrecision(DIGITS));
