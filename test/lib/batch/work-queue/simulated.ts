import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { bury } from '#batch/work-queue/bury';
import { planner } from '#batch/work-queue/planner';
import { textOf } from '#batch/work-queue/records';
import { recordWorker } from '#batch/work-queue/record-worker';
import type { JobProgress, Worker } from '#batch/work-queue/types';
import { workQueue } from '#batch/work-queue/work-queue';
import type { Json } from '#primitives/table';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { BrokenPromiseError, falling, holdAll, lost, twice, unbalanced, unexpected } from '#simulation/checkers';
import type { InvocationContext } from '#simulation/function-host';
import type { Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { itemIdOf, quiet, someItems } from './world.ts';

const KEEP_MS = 30 * 24 * 3_600_000;
const VISIBILITY_MS = 30_000;
const TIMEOUT_MS = 5_000;
const RECORDING_MS = 1_500;

export interface SimulatedOptions {
  /** Of items. More than a run has faults, so that what ends as dead letter is what fails by itself. */
  readonly maxReceiveCount: number;
  /** 0: the planner leaves the rest to another message wherever it can. */
  readonly planMs: number;
}

/** What becomes of an item is in its id: of every ten the fifth never succeeds, the eighth not at once. */
const payloadOf = (id: string): Json =>
  id.endsWith('4') ? { fail: 'always' } : id.endsWith('7') ? { fail: 'once' } : { id };
const isPoison = (id: string): boolean => id.endsWith('4');

/** The work queue with all its functions, as the template wires it, in a simulated world. */
const workQueueIn = (w: World, { maxReceiveCount, planMs }: SimulatedOptions) => {
  const { clock, random } = w;
  const [jobs, effects, media] = [w.table('jobs'), w.table('effects'), w.bucket('media')];
  const queue = (name: string, deadLetter: Queue, receives: number): Queue =>
    w.queue(name, { visibilityMs: VISIBILITY_MS, deadLetter: { queue: deadLetter, maxReceiveCount: receives } });
  const [dead, plansDead] = [w.queue('dead-letters'), w.queue('plans-dead-letters')];
  const plans = queue('plans', plansDead, 20);
  const lostItems = queue('undeliverable', dead, 1_000);
  const items = queue('items', lostItems, maxReceiveCount);
  const common = { jobs, effects, clock, random, log: quiet, keepMs: KEEP_MS };

  const record = recordWorker({ clock, misbehaves: true });
  const worker: Worker<Json> = {
    ...record,
    run: (item, how) => record.run({ ...item, payload: payloadOf(item.id) }, how),
  };
  const feed = (name: string, source: Queue, batchSize: number, boot: () => Consume): void => {
    const handler = () => {
      const consume = boot();
      return (event: SqsEvent, context: InvocationContext) =>
        consume(messagesOf(event), context.getRemainingTimeInMillis() - RECORDING_MS);
    };
    w.source({ queue: source, batchSize, function: w.function({ name, timeoutMs: TIMEOUT_MS, boot: handler }) });
  };
  feed('planner', plans, 1, () => {
    const sourceOf = ({ prefix }: { readonly prefix: string }) => bucketSource({ objects: media, prefix });
    const plan = planner({ ...common, items, plans, deadLetters: plansDead, sourceOf });
    return (messages) => partialBatch(messages, (message) => plan(message, planMs));
  });
  feed('worker', items, 10, () =>
    batchWorker({ ...common, undeliverable: lostItems, workers: [worker], maxReceiveCount, leaseMs: VISIBILITY_MS }),
  );
  feed('bury', lostItems, 10, () => {
    const end = bury({ ...common, deadLetters: dead, maxReceiveCount });
    return (messages) => partialBatch(messages, end, { concurrency: 1 });
  });
  const api = workQueue({ jobs, effects, plans, clock, random, keepMs: KEEP_MS });
  return { api, effects, media, dead, plansDead };
};

type Consume = (messages: readonly ReceivedMessage[], timeMs: number) => Promise<unknown>;
type WorkQueueInWorld = ReturnType<typeof workQueueIn>;

/** A job as a client makes it: each step is repeated until it is answered. */
export interface SimulatedJob {
  readonly jobId: string;
  readonly ids: readonly string[];
  start(w: World, place: WorkQueueInWorld): Promise<void>;
}

const itemsOf = (ids: readonly string[]) => ids.map((id) => ({ id, payload: null }));
const idsOf = (count: number, prefix: string): readonly string[] => someItems(count).map(({ id }) => prefix + id);

const insistOnItems = (w: World, place: WorkQueueInWorld, jobId: string, part: string, ids: readonly string[]) =>
  w.client(async () => {
    const outcome = await place.api.addItems(jobId, part, itemsOf(ids));
    if (outcome !== 'accepted') throw new BrokenPromiseError([`part ${part} of ${jobId} was refused: ${outcome}`]);
  });

/** Items in one list, some of them twice. */
export const listJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['list', idsOf(count, '')];
  return {
    jobId,
    ids,
    start: async (w, { api }) => {
      const items = itemsOf([...ids, ...ids.slice(0, 3)]);
      await w.client(() => api.createJob(jobId, { worker: 'record', items }));
    },
  };
};

/** Items in two parts that overlap. */
export const openJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['open', idsOf(count, '')];
  const [third, twoThirds] = [Math.floor(count / 3), Math.floor((2 * count) / 3)];
  return {
    jobId,
    ids,
    start: async (w, place) => {
      await w.client(() => place.api.createJob(jobId, { worker: 'record', open: true }));
      await insistOnItems(w, place, jobId, 'p1', ids.slice(0, twoThirds));
      await insistOnItems(w, place, jobId, 'p2', ids.slice(third));
      await w.client(() => place.api.closeJob(jobId));
    },
  };
};

/** The objects of a bucket, with others beside them. */
export const sourceJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['source', idsOf(count, 'media/')];
  return {
    jobId,
    ids,
    start: async (w, { api, media }) => {
      for (const id of [...ids, 'other']) await w.client(() => media.put(id, new Uint8Array([1])));
      await w.client(() => api.createJob(jobId, { worker: 'record', source: { bucket: 'media', prefix: 'media/' } }));
    },
  };
};

const progressOf = ({ total, pending, inFlight, done, failed }: JobProgress) => ({
  total,
  parts: { pending, inFlight, done, failed },
});

const receiveAll = async (queue: Queue): Promise<readonly ReceivedMessage[]> => {
  const all: ReceivedMessage[] = [];
  for (;;) {
    const page = await queue.receive({ maxCount: 10 });
    if (page.length === 0) return all;
    all.push(...page);
  }
};

const allResults = async ({ api }: WorkQueueInWorld, jobId: string): Promise<readonly string[]> => {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.results(jobId, cursor);
    ids.push(...(page?.results ?? []).map(({ id, status }) => `${status} ${id}`));
    cursor = page?.cursor;
  } while (cursor !== undefined);
  return ids;
};

/** What must hold of a job at the end: each item ended, once, as it should, and everybody says the same of it. */
const holdJob = async ({ jobId, ids }: SimulatedJob, place: WorkQueueInWorld, letters: readonly ReceivedMessage[]) => {
  const ends = ids.map((id) => `${isPoison(id) ? 'failed' : 'done'} ${id}`);
  const stored = place.effects.dump().filter(({ fields }) => fields['jobId'] === jobId);
  const seen = stored.map(({ fields }) => `${textOf(fields['status'])} ${textOf(fields['id'])}`);
  const results = await allResults(place, jobId);
  const poison = ids.filter(isPoison);
  const own = letters.filter(({ attributes }) => attributes['jobId'] === jobId);
  const unreasoned = own.filter(({ attributes }) => (attributes['reason'] ?? '') === '');
  const progress = await place.api.progress(jobId);
  const failed = poison.length;
  const expected = { total: ids.length, pending: 0, inFlight: 0, done: ids.length - failed, failed };
  const status = failed === 0 ? 'done' : 'done-with-failures';
  const isAsExpected = JSON.stringify(progress) === JSON.stringify({ status, ...expected });
  holdAll(
    [...lost(ends, seen), ...unexpected(ends, seen)].map((problem) => `effect ${problem} of ${jobId}`),
    [...lost(ends, results), ...unexpected(ends, results), ...twice(results)].map(
      (each) => `result ${each} of ${jobId}`,
    ),
    [...lost(poison, own.map(itemIdOf)), ...unexpected(poison, own.map(itemIdOf))].map((each) => `dead letter ${each}`),
    unreasoned.map(({ id }) => `no reason in dead letter ${id}`),
    isAsExpected ? [] : [`progress of ${jobId} at the end is ${JSON.stringify(progress)}`],
  );
};

/**
 * Jobs beside each other, through planner, worker and bury, until nothing is left to do; progress is read after every
 * write.
 */
export const jobsScenario =
  (jobs: readonly SimulatedJob[], optionsOf: (w: World) => SimulatedOptions): Scenario =>
  async (w) => {
    const place = workQueueIn(w, optionsOf(w));
    const reads = new Map(jobs.map(({ jobId }) => [jobId, [] as JobProgress[]]));
    w.watch(async ({ name }) => {
      if (!name.split(',').includes('jobs')) return;
      for (const [jobId, list] of reads) {
        const progress = await place.api.progress(jobId);
        if (progress !== undefined) list.push(progress);
      }
    });
    for (const job of jobs) await job.start(w, place);
    await w.untilQuiet();
    for (const list of reads.values()) {
      holdAll(unbalanced(list.map(progressOf)), falling(list.map(({ done }) => done)));
    }
    const letters = await receiveAll(place.dead);
    for (const job of jobs) await holdJob(job, place, letters);
    holdAll((await receiveAll(place.plansDead)).map(({ body }) => `plan lost: ${body}`));
  };
