import { failuresOf } from '#batch/partial-batch';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { recordWorker } from '#batch/work-queue/record-worker';
import { textOf } from '#primitives/field-values';
import { workStealing, type WorkStealingOptions } from '#batch/work-queue/work-stealing';
import { UnavailableError } from '#primitives/errors';
import type { Queue } from '#primitives/queue';
import { BrokenPromiseError, holdAll, lost, twice, unexpected } from '#simulation/checkers';
import { startProcess } from '#simulation/processes';
import { seeds, sweep, type Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { quiet } from './world.ts';

const IDS = Array.from({ length: 24 }, (_, n) => `item-${n}`);
const LIMIT_ROUNDS = 500;
const VISIBILITY_MS = 30_000;

type Work = WorkStealingOptions['work'];
/** Deletes what it got, then does it: what a crash between the two leaves nobody will do. */
const deletesFirst =
  (work: Work): Work =>
  async (messages, source) => {
    await source.deleteBatch(messages.map(({ receipt }) => receipt));
    await work(messages, source);
    return failuresOf(messages.map(({ id }) => id));
  };

const emptied = async (queues: readonly Queue[]): Promise<boolean> => {
  const depths = await Promise.all(queues.map((queue) => queue.depth()));
  return depths.every((depth) => depth.visibleCount + depth.inFlightCount + depth.delayedCount === 0);
};

/** All items in one of three shards: the workers of the others have nothing but what they steal. */
const stealingScenario =
  (seen: { stolen: number }, plant: (work: Work) => Work = (work) => work): Scenario =>
  async (w: World) => {
    const { clock, random } = w;
    const [jobs, effects, undeliverable] = [w.table('jobs'), w.table('effects'), w.queue('undeliverable')];
    const shards = ['a', 'b', 'c'].map((name) => w.queue(name, { visibilityMs: VISIBILITY_MS }));
    const runs: string[] = [];
    const boot = () => {
      const worker = batchWorker({
        jobs,
        effects,
        undeliverable,
        clock,
        random,
        log: quiet,
        workers: [recordWorker({ clock, misbehaves: false })],
        maxReceiveCount: 1_000,
        leaseMs: VISIBILITY_MS,
        keepMs: 30 * 86_400_000,
      });
      const work = plant((messages, source) => worker(messages, 5_000, source));
      return workStealing({ shards, work, clock, log: quiet, maxCount: 5, stealFromCount: 1 });
    };
    await w.client(async () => {
      const messages = IDS.map((id) => ({ body: JSON.stringify({ id, worker: 'record' }) }));
      const outcomes = await shards[0]?.sendBatch(messages);
      if (outcomes?.every(({ ok }) => ok) !== true) throw new UnavailableError('shard');
    });
    const drive = async (): Promise<void> => {
      for (let round = 0; round < LIMIT_ROUNDS; round += 1) {
        const endings = await Promise.all(
          shards.map((_, shard) => startProcess(`worker-${shard}`).run(() => boot().turn(shard))),
        );
        const turns = endings.map((ending) => (ending.status === 'ended' ? ending.value : 'idle'));
        runs.push(...turns);
        if (turns.every((turn) => turn === 'idle')) {
          if (await emptied(shards)) return;
          await clock.sleep(VISIBILITY_MS / 2);
        }
      }
      throw new BrokenPromiseError(['the shards were never empty']);
    };
    await w.until(drive());
    seen.stolen += runs.filter((turn) => turn === 'stole').length;
    const done = effects.dump().map(({ fields }) => textOf(fields['id']) ?? '');
    holdAll(lost(IDS, done), twice(done), unexpected(IDS, done));
  };

test('work that is stolen is lost at no crash, and done once, whatever happens to any one write', async () => {
  const seen = { stolen: 0 };
  const { callCount, runCount } = await sweep(stealingScenario(seen));
  expect(callCount).toBeGreaterThan(10);
  expect(seen.stolen).toBeGreaterThan(runCount);
}, 60_000);

test('nor in 100 seeds with everything mixed', async () => {
  const seen = { stolen: 0 };
  const { faultCount } = await seeds(stealingScenario(seen), { count: 100, faultLimitCount: 6 });
  expect(faultCount).toBeGreaterThan(50);
}, 60_000);

test('a thief that deletes before the work is done is caught', async () => {
  await expect(sweep(stealingScenario({ stolen: 0 }, deletesFirst))).rejects.toThrow(/lost: item-/);
}, 60_000);
