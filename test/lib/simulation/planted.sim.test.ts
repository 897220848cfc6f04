import { replay, seeds, SimulationFailure, sweep, type Scenario } from '#simulation/sweep';
import { addingCounter } from './planted/adding-counter.ts';
import { batchMarker } from './planted/batch-marker.ts';
import { markerFirst } from './planted/marker-first.ts';
import { naive } from './planted/naive.ts';
import { right } from './planted/right.ts';
import { shopScenario } from './planted/shop.ts';
import { shortMarker } from './planted/short-marker.ts';

const failureOf = async (run: Promise<unknown>): Promise<SimulationFailure> => {
  const failure = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof SimulationFailure) return failure;
  throw new Error('The simulation found nothing.', { cause: failure });
};

const PLANTED: readonly (readonly [string, Scenario, RegExp])[] = [
  ['a naive consumer', shopScenario(naive), /times: order-/],
  ['a marker before the effect', shopScenario(markerFirst), /lost: order-/],
  ['a marker for each batch', shopScenario(batchMarker), /times: order-/],
  ['a counter that adds', shopScenario(addingCounter, { counts: true }), /unbalanced/],
];

describe.each(PLANTED)('%s', (_, scenario, problem) => {
  test('is caught by the sweep, with one fault', async () => {
    const failure = await failureOf(sweep(scenario));
    expect(failure.message).toMatch(problem);
    expect(failure.run.faults).toHaveLength(1);
  });

  test('is caught by the first seeds, which print the shortest failing schedule, and it replays', async () => {
    const failure = await failureOf(seeds(scenario, { count: 50 }));
    expect(failure.run.faults?.length).toBeLessThanOrEqual(2);
    expect(failure.message).toContain(`Replay: ${JSON.stringify(failure.run)}`);
    const again = await replay(scenario, failure.run).catch((error: unknown) => error);
    expect(String(again)).toBe(String(failure.cause));
  });
});

test('a marker whose time to live is too short is caught where records are removed in time: by even seeds', async () => {
  const scenario = shopScenario(shortMarker);
  expect((await failureOf(seeds(scenario, { count: 50 }))).message).toMatch(/times: order-/);
  expect((await failureOf(sweep(scenario, { seed: 2 }))).message).toMatch(/times: order-/);
  await sweep(scenario, { seed: 1 });
});

describe('marker and effect in one transaction', () => {
  test('survives the sweep over every write', async () => {
    const { callCount, runCount } = await sweep(shopScenario(right));
    expect(callCount).toBeGreaterThan(15);
    expect(runCount).toBeGreaterThan(callCount * 5);
  });

  test('survives 200 seeds with everything mixed', async () => {
    const { faultCount, kinds } = await seeds(shopScenario(right), { count: 200 });
    expect(faultCount).toBeGreaterThan(200);
    expect(kinds.size).toBe(10);
  });
});
