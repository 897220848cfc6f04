import { seeds } from '#simulation/sweep';
import { jobsScenario, listJob, openJob, orderedJob, packedJob, sourceJob, urgentJob } from './simulated.ts';

const FAULT_LIMIT_COUNT = 6;

test('four jobs beside each other lose nothing and do nothing twice in 1 000 seeds with everything mixed', async () => {
  const scenario = jobsScenario([listJob(3), openJob(8), sourceJob(3), orderedJob(5)], ({ random }) => ({
    // An item is received once for each fault at most, once more when it fails at first, and once to succeed.
    maxReceiveCount: FAULT_LIMIT_COUNT + 2,
    redrives: random.next() < 0.2,
    planMs: random.next() < 0.5 ? 0 : 2_000,
  }));
  const { faultCount, kinds } = await seeds(scenario, { count: 1_000, faultLimitCount: FAULT_LIMIT_COUNT });
  expect(faultCount).toBeGreaterThan(3_000);
  expect(kinds.size).toBe(10);
}, 600_000);

test('an urgent job and a packed one lose nothing, do nothing twice and begin nothing obsolete in 100 seeds', async () => {
  const scenario = jobsScenario([packedJob(8), urgentJob(9)], ({ random }) => ({
    maxReceiveCount: FAULT_LIMIT_COUNT + 2,
    redrives: random.next() < 0.2,
    planMs: 2_000,
  }));
  const { faultCount } = await seeds(scenario, { count: 100, faultLimitCount: FAULT_LIMIT_COUNT });
  expect(faultCount).toBeGreaterThan(200);
}, 120_000);
