import { readFileSync } from 'node:fs';
import { percentile, simulate, type Policy, type Simulated } from './simulated-leaves.ts';

/** 10 ms median, 1 % stragglers of 0.5 to 1.5 s; the figures of more requests and seeds: `npm run bench -- hedging`. */
const RUNS = [
  { fanOut: 10, requestCount: 4_000 },
  { fanOut: 100, requestCount: 2_000 },
] as const;
const NAMES: readonly (readonly [Policy, string])[] = [
  ['Promise.all', '`Promise.all`'],
  ['two tries', 'two tries at p95'],
  ['one try', 'one try'],
];

const cutOf = (without: Simulated, hedged: Simulated): number => percentile(without, 0.999) / percentile(hedged, 0.999);

const rowOf = (title: string, run: Simulated, cut: number): string => {
  const cells = [0.5, 0.99, 0.999].map((share) => `${percentile(run, share).toFixed(1)} ms`);
  return `| ${[title, ...cells, `${cut.toFixed(1)} ×`, `${(100 * run.extraShare).toFixed(2)} %`].join(' | ')} |`;
};

test.each(RUNS)(
  'hedging cuts the 99.9th percentile at fan-out $fanOut to a seventh or less, for at most 5.5 % more calls; the README says by how much',
  async ({ fanOut, requestCount }) => {
    const readme = readFileSync('functions/serving/scatter-gather/README.md', 'utf8');
    const rows: string[] = [];
    let without: Simulated | undefined;
    for (const [policy, name] of NAMES) {
      const run = await simulate({ fanOut, requestCount, policy, seed: 1 });
      without ??= run;
      const cut = cutOf(without, run);
      rows.push(rowOf(`fan-out ${fanOut}, ${name}`, run, cut));
      if (policy === 'Promise.all') expect(run.extraShare).toBe(0);
      if (policy !== 'two tries') continue;
      expect(cut).toBeGreaterThanOrEqual(7);
      expect(run.extraShare).toBeLessThanOrEqual(0.055);
      expect(run.extraShare).toBeGreaterThan(0.03);
    }
    expect(readme.split('\n').filter((line) => line.startsWith(`| fan-out ${fanOut}, `))).toEqual(rows);
  },
  240_000,
);

test('a budget of nothing sends nothing more, and gains nothing', async () => {
  const run = { fanOut: 10, requestCount: 500, seed: 3 };
  const without = await simulate({ ...run, policy: 'Promise.all' });
  const broke = await simulate({ ...run, policy: 'no budget' });
  expect(broke.extraShare).toBe(0);
  expect(broke.latenciesMs).toEqual(without.latenciesMs);
});
