import { planner } from '#batch/work-queue/planner';
import type { JobPlan } from '#batch/work-queue/job-plan';
import { InvalidArgumentError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import { quiet, someItems, world } from './world.ts';

const JOB = 'job-1';
const urgent = [{ id: 'a', payload: null, priority: 'high' as const }];
const forbidden = JSON.parse('{"constructor":1}') as Json;

describe('a plan that nobody could carry out', () => {
  test.each<[string, JobPlan]>([
    ['packed and ordered', { worker: 'record', ordered: true, pack: 2, items: someItems(1) }],
    ['open, packed and ordered', { worker: 'record', ordered: true, pack: 2, open: true }],
    ['ordered, with a priority', { worker: 'record', ordered: true, items: urgent }],
    ['too long', { worker: 'record', items: [{ id: 'a', payload: 'x'.repeat(1_048_576) }] }],
    ['with a name that no message may have', { worker: 'record', items: [{ id: 'a', payload: forbidden }] }],
    ['with an id that is none', { worker: 'record', items: [{ id: 'a\0b', payload: null }] }],
    ['for nobody', { worker: '', open: true }],
  ])('(%s) is refused before anything is written', async (_, plan) => {
    const w = world();
    await expect(w.api.createJob(JOB, plan)).rejects.toThrow(InvalidArgumentError);
    expect(w.jobs.dump()).toEqual([]);
    expect(w.wire.counts()).toEqual({});
  });

  test('as a part is refused before its job waits for it', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', open: true });
    const add = w.api.addItems(JOB, 'p1', [{ id: 'a', payload: forbidden }]);
    await expect(add).rejects.toThrow("Expected 'items' to be what the planner can take, got invalid message");
    await w.api.closeJob(JOB);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 0 });
  });

  test.each([
    { ordered: true, pack: 2, items: [{ id: 'a' }] },
    { ordered: true, items: urgent },
  ])('begins no job by message: %j', async (plan) => {
    const w = world();
    await w.plans.sendBatch([{ body: JSON.stringify({ jobId: JOB, worker: 'record', ...plan }) }]);
    await w.drain();
    expect(await w.api.progress(JOB)).toBeUndefined();
    expect(await w.deadLetters(w.plansDead)).toHaveLength(1);
  });

  test('takes nothing from a job of other items under its id', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: someItems(2) });
    const other = { jobId: JOB, worker: 'record', ordered: true, pack: 2, items: [{ id: 'a' }] };
    await w.plans.sendBatch([{ body: JSON.stringify(other) }]);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 2, done: 2 });
  });
});

describe('where a queue is missing', () => {
  /** A world of which all plans are taken by a planner without queues for urgent and ordered items. */
  const poor = async (act: (w: ReturnType<typeof world>) => Promise<unknown>) => {
    const w = world();
    await act(w);
    const plan = planner({
      jobs: w.jobs,
      items: w.items,
      plans: w.plans,
      clock: w.clock,
      random: { next: () => 0.5, uuid: () => 'uuid' },
      log: quiet,
      keepMs: 86_400_000,
      deadLetters: w.plansDead,
      sourceOf: () => {
        throw new Error('No source.');
      },
    });
    for (const message of await w.plans.receive({ maxCount: 10 })) {
      await w.clock.until(plan(message, 5_000));
      await w.plans.deleteBatch([message.receipt]);
    }
    return w;
  };
  const failed = (reason: string) => ({ status: 'failed', reason });

  test.each<[string, JobPlan, string]>([
    ['ordered', { worker: 'record', ordered: true, items: someItems(1) }, 'ordered jobs are not done here'],
    ['urgent', { worker: 'record', items: urgent }, 'items of high priority are not done here'],
  ])('a job that was accepted (%s) has failed, with the reason', async (_, plan, reason) => {
    const w = await poor((of) => of.api.createJob(JOB, plan));
    expect(await w.api.progress(JOB)).toMatchObject(failed(reason));
  });

  test.each([true, false])('and so has one of which a part needs it (ordered: %s)', async (ordered) => {
    const w = await poor(async ({ api }) => {
      await api.createJob(JOB, { worker: 'record', open: true, ordered });
      await api.addItems(JOB, 'p1', ordered ? someItems(1) : urgent);
      await api.closeJob(JOB);
    });
    const reason = ordered ? 'ordered jobs are not done here' : 'items of high priority are not done here';
    expect(await w.api.progress(JOB)).toMatchObject(failed(reason));
  });
});
