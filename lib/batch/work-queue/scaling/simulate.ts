import { checkInteger, checkNames } from '#primitives/checks';
import type { Random } from '#primitives/random';
import type { ScalingController } from './controllers.ts';

export interface ScalingScenario {
  /** What arrives in a second at an instant of the run. */
  readonly arrivalsPerSecond: (atMs: number) => number;
  /** How long one item takes. Default: 2 s, give or take a half. */
  readonly serviceMs?: (random: Random) => number;
  readonly durationMs: number;
  /** The controller looks so often. 100 ms and more. */
  readonly lookEveryMs: number;
  /** How many may work at the start. */
  readonly concurrency: number;
  /** Decides what arrives when, and how long it takes: two streams, so that all controllers meet the same arrivals. */
  readonly random: { readonly arrivals: Random; readonly service: Random };
}

/** What there is at a look of the controller. */
export interface ScalingSample {
  readonly atMs: number;
  readonly backlogCount: number;
  readonly workingCount: number;
  readonly concurrency: number;
  /** What the controller then said. */
  readonly predictedDrainMs: number | null;
}

export interface ScalingRun {
  readonly samples: readonly ScalingSample[];
  readonly arrivedCount: number;
  readonly begunCount: number;
  readonly endedCount: number;
  /** Waiting and in flight when the run ended. */
  readonly leftCount: number;
  readonly longestWaitMs: number;
  /** Of a hundred items five wait longer. */
  readonly p95WaitMs: number;
  /** For how long how many were there to work, busy or not. */
  readonly capacityMs: number;
  /** How often the number was changed; and how often a change up followed one down, or the reverse. */
  readonly changeCount: number;
  readonly reversalCount: number;
}

const TICK_MS = 100;
const usualServiceMs = (random: Random): number => 1_000 + 2_000 * random.next();

const directionChanges = (sizes: readonly number[]) => {
  const steps = sizes.slice(1).map((size, at) => Math.sign(size - (sizes[at] ?? size)));
  const changes = steps.filter((step) => step !== 0);
  return {
    changeCount: changes.length,
    reversalCount: changes.filter((step, at) => at > 0 && step !== changes[at - 1]).length,
  };
};

/**
 * Runs a queue and its workers through a scenario, in virtual time, under a controller: to see what a policy does before
 * it is deployed. Fewer workers means that fewer begin; what one has begun it ends. The same scenario and seed give the
 * same run.
 *
 * @throws {@link InvalidArgumentError} when an option is out of range
 */
export const simulateScaling = (scenario: ScalingScenario, controller: ScalingController): ScalingRun => {
  const { arrivalsPerSecond, serviceMs = usualServiceMs, durationMs, lookEveryMs, random } = scenario;
  checkNames(scenario, ['arrivalsPerSecond', 'serviceMs', 'durationMs', 'lookEveryMs', 'concurrency', 'random']);
  checkInteger('lookEveryMs', lookEveryMs, TICK_MS, 86_400_000);
  checkInteger('durationMs', durationMs, lookEveryMs, 7 * 86_400_000);
  const waiting: number[] = [];
  let head = 0;
  let working: { readonly startedMs: number; readonly endsMs: number }[] = [];
  let [concurrency, arrivedCount, endedCount, capacityMs, due] = [scenario.concurrency, 0, 0, 0, 0];
  let since = { endedCount: 0, busyMs: 0 };
  const waits: number[] = [];
  const samples: ScalingSample[] = [];

  const arrive = (atMs: number): void => {
    // Twice the chance in half of the ticks: uneven, and the rate all the same.
    due += (arrivalsPerSecond(atMs) * TICK_MS * 2 * random.arrivals.next()) / 1_000;
    for (; due >= 1; due -= 1) {
      waiting.push(atMs);
      arrivedCount += 1;
    }
  };
  const end = (atMs: number): void => {
    const ended = working.filter(({ endsMs }) => endsMs <= atMs);
    working = working.filter(({ endsMs }) => endsMs > atMs);
    endedCount += ended.length;
    since.endedCount += ended.length;
    since.busyMs += ended.reduce((sum, { startedMs, endsMs }) => sum + endsMs - startedMs, 0);
  };
  const begin = (atMs: number): void => {
    while (working.length < concurrency && head < waiting.length) {
      waits.push(atMs - (waiting[head] ?? atMs));
      head += 1;
      working.push({ startedMs: atMs, endsMs: atMs + serviceMs(random.service) });
    }
  };
  const look = (atMs: number): void => {
    const visibleCount = waiting.length - head;
    const advice = controller({ atMs, visibleCount, inFlightCount: working.length, ...since });
    since = { endedCount: 0, busyMs: 0 };
    concurrency = advice.concurrency;
    const backlogCount = visibleCount + working.length;
    samples.push({ atMs, backlogCount, workingCount: working.length, concurrency, predictedDrainMs: advice.drainMs });
  };

  for (let atMs = 0; atMs < durationMs; atMs += TICK_MS) {
    end(atMs);
    arrive(atMs);
    if (atMs % lookEveryMs < TICK_MS) look(atMs);
    begin(atMs);
    capacityMs += TICK_MS * Math.max(concurrency, working.length);
  }
  const sorted = waits.toSorted((a, b) => a - b);
  return Object.freeze({
    samples,
    arrivedCount,
    begunCount: waits.length,
    endedCount,
    leftCount: waiting.length - head + working.length,
    longestWaitMs: sorted.at(-1) ?? 0,
    p95WaitMs: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
    capacityMs,
    ...directionChanges(samples.map((sample) => sample.concurrency)),
  });
};
