import { refuse } from '#primitives/checks';

/** Whether the variants got what their weights say. */
export interface SampleRatio {
  /** Pearson's: Σ (observed − expected)² / expected. */
  readonly chiSquare: number;
  /** The chance of such a difference, or a greater one, when all is well. */
  readonly pValue: number;
  /** True when chance is no explanation any more: the split is broken, and so is what is concluded from it. */
  readonly isSuspicious: boolean;
}

/**
 * As usual for this check: it is looked at again and again, and must not cry out each week.
 *
 * @see https://www.microsoft.com/en-us/research/articles/diagnosing-sample-ratio-mismatch-in-a-b-testing/
 */
const P_LIMIT = 0.0005;
const MAX_STEPS = 1_000;
const TINY = 1e-300;

/** Lanczos, g = 7. @see https://www.rskey.org/CMS/the-library/11 */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

const logGamma = (x: number): number => {
  const [first = 0, ...rest] = LANCZOS;
  const sum = rest.reduce((total, factor, at) => total + factor / (x + at), first);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
};

/** The upper incomplete gamma function, over Γ(a). @see Numerical Recipes, section 6.2 */
const upperGamma = (a: number, x: number): number => {
  if (x <= 0) return 1;
  const scale = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < MAX_STEPS && term > sum * 1e-15; n += 1) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.min(1, Math.max(0, 1 - sum * scale));
  }
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < MAX_STEPS; n += 1) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b || TINY);
    c = b + an / c || TINY;
    const delta = d * c;
    fraction *= delta;
    if (Math.abs(delta - 1) < 1e-15) break;
  }
  return Math.min(1, Math.max(0, scale * fraction));
};

/**
 * The chance that `observed` comes of `weights`, by the chi-square test. With one variant, or nothing observed, there is
 * nothing to doubt.
 *
 * @param options Of each variant: how many it got, and its weight, 0 and more.
 * @throws {@link InvalidArgumentError} when there is not one weight for each count
 */
export const sampleRatio = (options: {
  readonly observed: readonly number[];
  readonly weights: readonly number[];
}): SampleRatio => {
  const { observed, weights } = options;
  if (observed.length !== weights.length) throw refuse('weights', 'as many as observed', weights);
  const total = observed.reduce((sum, count) => sum + count, 0);
  const weight = weights.reduce((sum, each) => sum + each, 0);
  const used = weights.flatMap((each, at) =>
    each > 0 ? [{ count: observed[at] ?? 0, expected: (total * each) / weight }] : [],
  );
  if (total === 0 || used.length < 2) return { chiSquare: 0, pValue: 1, isSuspicious: false };
  const chiSquare = used.reduce((sum, { count, expected }) => sum + (count - expected) ** 2 / expected, 0);
  const pValue = upperGamma((used.length - 1) / 2, chiSquare / 2);
  return { chiSquare, pValue, isSuspicious: pValue < P_LIMIT };
};
