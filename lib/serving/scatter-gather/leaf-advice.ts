import { checkInteger, checkNames, checkNumber, refuse } from '#primitives/checks';

/** One measured call of a leaf. */
export interface LeafSample {
  /** From the call to the answer, as the root saw it. 0..900_000 ms. */
  readonly tookMs: number;
  /** What the leaf itself worked, which is less when it has less of the data. 0..`tookMs`. */
  readonly workMs: number;
}

export interface LeafAdviceOptions {
  /** 100..1_000_000 of them, of many requests. */
  readonly samples: readonly LeafSample[];
  /** How many leaves there were when they were measured. 1..1_000. */
  readonly leafCount: number;
  /** What is to be short: the time that this share of the requests does not pass. 0.5..0.999. */
  readonly quantile: number;
  /** How many leaves there could be. 1..1_000. */
  readonly maxLeafCount: number;
  /** How much faster one more leaf has to make it, to be worth it. 0..1, default 0.01 a leaf. */
  readonly worthwhile?: number;
}

/** What a number of leaves would come to. */
export interface LeafForecast {
  readonly leafCount: number;
  /** How long that share of the requests takes at most, when each waits for the slowest of its leaves. */
  readonly latencyMs: number;
  /** False when so few samples do not tell: the slowest one that was seen stands for what would be slower still. */
  readonly isKnown: boolean;
  /** Seconds of leaves for a thousand requests: what is paid for. */
  readonly leafSecondsPerThousand: number;
}

export interface LeafAdvice {
  /** The least number of leaves from which more would not be worth it. */
  readonly leafCount: number;
  /** For 1, 2, 3, … leaves. */
  readonly forecasts: readonly LeafForecast[];
}

const OPTIONS = ['samples', 'leafCount', 'quantile', 'maxLeafCount', 'worthwhile'];

/**
 * How many leaves to have, of what the calls of the present ones took.
 *
 * More leaves have less work each, but a request waits for the slowest of them: with n leaves its quantile q is the
 * quantile q^(1/n) of one leaf. What a call costs beside the work (the way there, waiting, a straggler's pause) stays as it
 * is, the work is shared: `(tookMs − workMs) + workMs × leafCount / n`, sample by sample, so that no form of the
 * distribution is assumed. It is assumed that the leaves are slow independently of each other, and that work is as large as
 * the data of a leaf.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, chapter 8 (choosing the right number of leaves)
 */
export const leafAdvice = (options: LeafAdviceOptions): LeafAdvice => {
  checkNames(options, OPTIONS);
  const { samples, leafCount, quantile, maxLeafCount, worthwhile = 0.01 } = options;
  checkInteger('samples.length', samples.length, 100, 1_000_000);
  checkInteger('leafCount', leafCount, 1, 1_000);
  checkNumber('quantile', quantile, 0.5, 0.999);
  checkInteger('maxLeafCount', maxLeafCount, 1, 1_000);
  checkNumber('worthwhile', worthwhile, 0, 1);
  for (const { tookMs, workMs } of samples) {
    checkNumber('samples.tookMs', tookMs, 0, 900_000);
    if (!(workMs >= 0 && workMs <= tookMs)) throw refuse('samples.workMs', `from 0 to tookMs (${tookMs})`, workMs);
  }

  const forecastOf = (count: number): LeafForecast => {
    const times = Float64Array.from(samples, ({ tookMs, workMs }) => tookMs - workMs + (workMs * leafCount) / count);
    times.sort();
    // Rounded down by a little: 0.99 × 100 is 99, not 99.00000000000001.
    const rank = Math.ceil(quantile ** (1 / count) * times.length - 1e-9);
    return Object.freeze({
      leafCount: count,
      latencyMs: times[Math.max(0, rank - 1)] ?? 0,
      isKnown: rank < times.length,
      leafSecondsPerThousand: (times.reduce((sum, ms) => sum + ms, 0) / times.length) * count,
    });
  };
  const forecasts = Array.from({ length: maxLeafCount }, (_, index) => forecastOf(index + 1));
  let [best] = forecasts;
  for (const forecast of forecasts) {
    if (best === undefined) break;
    const leaves = forecast.leafCount - best.leafCount;
    if (leaves > 0 && forecast.latencyMs < best.latencyMs * (1 - worthwhile) ** leaves) best = forecast;
  }
  return Object.freeze({ leafCount: best?.leafCount ?? 1, forecasts });
};
