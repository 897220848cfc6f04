import * as fc from 'fast-check';
import { concurrencyLimit, startScaling, stepScaling } from '#event-sources/scaling';
import type { Scaling, ScalingEvent } from '#event-sources/scaling';

const run = (state: Scaling, kind: ScalingEvent['kind'], fromMs: number, toMs: number, everyMs: number): Scaling => {
  let next = state;
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += everyMs) next = stepScaling(next, { kind, nowMs });
  return next;
};

test('starts with 5 concurrent batches', () => {
  expect(concurrencyLimit(startScaling({ nowMs: 0 }))).toBe(5);
});

test('starts with fewer where MaximumConcurrency or the machine says so', () => {
  expect(concurrencyLimit(startScaling({ maximumConcurrency: 2, nowMs: 0 }))).toBe(2);
  expect(concurrencyLimit(startScaling({ capCount: 1, nowMs: 0 }))).toBe(1);
});

test('grows by 300 a minute while there is a backlog, however often it is told', () => {
  const start = startScaling({ nowMs: 0 });
  expect(concurrencyLimit(run(start, 'backlog', 0, 60_000, 10))).toBe(305);
  expect(concurrencyLimit(run(start, 'backlog', 0, 60_000, 500))).toBe(305);
});

test('never grows beyond 1 250', () => {
  expect(concurrencyLimit(run(startScaling({ nowMs: 0 }), 'backlog', 0, 600_000, 100))).toBe(1250);
});

test('a silence earns no growth beyond a second', () => {
  expect(concurrencyLimit(stepScaling(startScaling({ nowMs: 0 }), { kind: 'backlog', nowMs: 60_000 }))).toBe(10);
});

test('falls when empty, to its start', () => {
  const grown = run(startScaling({ nowMs: 0 }), 'backlog', 0, 60_000, 100);
  const once = stepScaling(grown, { kind: 'empty', nowMs: 60_100 });
  expect(concurrencyLimit(once)).toBeLessThan(concurrencyLimit(grown));
  expect(concurrencyLimit(run(once, 'empty', 61_000, 90_000, 1000))).toBe(5);
});

test('falls on errors, to one, and grows again with the backlog', () => {
  const low = run(startScaling({ nowMs: 0 }), 'trouble', 0, 10_000, 1000);
  expect(concurrencyLimit(low)).toBe(1);
  expect(concurrencyLimit(stepScaling(low, { kind: 'empty', nowMs: 10_500 }))).toBe(1);
  expect(concurrencyLimit(run(low, 'backlog', 10_100, 12_000, 100))).toBe(11);
});

test('a burst of failures within a second counts once', () => {
  const start = run(startScaling({ nowMs: 0 }), 'backlog', 0, 3000, 100);
  expect(concurrencyLimit(start)).toBe(20);
  expect(concurrencyLimit(run(start, 'trouble', 3000, 3900, 10))).toBe(10);
});

test('MaximumConcurrency and the cap are never passed, and one batch may always run', () => {
  const event = fc.record({
    kind: fc.constantFrom<ScalingEvent['kind']>('backlog', 'empty', 'trouble'),
    afterMs: fc.integer({ min: 0, max: 5000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 1000 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.array(event),
      (maximumConcurrency, capCount, events) => {
        let nowMs = 0;
        let state = startScaling({ maximumConcurrency, capCount, nowMs });
        for (const { kind, afterMs } of events) {
          nowMs += afterMs;
          state = stepScaling(state, { kind, nowMs });
          expect(concurrencyLimit(state)).toBeGreaterThanOrEqual(1);
          expect(concurrencyLimit(state)).toBeLessThanOrEqual(Math.min(maximumConcurrency, capCount, 1250));
        }
      },
    ),
  );
});
