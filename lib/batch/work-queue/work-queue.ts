import { checkInteger } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { OutgoingMessage, Queue } from '#primitives/queue';
import { messageFault } from '#primitives/queue-limits';
import { queueText } from '#primitives/queue-text';
import type { Random } from '#primitives/random';
import { absent, equals, not, type Table } from '#primitives/table';
import { parseMessage } from '../message.ts';
import { ensureJob, jobOf, planFault, type JobPlan } from './job-plan.ts';
import { jobMessage } from './messages.ts';
import { jitteredPause, persist } from '../pause.ts';
import { acceptPart } from './plan-part.ts';
import { tally, type Tally } from './progress.ts';
import { checkGiven } from './option-checks.ts';
import { jobKey, jobPartition, readJob } from './records.ts';
import { listDeadLetters, listResults, type DeadLetterPage, type ResultPage } from './results.ts';
import { sendAll } from './send.ts';
import type { JobItem, JobProgress } from './types.ts';

export interface WorkQueueOptions {
  readonly jobs: Table;
  readonly effects: Table;
  /** The planner's queue. */
  readonly plans: Queue;
  readonly clock: Clock;
  readonly random: Random;
  /** How long jobs are kept; as the workers have it. */
  readonly keepMs: number;
}

/** What a client of the work queue calls: the second of the book's three interfaces. */
export interface WorkQueue {
  /**
   * Accepts a job: when it returns, the job will be done, whatever crashes. The same `jobId` again is the same job.
   * `total` is null for a source, 0 for an open job.
   *
   * @throws {@link InvalidArgumentError} before anything is written, for a plan that no planner could read or carry out
   */
  createJob(jobId: string, plan: JobPlan, trace?: string): Promise<{ readonly total: number | null }>;
  /**
   * Accepts items for an open job. Items that the job knows already (by id) are not counted again; the same `partId`
   * again is the same part. `has-order`: the job is ordered, and an item has a priority.
   *
   * @throws {@link InvalidArgumentError} before anything is written, for items that no planner could read
   */
  addItems(
    jobId: string,
    partId: string,
    items: readonly JobItem[],
    trace?: string,
  ): Promise<'accepted' | 'unknown' | 'closed' | 'has-order'>;
  /** Takes no more items into an open job; those that were accepted are still planned. Repeating it is no error. */
  closeJob(jobId: string): Promise<'closed' | 'unknown' | 'not-open'>;
  /**
   * Lets no item of a job begin any more: what was not begun ends as cancelled, what runs ends as it would have, and an
   * open job is closed. Workers see it after a while (their `cancelCacheMs`). Repeating it is no error; a job that has
   * ended stays as it is.
   */
  cancelJob(jobId: string): Promise<'cancelled' | 'unknown'>;
  /** How far a job is; undefined when there is none. One query, and one more for each further MB of its records. */
  progress(jobId: string): Promise<JobProgress | undefined>;
  /**
   * The items that have ended, at most 100 of them, in no order that means anything. A list read while the job runs
   * may miss items that end meanwhile. Undefined for a cursor that no page has given.
   */
  results(jobId: string, cursor?: string): Promise<ResultPage | undefined>;
  /** What ended as dead letter, at most 100, by job. Undefined for a cursor that no page has given. */
  deadLetters(cursor?: string): Promise<DeadLetterPage | undefined>;
}

const MAX_READS = 3;

const readTally = async (jobs: Table, jobId: string): Promise<Tally> => {
  const sum = tally();
  let after: string | undefined;
  do {
    const page = await jobs.query({ partition: jobPartition(jobId), ...(after === undefined ? {} : { after }) });
    for (const record of page.records) sum.add(record);
    after = page.next;
  } while (after !== undefined);
  return sum;
};

const traced = (trace: string | undefined) => (trace === undefined ? {} : { attributes: { traceparent: trace } });

/** @throws {@link InvalidArgumentError} when the planner could not read the message, or its queue does not take it. */
const planMessage = (name: string, plan: object, trace: string | undefined): OutgoingMessage => {
  const message = { body: queueText(JSON.stringify(plan)), ...traced(trace) };
  const parsed = parseMessage(jobMessage, message.body);
  const fault = parsed.ok ? messageFault(message, false) : parsed.reason;
  if (fault === undefined) return message;
  throw new InvalidArgumentError(`Expected '${name}' to be what the planner can take, got ${fault}.`);
};

/**
 * The work queue: jobs of many items that independent workers do, each item with one effect (Burns, chapter 11).
 *
 * Accepted is durable: a call returns when its job or part is in a queue. Rejects with a retryable error when it could
 * not be accepted, or nobody knows; calling again with the same id is safe.
 */
export const workQueue = (options: WorkQueueOptions): WorkQueue => {
  checkGiven(options, ['jobs', 'effects', 'plans', 'clock', 'random']);
  checkInteger('keepMs', options.keepMs, 1, Number.MAX_SAFE_INTEGER);
  const { jobs, effects, plans, clock, keepMs } = options;
  const pause = jitteredPause(options);

  const find = async (jobId: string) => {
    const fields = await jobs.get(jobKey(jobId));
    return fields === undefined ? undefined : readJob(fields);
  };

  return Object.freeze<WorkQueue>({
    createJob: async (jobId, plan, trace) => {
      const { kind, total, ordered, pack } = jobOf(plan);
      const fault = planFault(plan.items ?? [], { ordered, pack });
      if (fault !== undefined)
        throw new InvalidArgumentError(`Expected 'plan' to be one that can be done, got ${fault}.`);
      const message = planMessage('plan', { jobId, ...plan, ...(kind === 'open' ? { open: true } : {}) }, trace);
      await ensureJob(jobId, plan, { jobs, clock, keepMs, pause });
      // An open job has nothing to plan yet.
      if (kind !== 'open') await sendAll(plans, [message], pause);
      return { total: total ?? (kind === 'open' ? 0 : null) };
    },
    addItems: async (jobId, partId, items, trace) => {
      const message = planMessage('items', { jobId, part: partId, items }, trace);
      const job = await find(jobId);
      if (job === undefined) return 'unknown';
      if (job.kind !== 'open') return 'closed';
      if (job.ordered && items.some(({ priority }) => priority !== undefined)) return 'has-order';
      // Sent first, taken then: a crash between the two leaves a part that nobody was promised, and the planner
      // takes it while the job is open. The other way round the job would wait for items that nobody has.
      if (!job.closed) await sendAll(plans, [message], pause);
      return acceptPart({ jobs, jobId, job, partId, expiresAtMs: clock.nowMs() + keepMs, pause });
    },
    closeJob: async (jobId) => {
      const outcome = await persist('close job', pause, () =>
        jobs.update({ key: jobKey(jobId), set: { closed: true }, condition: equals('kind', 'open') }),
      );
      if (outcome.status === 'written') return 'closed';
      return outcome.current === undefined ? 'unknown' : 'not-open';
    },
    cancelJob: async (jobId) => {
      const outcome = await persist('cancel job', pause, () =>
        jobs.update({ key: jobKey(jobId), set: { cancelled: true, closed: true }, condition: not(absent()) }),
      );
      return outcome.status === 'written' ? 'cancelled' : 'unknown';
    },
    progress: async (jobId) => {
      // Read over several pages, an item that is redriven and done meanwhile may be met as failed and as done.
      for (let reads = 1; reads < MAX_READS; reads += 1) {
        const sum = await readTally(jobs, jobId);
        if (!sum.isOver()) return sum.progress(clock.nowMs());
      }
      return (await readTally(jobs, jobId)).progress(clock.nowMs());
    },
    results: (jobId, cursor) => listResults({ jobs, effects, jobId, cursor }),
    deadLetters: (cursor) => listDeadLetters({ jobs, cursor }),
  });
};
