import { KINDS } from '#batch/coordinated/reduce/kinds';
import { seeds, sweep } from '#simulation/sweep';
import { reductionScenario, type SimulatedReduction } from './simulated.ts';

const TIMEOUT_MS = 240_000;

test.each<SimulatedReduction>([
  { kind: 'sum', how: 'list', itemCount: 5, partCount: 1, fanIn: 2 },
  { kind: 'wordcount', how: 'parts', itemCount: 5, partCount: 3, fanIn: 2 },
  { kind: 'count', how: 'source', itemCount: 3, partCount: 1, fanIn: 2 },
])(
  'a $kind of a $how is the sequential fold, whatever happens to any one write',
  async (how) => {
    const { callCount, runCount } = await sweep(reductionScenario(() => how));
    expect(callCount).toBeGreaterThan(8);
    expect(runCount).toBeGreaterThan(callCount * 5);
  },
  TIMEOUT_MS,
);

test(
  'every kind, list, parts or source, any fan-in, duplicates, reordering, crashes: 1 000 seeds, each the sequential fold',
  async () => {
    const chosen = ({ next }: { next(): number }): SimulatedReduction => ({
      kind: KINDS[Math.floor(next() * KINDS.length)] ?? 'sum',
      how: (['list', 'parts', 'parts', 'source'] as const)[Math.floor(next() * 4)] ?? 'parts',
      itemCount: Math.floor(next() * 12),
      partCount: 1 + Math.floor(next() * 7),
      fanIn: 2 + Math.floor(next() * 3),
    });
    const { faultCount, kinds } = await seeds(reductionScenario(chosen), { count: 1_000 });
    expect(faultCount).toBeGreaterThan(2_000);
    expect(kinds.size).toBe(10);
  },
  TIMEOUT_MS,
);
