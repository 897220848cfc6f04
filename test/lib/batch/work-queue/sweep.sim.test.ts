import { seeds, sweep } from '#simulation/sweep';
import type { ReceivedMessage } from '#primitives/queue';
import { jobsScenario, listJob, openJob, orderedJob, packedJob, sourceJob, urgentJob } from './simulated.ts';

const options = () => ({ maxReceiveCount: 3, planMs: 0 });

test.each([
  ['a list', [listJob(13)]],
  ['parts', [openJob(13)]],
  ['a bucket', [sourceJob(13)]],
  ['groups in order', [orderedJob(8)]],
  ['packs', [packedJob(8)]],
  ['both classes, some of it obsolete', [urgentJob(6)]],
])(
  'a job of %s loses nothing and does nothing twice, whatever happens to any one write',
  async (_, jobs) => {
    const { callCount, runCount } = await sweep(jobsScenario(jobs, options));
    expect(callCount).toBeGreaterThan(20);
    expect(runCount).toBeGreaterThan(callCount * 6);
  },
  120_000,
);

test('a redrive moves all dead letters back, once mended all is done and nothing twice, whatever happens to any one write', async () => {
  const jobs = [listJob(5)];
  const { callCount } = await sweep(jobsScenario(jobs, () => ({ ...options(), redrives: true })));
  expect(callCount).toBeGreaterThan(30);
}, 120_000);

test('a worker that looks at the deadline only when the work is done is caught', async () => {
  const plant = ({ body, ...message }: ReceivedMessage): ReceivedMessage => ({
    ...message,
    body: body.replace(/,"deadlineAt":"1999[^"]*"/, ''),
  });
  const scenario = jobsScenario([urgentJob(6)], () => ({ ...options(), plant }));
  await expect(seeds(scenario, { count: 1 })).rejects.toThrow(/of urgent was begun too late/);
});

const PLACES = [
  'queue/plans',
  'queue/items',
  'queue/undeliverable',
  'queue/dead-letters',
  'table/jobs',
  'table/effects',
];

test.each(PLACES)(
  'an outage of %s costs time only',
  async (at) => {
    const scenario = jobsScenario([listJob(9), openJob(9), sourceJob(4)], () => ({
      maxReceiveCount: 25,
      planMs: 2_000,
    }));
    // An answer lost to a receive costs each message one of its receives, a refusal costs none.
    for (const [kind, times] of [
      ['error', 60],
      ['lose-answer', 20],
      ['crash', 20],
    ] as const) {
      const faults = () => [{ kind, at, times }];
      const { faultCount } = await seeds(scenario, { count: 2, faultLimitCount: times, faults });
      expect(faultCount).toBeGreaterThan(5);
    }
  },
  60_000,
);
