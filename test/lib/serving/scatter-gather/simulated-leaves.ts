import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { retryBudget } from '#resilience/retry-budget';
import { scatterGather } from '#serving/scatter-gather/scatter-gather';

/** What a run of many requests came to. Latencies are sorted. */
export interface Simulated {
  readonly latenciesMs: Float64Array;
  readonly callCount: number;
  /** Calls beside the first of each leaf, by those. */
  readonly extraShare: number;
}

export type Policy = 'Promise.all' | 'two tries' | 'one try' | 'no budget';

const MEDIAN_MS = 10;
/** Of the logarithm: a leaf that is well takes 7 to 14 ms, nineteen times of twenty. */
const SPREAD = 0.2;
const STRAGGLERS = 0.01;
/** As in "The Tail at Scale": a hundred times the median, more or less. */
const STRAGGLER_MS = { from: 500, to: 1_500 } as const;

/** A leaf's time: log-normal around the median, or, once in a hundred, that of a straggler. */
const latencies = (seed: number): (() => number) => {
  const { next } = seededRandom(seed);
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const isStraggler = next() < STRAGGLERS;
    const pause = STRAGGLER_MS.from + (STRAGGLER_MS.to - STRAGGLER_MS.from) * next();
    return isStraggler ? pause : MEDIAN_MS * Math.exp(SPREAD * normal);
  };
};

const TRIES: Readonly<Record<Exclude<Policy, 'Promise.all'>, { readonly retryCount: number; readonly ratio: number }>> =
  {
    'two tries': { retryCount: 2, ratio: 0.055 },
    'one try': { retryCount: 1, ratio: 0.055 },
    'no budget': { retryCount: 2, ratio: 0 },
  };

/** Requests that are not counted: there is nothing yet to say what is late. */
const WARM_UP_COUNT = 20;

/** `requestCount` requests, one after the other, to `fanOut` leaves, on a virtual clock. The same seed, the same run. */
export const simulate = async (options: {
  readonly fanOut: number;
  readonly requestCount: number;
  readonly policy: Policy;
  readonly seed: number;
}): Promise<Simulated> => {
  const { fanOut, requestCount, policy, seed } = options;
  const clock = memoryClock();
  const draw = latencies(seed);
  let callCount = 0;
  const call = async (signal?: AbortSignal): Promise<void> => {
    callCount += 1;
    await clock.sleep(draw(), signal);
  };
  const ask = ((): (() => Promise<unknown>) => {
    if (policy === 'Promise.all') return () => Promise.all(Array.from({ length: fanOut }, () => call()));
    const { retryCount, ratio } = TRIES[policy];
    const gather = scatterGather<null, void, number>({
      leaves: Array.from({ length: fanOut }, (_, leaf) => ({
        name: `leaf-${leaf}`,
        replicas: [(_request, { signal }) => call(signal)],
      })),
      merge: (parts) => parts.length,
      clock,
      deadlineMs: 60_000,
      quorum: fanOut,
      retryCount,
      budget: retryBudget({ ratio, burstCount: 1_000 }),
      hedge: { quantile: 0.95, minDelayMs: 1, sampleCount: 100 },
    });
    return () => gather(null);
  })();
  const latenciesMs = new Float64Array(requestCount);
  for (let request = -WARM_UP_COUNT; request < requestCount; request += 1) {
    const startedMs = clock.monotonicMs();
    await clock.until(ask());
    if (request >= 0) latenciesMs[request] = clock.monotonicMs() - startedMs;
  }
  return {
    latenciesMs: latenciesMs.toSorted(),
    callCount,
    extraShare: callCount / (fanOut * (WARM_UP_COUNT + requestCount)) - 1,
  };
};

export const percentile = ({ latenciesMs }: Simulated, share: number): number =>
  latenciesMs[Math.ceil(share * latenciesMs.length) - 1] ?? Number.NaN;
