import fc from 'fast-check';
import { latencyQuantile } from '#serving/scatter-gather/latency-quantile';

const latency = fc.double({ min: 0.1, max: 60_000, noNaN: true });

test('the quantile is the true one, or up to 2 % above it', () => {
  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 20, maxLength: 200 }),
      fc.constantFrom(0.5, 0.9, 0.95),
      (all, quantile) => {
        const kept = latencyQuantile({ quantile, sampleCount: 20, windowCount: 1_000 });
        for (const ms of all) kept.observe(ms);
        const exact = all.toSorted((a, b) => a - b)[Math.ceil(quantile * all.length) - 1] ?? Number.NaN;
        const value = kept.valueMs() ?? Number.NaN;
        expect(value).toBeGreaterThanOrEqual(exact * 0.999_999);
        expect(value).toBeLessThanOrEqual(exact * 1.02 * 1.000_001);
      },
    ),
  );
});

test('it says nothing before it has seen enough, and forgets what is of another time', () => {
  const kept = latencyQuantile({ quantile: 0.95, sampleCount: 10, windowCount: 100 });
  for (let n = 0; n < 9; n += 1) kept.observe(1_000);
  expect(kept.valueMs()).toBeUndefined();
  kept.observe(1_000);
  expect(kept.valueMs()).toBeGreaterThanOrEqual(1_000);
  for (let n = 0; n < 1_000; n += 1) kept.observe(1_000);
  for (let n = 0; n < 100; n += 1) kept.observe(10);
  expect(kept.valueMs()).toBeLessThan(11);
  for (let n = 0; n < 100; n += 1) kept.observe(1_000);
  expect(kept.valueMs()).toBeGreaterThanOrEqual(1_000);
});

test('latencies beyond all measure are counted, not lost', () => {
  const kept = latencyQuantile({ quantile: 0.5, sampleCount: 1, windowCount: 10 });
  kept.observe(0);
  expect(kept.valueMs()).toBeLessThan(0.1);
  kept.observe(1e9);
  kept.observe(1e9);
  expect(kept.valueMs()).toBeGreaterThan(800_000);
});
