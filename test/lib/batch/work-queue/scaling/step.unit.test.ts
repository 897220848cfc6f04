import fc from 'fast-check';
import { checkedPolicy } from '#batch/work-queue/scaling/policy';
import { scalingStart, scalingStep, type ScalingObservation, type ScalingState } from '#batch/work-queue/scaling/step';

const POLICY = checkedPolicy({ minConcurrency: 2, maxConcurrency: 50, drainMs: 60_000, smoothingMs: 1 });

/** Workers that were busy for a minute and got done `ended` of it all, with so much left. */
const minute = (at: number, concurrency: number, ended: number, backlog: number): ScalingObservation => ({
  atMs: at * 60_000,
  visibleCount: backlog,
  inFlightCount: 0,
  endedCount: ended,
  busyMs: concurrency * 60_000,
});

const after = (...seen: readonly ScalingObservation[]): ScalingState => {
  let state = scalingStart(2);
  for (const each of seen) ({ state } = scalingStep(state, each, POLICY));
  return state;
};

test('as many are asked for as what arrives and the backlog need', () => {
  const state = after(minute(0, 2, 60, 0));
  // One ends 30 in a minute. 300 arrived (240 are left, 60 ended), so 10 for these; 8 more for the backlog.
  const advice = scalingStep(state, minute(1, 2, 60, 240), POLICY);
  expect(advice).toMatchObject({ concurrency: 18, reason: 'up' });
  expect(advice.drainMs).toBeCloseTo(60_000, 0);
  expect(advice.state.arrivalsPerMs).toBeCloseTo(300 / 60_000);
  expect(advice.state.endsPerBusyMs).toBeCloseTo(30 / 60_000);
});

test('what is in flight counts like what waits: it has to be done as well', () => {
  const state = after(minute(0, 2, 60, 0));
  const seen = { ...minute(1, 2, 60, 0), inFlightCount: 240 };
  expect(scalingStep(state, seen, POLICY).concurrency).toBe(18);
});

test('fewer are asked for only when no more were needed for the time that the policy says', () => {
  let state = after(minute(0, 2, 60, 0), minute(1, 2, 60, 240));
  const reasons: string[] = [];
  for (let at = 2; at <= 8; at += 1) {
    const advice = scalingStep(state, minute(at, 1, 30, 0), POLICY);
    ({ state } = advice);
    reasons.push(`${advice.reason} ${advice.concurrency}`);
  }
  expect(reasons.slice(0, 5)).toEqual(['wait 18', 'wait 18', 'wait 18', 'wait 18', 'wait 18']);
  expect(reasons[5]).toBe('down 2');
});

test('a difference within the tolerance changes nothing', () => {
  const policy = { ...POLICY, tolerance: 0.5 };
  const state = { ...after(minute(0, 10, 300, 0)), concurrency: 10 };
  expect(scalingStep(state, minute(1, 10, 300, 60), policy)).toMatchObject({ concurrency: 10, reason: 'hold' });
});

test('while nothing has ended nobody knows: it stays as it is', () => {
  const seen = { ...minute(1, 0, 0, 1_000), busyMs: 0 };
  expect(scalingStep(scalingStart(7), seen, POLICY)).toMatchObject({ concurrency: 7, reason: 'learn', drainMs: null });
});

test('what is never worked off has no time: null', () => {
  const state = after(minute(0, 2, 60, 0));
  expect(scalingStep(state, minute(1, 2, 60, 6_000), POLICY)).toMatchObject({ concurrency: 50, drainMs: null });
});

test('whatever is seen, it stays within its bounds, its state stays small and is JSON', () => {
  const observation = fc.record({
    gapMs: fc.integer({ min: -1_000, max: 10_000_000 }),
    visibleCount: fc.nat(1_000_000),
    inFlightCount: fc.nat(1_000),
    endedCount: fc.nat(1_000_000),
    busyMs: fc.nat(100_000_000),
  });
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 100 }), fc.integer({ min: 0, max: 10_000 }), (list, start) => {
      let state = scalingStart(start);
      let atMs = 0;
      for (const { gapMs, ...seen } of list) {
        atMs += gapMs;
        const advice = scalingStep(state, { atMs, ...seen }, POLICY);
        ({ state } = advice);
        expect(advice.concurrency).toBeGreaterThanOrEqual(2);
        expect(advice.concurrency).toBeLessThanOrEqual(50);
        expect(advice.drainMs === null || advice.drainMs >= 0).toBe(true);
        expect(state.needs.length).toBeLessThanOrEqual(60);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }
    }),
    { numRuns: 50 },
  );
});

test.each([
  ['minConcurrency', { minConcurrency: 0 }],
  ['maxConcurrency', { maxConcurrency: 1 }],
  ['drainMs', { drainMs: 10 }],
  ['tolerance', { tolerance: 2 }],
  ['options', { speed: 1 }],
])('a policy with a bad %s is refused by name', (name, change) => {
  const policy = { minConcurrency: 2, maxConcurrency: 50, drainMs: 60_000, ...change };
  expect(() => checkedPolicy(policy)).toThrow(`Expected '${name}'`);
});
