import { seeds, SimulationFailure, sweep } from '#simulation/sweep';
import { addingJoin } from './adding-join.ts';
import { joinScenario } from './simulated.ts';

const TIMEOUT_MS = 120_000;

test.each([
  ['a list', { branchCount: 4 }],
  ['parts', { branchCount: 4, open: true }],
  ['a deadline that comes first', { branchCount: 4, missing: 1, deadlineMs: 20_000 }],
  ['a deadline that fires', { branchCount: 3, missing: 1, deadlineMs: 20_000, onDeadline: 'fire' as const }],
])(
  'a join of %s ends once, never early, and says the same everywhere, whatever happens to any one write',
  async (_, how) => {
    const { callCount, runCount } = await sweep(joinScenario({ ...how, repeats: 1 }));
    expect(callCount).toBeGreaterThan(10);
    expect(runCount).toBeGreaterThan(callCount * 5);
  },
  TIMEOUT_MS,
);

test(
  '500 joins of 20, each branch one to four times, shuffled, the last two at once, with everything mixed: each fires once, never early',
  async () => {
    const { faultCount, kinds } = await seeds(joinScenario({ joinCount: 5, branchCount: 20, repeats: 4 }), {
      count: 100,
    });
    expect(faultCount).toBeGreaterThan(300);
    expect(kinds.size).toBe(10);
  },
  TIMEOUT_MS,
);

test(
  'arrivals by message are as good as those by HTTP',
  async () => {
    const { faultCount } = await seeds(joinScenario({ joinCount: 2, branchCount: 6, repeats: 3, byQueue: true }), {
      count: 40,
    });
    expect(faultCount).toBeGreaterThan(50);
  },
  TIMEOUT_MS,
);

test.each(['fail', 'fire'] as const)(
  'with a deadline amid the arrivals (%s) there is exactly one outcome, and it is told in the same way everywhere',
  async (onDeadline) => {
    const how = { joinCount: 3, branchCount: 6, repeats: 2, deadlineMs: 12_000, pauseMs: 4_000, onDeadline };
    const { faultCount } = await seeds(joinScenario({ ...how, missing: 1 }), { count: 60 });
    expect(faultCount).toBeGreaterThan(100);
  },
  TIMEOUT_MS,
);

test('a join that counts arrivals is caught: by a branch that comes twice, and by an answer that is lost', async () => {
  const failureOf = async (repeats: number): Promise<unknown> =>
    sweep(joinScenario({ branchCount: 4, repeats, make: addingJoin })).catch((error: unknown) => error);
  for (const repeats of [4, 1]) {
    const failure = await failureOf(repeats);
    expect(failure).toBeInstanceOf(SimulationFailure);
    expect(String(failure)).toMatch(/fired (early|twice)/);
  }
});
