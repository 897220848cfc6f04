import { percentile, simulate } from './simulated-leaves.ts';

/** 10 ms median, 1 % stragglers of 0.5 to 1.5 s; the figures of more requests and more policies: `npm run bench -- hedging`. */
test.each([
  { fanOut: 10, requestCount: 4_000, seeds: [1, 2] },
  { fanOut: 100, requestCount: 2_000, seeds: [1] },
])(
  'hedging cuts the 99.9th percentile at fan-out $fanOut to a seventh or less, for at most 5.5 % more calls',
  async ({ fanOut, requestCount, seeds }) => {
    for (const seed of seeds) {
      const without = await simulate({ fanOut, requestCount, policy: 'Promise.all', seed });
      const hedged = await simulate({ fanOut, requestCount, policy: 'two tries', seed });
      expect(without.extraShare).toBe(0);
      expect(percentile(without, 0.999) / percentile(hedged, 0.999)).toBeGreaterThanOrEqual(7);
      expect(hedged.extraShare).toBeLessThanOrEqual(0.055);
      expect(hedged.extraShare).toBeGreaterThan(0.03);
    }
  },
  120_000,
);

test('a budget of nothing sends nothing more, and gains nothing', async () => {
  const run = { fanOut: 10, requestCount: 500, seed: 3 };
  const without = await simulate({ ...run, policy: 'Promise.all' });
  const broke = await simulate({ ...run, policy: 'no budget' });
  expect(broke.extraShare).toBe(0);
  expect(broke.latenciesMs).toEqual(without.latenciesMs);
});
