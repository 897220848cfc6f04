import { fixedSize, kedaFormula, scalingController } from '#batch/work-queue/scaling/controllers';
import { simulateScaling, type ScalingRun } from '#batch/work-queue/scaling/simulate';
import { seededRandom } from '#primitives/memory/random';

export const MINUTE_MS = 60_000;
const DURATION_MS = 60 * MINUTE_MS;
const [MIN_CONCURRENCY, MAX_CONCURRENCY] = [2, 100];
/** An item takes 2 s in the middle: as many of them keep one worker busy for as long as a backlog may last. */
const DRAIN_MS = 60_000;
const ITEMS_IN_DRAIN = 30;

/** What arrives in a second, at an instant of the hour. */
export const ARRIVALS = {
  step: (atMs: number) => (atMs >= 5 * MINUTE_MS && atMs < 25 * MINUTE_MS ? 20 : 1),
  burst: (atMs: number) => (atMs >= 5 * MINUTE_MS && atMs < 6 * MINUTE_MS ? 60 : 0.5),
  diurnal: (atMs: number) => 10 - 9 * Math.cos((2 * Math.PI * atMs) / DURATION_MS),
} as const;
export type Arrivals = keyof typeof ARRIVALS;

const CONTROLLERS = {
  'fixed size 25': { make: () => fixedSize(25), lookEveryMs: MINUTE_MS },
  'KEDA formula, each 15 s': {
    make: () =>
      kedaFormula({ queueLength: ITEMS_IN_DRAIN, minConcurrency: MIN_CONCURRENCY, maxConcurrency: MAX_CONCURRENCY }),
    lookEveryMs: 15_000,
  },
  'controller, each 60 s': {
    make: () =>
      scalingController({ minConcurrency: MIN_CONCURRENCY, maxConcurrency: MAX_CONCURRENCY, drainMs: DRAIN_MS }),
    lookEveryMs: MINUTE_MS,
  },
} as const;
export type Controller = keyof typeof CONTROLLERS;
export const CONTROLLER_NAMES = Object.keys(CONTROLLERS) as readonly Controller[];
export const ARRIVAL_NAMES = Object.keys(ARRIVALS) as readonly Arrivals[];

/** An hour of arrivals under a controller. */
export const scalingRun = (arrivals: Arrivals, controller: Controller, seed = 1): ScalingRun => {
  const { make, lookEveryMs } = CONTROLLERS[controller];
  return simulateScaling(
    {
      arrivalsPerSecond: ARRIVALS[arrivals],
      durationMs: DURATION_MS,
      lookEveryMs,
      concurrency: MIN_CONCURRENCY,
      random: { arrivals: seededRandom(seed), service: seededRandom(seed + 1) },
    },
    make(),
  );
};

const seconds = (ms: number): string => String(Math.round(ms / 1_000));

/** The figures of all runs, as the table of the README. */
export const scalingTable = (): string =>
  [
    '| an hour of | | longest wait, s | 95 % wait less than, s | worker hours | changes | swings |',
    '|---|---|---|---|---|---|---|',
    ...ARRIVAL_NAMES.flatMap((arrivals) =>
      CONTROLLER_NAMES.map((controller) => {
        const { longestWaitMs, p95WaitMs, capacityMs, changeCount, reversalCount } = scalingRun(arrivals, controller);
        const hours = (capacityMs / 3_600_000).toFixed(1);
        return `| ${arrivals} | ${controller} | ${seconds(longestWaitMs)} | ${seconds(p95WaitMs)} | ${hours} | ${changeCount} | ${reversalCount} |`;
      }),
    ),
  ].join('\n');
