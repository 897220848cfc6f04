/** Fan-out on a virtual clock, 10 ms median, 1 % stragglers: how much hedging cuts off the slowest answers, and what it costs. */
import { percentile, simulate, type Policy } from '../lib/serving/scatter-gather/simulated-leaves.ts';
import type { Benchmark } from './benchmark.ts';
import { median, rounded } from './rounds.ts';

const RUNS = [
  { fanOut: 10, requestCount: 20_000 },
  { fanOut: 100, requestCount: 5_000 },
] as const;
const SEEDS = [1, 2, 3] as const;
const POLICIES: readonly Policy[] = ['Promise.all', 'two tries', 'one try'];
const LEAST_CUT = 7;
const MOST_EXTRA = 0.055;

export const benchmark: Benchmark = async (say) => {
  const rows: (readonly (string | number)[])[] = [];
  const goals = [];
  for (const { fanOut, requestCount } of RUNS) {
    const slowest: number[] = [];
    for (const policy of POLICIES) {
      const runs = [];
      for (const seed of SEEDS) {
        say(`fan-out ${fanOut}, ${policy}, seed ${seed}`);
        runs.push(await simulate({ fanOut, requestCount, policy, seed }));
      }
      const of = (share: number): number[] => runs.map((run) => percentile(run, share));
      if (policy === 'Promise.all') slowest.push(...of(0.999));
      const cut = median(of(0.999).map((ms, index) => (slowest[index] ?? Number.NaN) / ms));
      const extra = Math.max(...runs.map(({ extraShare }) => extraShare));
      const cells = [0.5, 0.99, 0.999].map((share) => rounded(median(of(share))));
      rows.push([`fan-out ${fanOut}, ${policy}`, ...cells, rounded(cut), `${(100 * extra).toFixed(2)} %`]);
      if (policy !== 'two tries') continue;
      goals.push({ figure: `p99.9 cut at fan-out ${fanOut}`, atLeast: LEAST_CUT, measured: cut });
      goals.push({ figure: `extra calls at fan-out ${fanOut}`, atMost: MOST_EXTRA, measured: extra });
    }
  }
  return {
    columns: ['candidate', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99.9 cut ×', 'extra calls'],
    rows,
    goals,
    remarks: [
      'Leaves: log-normal around 10 ms, once in a hundred 0.5 to 1.5 s (The Tail at Scale). Medians of three seeds, the most extra calls of them.',
      'Tries: calls beside the first, each sent at the 95th percentile, within a budget of 5.5 %.',
    ],
  };
};
