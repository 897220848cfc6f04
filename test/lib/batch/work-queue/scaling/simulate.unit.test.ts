import { readFileSync } from 'node:fs';
import path from 'node:path';
import { scalingController } from '#batch/work-queue/scaling/controllers';
import { simulateScaling } from '#batch/work-queue/scaling/simulate';
import { seededRandom } from '#primitives/memory/random';
import { scalingSvg } from '../../../../../scripts/scaling-plot.ts';
import { ARRIVAL_NAMES, CONTROLLER_NAMES, scalingRun, scalingTable } from '../../../../../scripts/scaling-runs.ts';

const FOLDER = path.join(import.meta.dirname, '../../../../../functions/batch/work-queue');
const SEEDS = [1, 20, 300];
const OURS = 'controller, each 60 s';
const KEDA = 'KEDA formula, each 15 s';

describe.each(ARRIVAL_NAMES)('an hour of %s', (arrivals) => {
  test('nothing that arrived is lost and nothing that was begun is ended by a change', () => {
    for (const controller of CONTROLLER_NAMES) {
      const { arrivedCount, begunCount, endedCount, leftCount, samples } = scalingRun(arrivals, controller);
      expect(endedCount + leftCount).toBe(arrivedCount);
      const running = begunCount - endedCount;
      expect(running).toBeGreaterThanOrEqual(0);
      expect(running).toBeLessThanOrEqual(leftCount);
      // After a change down, more work than would be begun now: they end what they have.
      if (controller === OURS)
        expect(samples.some((each, at) => each.concurrency < (samples[at - 1]?.concurrency ?? 0))).toBe(true);
    }
  });

  test('the controller does not swing: it goes up, and down once, whatever the seed', () => {
    for (const seed of SEEDS) expect(scalingRun(arrivals, OURS, seed).reversalCount).toBeLessThanOrEqual(3);
  });

  test("no item waits longer than under KEDA's formula, although that looks four times as often", () => {
    for (const seed of SEEDS) {
      const [ours, keda] = [scalingRun(arrivals, OURS, seed), scalingRun(arrivals, KEDA, seed)];
      expect(ours.longestWaitMs).toBeLessThanOrEqual(keda.longestWaitMs * 1.05);
      expect(ours.capacityMs).toBeLessThanOrEqual(keda.capacityMs * 1.35);
    }
  });
});

test('a backlog is gone when the controller said that it would be', () => {
  const burstEndsMs = 120_000;
  const policy = { minConcurrency: 2, maxConcurrency: 60, drainMs: 60_000 };
  for (const seed of SEEDS) {
    const { samples } = simulateScaling(
      {
        arrivalsPerSecond: (atMs) => (atMs >= 60_000 && atMs < burstEndsMs ? 60 : 2),
        durationMs: 900_000,
        lookEveryMs: 5_000,
        concurrency: 2,
        random: { arrivals: seededRandom(seed), service: seededRandom(seed + 7) },
      },
      scalingController({ ...policy, smoothingMs: 10_000 }),
    );
    const emptyAtMs = samples.find(({ atMs, backlogCount }) => atMs > burstEndsMs && backlogCount <= 10)?.atMs ?? 0;
    // When the average has forgotten the burst.
    const told = samples.filter(({ atMs, backlogCount }) => atMs >= burstEndsMs + 40_000 && backlogCount > 200);
    const judged = told.filter(({ atMs }) => atMs < emptyAtMs);
    expect(judged.length).toBeGreaterThan(2);
    for (const { atMs, predictedDrainMs } of judged) {
      const tookMs = emptyAtMs - atMs;
      expect(Math.abs((predictedDrainMs ?? Number.NaN) - tookMs)).toBeLessThanOrEqual(Math.max(10_000, 0.2 * tookMs));
    }
  }
});

test('the plot and the table of the README are what the simulation gives now', () => {
  expect(readFileSync(path.join(FOLDER, 'scaling.svg'), 'utf8')).toBe(scalingSvg());
  expect(readFileSync(path.join(FOLDER, 'README.md'), 'utf8')).toContain(scalingTable());
});
