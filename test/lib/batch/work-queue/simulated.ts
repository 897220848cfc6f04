import { textOf } from '#primitives/field-values';
import { itemStatusOf } from '#batch/work-queue/records';
import type { JobProgress } from '#batch/work-queue/types';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import {
  BrokenPromiseError,
  falling,
  holdAll,
  lost,
  outOfOrder,
  twice,
  unbalanced,
  unexpected,
} from '#simulation/checkers';
import type { Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { isPoison, workQueueIn, type SimulatedOptions, type SimulatedWorkQueue } from './simulated-place.ts';
import { itemIdOf, someItems } from './world.ts';

/** A job as a client makes it: each step is repeated until it is answered. */
export interface SimulatedJob {
  readonly jobId: string;
  readonly ids: readonly string[];
  /** Ids of which the deadline has passed before anybody could begin them. */
  readonly obsolete?: readonly string[];
  start(w: World, place: SimulatedWorkQueue): Promise<void>;
}

const itemsOf = (ids: readonly string[]) => ids.map((id) => ({ id, payload: null }));
const idsOf = (count: number, prefix: string): readonly string[] => someItems(count).map(({ id }) => prefix + id);

const insistOnItems = (w: World, place: SimulatedWorkQueue, jobId: string, part: string, ids: readonly string[]) =>
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

/** Items packed three to a message. */
export const packedJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['packed', idsOf(count, '')];
  return {
    jobId,
    ids,
    start: async (w, { api }) => {
      await w.client(() => api.createJob(jobId, { worker: 'record', items: itemsOf(ids), pack: 3 }));
    },
  };
};

/** Items of both classes, some of which are obsolete before they are begun, and some never. */
export const urgentJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['urgent', idsOf(count, '')];
  const obsolete = ids.filter((_, at) => at % 3 === 2);
  return {
    jobId,
    ids,
    obsolete,
    start: async (w, { api }) => {
      const items = itemsOf(ids).map((item, at) => ({
        ...item,
        ...(at % 2 === 0 ? {} : { priority: 'high' as const }),
        deadlineAt: obsolete.includes(item.id) ? '1999-12-31T23:59:59Z' : '2999-12-31T23:59:59+01:00',
      }));
      await w.client(() => api.createJob(jobId, { worker: 'record', items }));
    },
  };
};

/** Items in two groups, done in their order. */
export const orderedJob = (count: number): SimulatedJob => {
  const [jobId, ids] = ['ordered', idsOf(count, '')];
  return {
    jobId,
    ids,
    start: async (w, { api }) => {
      const items = itemsOf(ids).map((item, at) => ({ ...item, groupId: groupOf(at) }));
      await w.client(() => api.createJob(jobId, { worker: 'record', items, ordered: true }));
    },
  };
};
const groupOf = (step: number): string => (step % 3 === 0 ? 'third' : 'others');

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

const allResults = async ({ api }: SimulatedWorkQueue, jobId: string): Promise<readonly string[]> => {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.results(jobId, cursor);
    ids.push(...(page?.results ?? []).map(({ id, status }) => `${status} ${id}`));
    cursor = page?.cursor;
  } while (cursor !== undefined);
  return ids;
};

/** What must hold of a job: each item ended, once, as it should, and everybody says the same of it. */
const holdJob = async (
  { jobId, ids, obsolete = [] }: SimulatedJob,
  place: SimulatedWorkQueue,
  isFailing: (id: string) => boolean,
): Promise<void> => {
  const isBad = (id: string): boolean => obsolete.includes(id) || isFailing(id);
  const ends = ids.map((id) => `${isBad(id) ? 'failed' : 'done'} ${id}`);
  const stored = place.effects.dump().filter(({ fields }) => fields['jobId'] === jobId);
  const seen = stored.map(({ fields }) => `${itemStatusOf(fields['status'])} ${textOf(fields['id'])}`);
  const results = await allResults(place, jobId);
  const progress = await place.api.progress(jobId);
  const failed = ids.filter(isBad).length;
  const expected = { total: ids.length, pending: 0, inFlight: 0, done: ids.length - failed, failed };
  const status = failed === 0 ? 'done' : 'done-with-failures';
  const dropped = obsolete.length === 0 ? {} : { obsolete: obsolete.length };
  const isAsExpected = JSON.stringify(progress) === JSON.stringify({ status, ...expected, ...dropped });
  holdAll(
    obsolete.filter((id) => place.begun.has(`${jobId}/${id}`)).map((id) => `${id} of ${jobId} was begun too late`),
    [...lost(ends, seen), ...unexpected(ends, seen)].map((problem) => `effect ${problem} of ${jobId}`),
    [...lost(ends, results), ...unexpected(ends, results), ...twice(results)].map(
      (problem) => `result ${problem} of ${jobId}`,
    ),
    isAsExpected ? [] : [`progress of ${jobId} at the end is ${JSON.stringify(progress)}`],
  );
};

/** What is in the dead letters: exactly the poison, each with its reason. */
const holdLetters = (jobs: readonly SimulatedJob[], letters: readonly ReceivedMessage[]): void => {
  const poison = jobs.flatMap(({ jobId, ids, obsolete = [] }) =>
    ids.filter((id) => isPoison(id) && !obsolete.includes(id)).map((id) => `${jobId}/${id}`),
  );
  const named = letters.map((letter) => `${letter.attributes['jobId']}/${itemIdOf(letter)}`);
  const unreasoned = letters.filter(({ attributes }) => (attributes['reason'] ?? '') === '');
  holdAll(
    [...lost(poison, named), ...unexpected(poison, named)].map((problem) => `dead letter ${problem}`),
    unreasoned.map(({ id }) => `no reason in dead letter ${id}`),
  );
};

/** Reads on whenever something is written: progress, and in which order the items of groups were done. */
const watched = (w: World, place: SimulatedWorkQueue, jobs: readonly SimulatedJob[]) => {
  const reads = new Map(jobs.map(({ jobId }) => [jobId, [] as JobProgress[]]));
  const done = new Set<string>();
  const steps: { readonly group: string; readonly step: number }[] = [];
  const ordered = jobs.find(({ jobId }) => jobId === 'ordered');
  w.watch(async ({ name }) => {
    const tables = name.split(',');
    if (ordered !== undefined && tables.includes('effects')) {
      const all = place.effects.dump().filter(({ fields }) => fields['status'] === 'done');
      const stored = new Set(all.map(({ key }) => key.partition));
      for (const [step, id] of ordered.ids.entries()) {
        const key = `${ordered.jobId}/${id}`;
        if (!stored.has(key) || done.has(key)) continue;
        done.add(key);
        steps.push({ group: groupOf(step), step });
      }
    }
    if (!tables.includes('jobs')) return;
    for (const [jobId, list] of reads) {
      const progress = await place.api.progress(jobId);
      if (progress !== undefined) list.push(progress);
    }
  });
  return {
    hold: () => {
      for (const list of reads.values()) {
        holdAll(unbalanced(list.map(progressOf)), falling(list.map((read) => read.done)));
      }
    },
    holdOrder: () => holdAll(outOfOrder(steps)),
  };
};

const MAX_REDRIVES = 10;

/** Redrives until there is no dead letter any more. What a fault has hidden from one redrive, the next one finds. */
const redriveAll = async (w: World, place: SimulatedWorkQueue): Promise<void> => {
  for (let count = 1; count <= MAX_REDRIVES; count += 1) {
    await w.client(() => place.startRedrive(`redrive-${count}`, {}));
    await w.untilQuiet();
    const depths = await Promise.all(place.dead.map((queue) => queue.depth()));
    if (depths.every(({ visibleCount, inFlightCount }) => visibleCount + inFlightCount === 0)) return;
  }
  throw new BrokenPromiseError([`dead letters are left after ${MAX_REDRIVES} redrives`]);
};

/**
 * Jobs beside each other, through planner, worker and bury, until nothing is left to do; progress is read after every
 * write. With `redrives` the cause of all failures is mended then, and the dead letters are moved back.
 */
export const jobsScenario =
  (
    jobs: readonly SimulatedJob[],
    optionsOf: (w: World) => SimulatedOptions & { readonly redrives?: boolean },
  ): Scenario =>
  async (w) => {
    const { redrives = false, ...options } = optionsOf(w);
    const place = workQueueIn(w, options);
    const watch = watched(w, place, jobs);
    for (const job of jobs) await job.start(w, place);
    await w.untilQuiet();
    watch.holdOrder();
    for (const job of jobs) await holdJob(job, place, isPoison);
    if (redrives) {
      place.mend();
      await redriveAll(w, place);
      for (const job of jobs) await holdJob(job, place, () => false);
    } else {
      holdLetters(jobs, (await Promise.all(place.dead.map(receiveAll))).flat());
    }
    watch.hold();
    const astray = (await Promise.all(place.neverUsed.map(receiveAll))).flat();
    holdAll(astray.map(({ body }) => `given up: ${body}`));
  };
