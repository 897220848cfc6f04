import { checkInteger, checkNames, checkNumber } from '#primitives/checks';

export interface LatencyQuantileOptions {
  /** Which share of the latencies is at most the answer. 0.5..0.999. */
  readonly quantile: number;
  /** No answer from fewer latencies than this. 1..100_000. */
  readonly sampleCount: number;
  /** How many of the latest latencies count: between half of it and all. `sampleCount`..1_000_000. */
  readonly windowCount: number;
}

export interface LatencyQuantile {
  /** 0 and more. Of a call that was given up: how long it had taken by then, when that is already a long time. */
  observe(ms: number): void;
  /** The quantile, at most 2 % above the true one; undefined while too few were observed. */
  valueMs(): number | undefined;
}

const LOWEST_MS = 0.05;
const HIGHEST_MS = 900_000;
/** Each bucket ends so much above the one before. */
const GROWTH = 1.02;
const BUCKET_COUNT = Math.ceil(Math.log(HIGHEST_MS / LOWEST_MS) / Math.log(GROWTH)) + 1;

const bucketOf = (ms: number): number =>
  Math.min(BUCKET_COUNT - 1, Math.max(0, Math.ceil(Math.log(ms / LOWEST_MS) / Math.log(GROWTH))));
const endOf = (bucket: number): number => LOWEST_MS * GROWTH ** bucket;

/**
 * A quantile of the latest latencies in 14 kB, whatever their number: two histograms with buckets that grow by 2 %, of
 * which the older one is dropped when the younger one is full.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const latencyQuantile = (options: LatencyQuantileOptions): LatencyQuantile => {
  checkNames(options, ['quantile', 'sampleCount', 'windowCount']);
  const { quantile, sampleCount, windowCount } = options;
  checkNumber('quantile', quantile, 0.5, 0.999);
  checkInteger('sampleCount', sampleCount, 1, 100_000);
  checkInteger('windowCount', windowCount, sampleCount, 1_000_000);
  const generationCount = Math.ceil(windowCount / 2);
  let young = new Uint32Array(BUCKET_COUNT);
  let old = new Uint32Array(BUCKET_COUNT);
  let youngCount = 0;
  let oldCount = 0;
  let known: number | undefined;

  const find = (): number => {
    const wanted = Math.ceil(quantile * (youngCount + oldCount));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket += 1) {
      seen += (young[bucket] ?? 0) + (old[bucket] ?? 0);
      if (seen >= wanted) return endOf(bucket);
    }
    return HIGHEST_MS;
  };

  return Object.freeze<LatencyQuantile>({
    observe: (ms) => {
      const bucket = bucketOf(ms);
      if (youngCount >= generationCount) {
        [old, young] = [young, old.fill(0)];
        [oldCount, youngCount] = [youngCount, 0];
      }
      young[bucket] = (young[bucket] ?? 0) + 1;
      youngCount += 1;
      known = undefined;
    },
    valueMs: () => (youngCount + oldCount < sampleCount ? undefined : (known ??= find())),
  });
};
