import { sweep } from '#simulation/sweep';
import { jobsScenario, listJob, openJob, sourceJob } from './simulated.ts';

const options = () => ({ maxReceiveCount: 3, planMs: 0 });

test.each([
  ['a list', [listJob(13)]],
  ['parts', [openJob(13)]],
  ['a bucket', [sourceJob(13)]],
])(
  'a job of %s loses nothing and does nothing twice, whatever happens to any one write',
  async (_, jobs) => {
    const { callCount, runCount } = await sweep(jobsScenario(jobs, options));
    expect(callCount).toBeGreaterThan(20);
    expect(runCount).toBeGreaterThan(callCount * 6);
  },
  120_000,
);
