import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { distinct, ensureJob, itemBody } from './job-plan.ts';
import { jobMessage, parseMessage, type JobMessage } from './messages.ts';
import { jitteredPause, persist } from './pause.ts';
import { acceptPart, CHUNK_COUNT, countChunk } from './plan-part.ts';
import { planPages } from './plan-source.ts';
import { jobKey, partKey, readJob } from './records.ts';
import { sendAll } from './send.ts';
import type { SourceReference, WorkItem, WorkSource } from './types.ts';
import { undeliverable } from './undeliverable.ts';

export interface PlannerOptions {
  readonly jobs: Table;
  /** Where items are sent. */
  readonly items: Queue;
  /** The planner's own queue: a long listing goes on with a message to it. */
  readonly plans: Queue;
  /** Where messages go that cannot be understood. */
  readonly deadLetters: Queue;
  readonly sourceOf: (reference: SourceReference) => WorkSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly keepMs: number;
}

type PlanMessage = Extract<JobMessage, { readonly worker: string }>;
type PartMessage = Exclude<JobMessage, PlanMessage>;

/** Why a message will never be planned; undefined when it was. */
type Refusal = string | undefined;

/** What travels with a message to those that it causes. */
const inherited = ({ attributes }: ReceivedMessage): Pick<OutgoingMessage, 'attributes'> =>
  attributes.traceparent === undefined ? {} : { attributes: { traceparent: attributes.traceparent } };

/** Items of a list that are sent between two looks at the clock. */
const LIST_STEP_COUNT = 100;

/** Steps through items from `from` on, until it is late; gives where to go on, undefined at the end. */
const inSteps = async (
  items: readonly WorkItem[],
  from: number,
  stepCount: number,
  isLate: () => boolean,
  step: (items: readonly WorkItem[], from: number) => Promise<void>,
): Promise<number | undefined> => {
  for (let next = from; next < items.length;) {
    await step(items.slice(next, next + stepCount), next);
    next += stepCount;
    if (next < items.length && isLate()) return next;
  }
  return undefined;
};

/**
 * Turns the messages of the jobs queue into messages for the workers: a job with its items, a part of an open job, a
 * listing. Rejects when it could not: the message has to come again.
 *
 * What will be counted is on record before it is sent, and a message is done only when all of it was sent, or a message
 * for the rest was. So a crash anywhere is made up by the message's next delivery: nothing is lost, nothing counted
 * twice; an item may be *sent* twice, which its marker makes harmless.
 *
 * API calls for n items: a list `1 + n/10`; a part `2 + n/99 + n/10`; a source `1 + 4 a page of 250 + n/10`.
 */
export const planner = (options: PlannerOptions) => {
  const { jobs, clock, log, keepMs } = options;
  const pause = jitteredPause(options);

  const goOn = async (body: JobMessage, jobId: string, from: number | undefined, message: ReceivedMessage) => {
    if (from === undefined) return;
    await sendAll(options.plans, [{ body: JSON.stringify({ ...body, jobId, from }), ...inherited(message) }], pause);
  };

  const sender = (jobId: string, worker: string, message: ReceivedMessage) => (items: readonly WorkItem[]) =>
    sendAll(
      options.items,
      items.map((item) => ({ body: itemBody(jobId, worker, item), ...inherited(message) })),
      pause,
    );

  const planJob = async (body: PlanMessage, message: ReceivedMessage, isLate: () => boolean): Promise<Refusal> => {
    // A message's id stays the same when it comes again, and so does the job that it begins.
    const jobId = body.jobId ?? message.id;
    const job = await ensureJob(jobId, body, { jobs, clock, keepMs, pause });
    if ('open' in body) return undefined;
    const send = sender(jobId, job.worker, message);
    if ('items' in body) {
      if (job.kind !== 'list') return `job ${jobId} is another one, not a list`;
      await goOn(body, jobId, await inSteps(distinct(body.items), body.from, LIST_STEP_COUNT, isLate, send), message);
      return undefined;
    }
    if (job.bucket === undefined) return `job ${jobId} is another one, without a source`;
    const source = options.sourceOf({ bucket: job.bucket, prefix: job.prefix ?? '' });
    const expiresAtMs = clock.nowMs() + keepMs;
    const next = await planPages(body.from, { jobs, jobId, source, send, isLate, expiresAtMs, pause });
    if (next === 'unknown-page') return `job ${jobId} has not come to page ${body.from}`;
    await goOn(body, jobId, next, message);
    return undefined;
  };

  const planPart = async (body: PartMessage, message: ReceivedMessage, isLate: () => boolean): Promise<Refusal> => {
    const { jobId } = body;
    const partId = body.part ?? message.id;
    const read = () => jobs.getMany([jobKey(jobId), partKey(jobId, partId)]);
    const [job, head] = await persist('read part', pause, read);
    if (head?.planned === true) return undefined;
    const part = { jobs, jobId, partId, expiresAtMs: clock.nowMs() + keepMs, pause };
    const isAccepted = head !== undefined || (job !== undefined && (await acceptPart(part)) === 'accepted');
    if (job === undefined || !isAccepted) return `job ${jobId} takes no items: it is closed, or was never open`;
    const send = sender(jobId, readJob(job).worker, message);
    const next = await inSteps(distinct(body.items), body.from, CHUNK_COUNT, isLate, async (items, from) =>
      send(await countChunk(items, from / CHUNK_COUNT, part)),
    );
    await goOn({ ...body, part: partId }, jobId, next, message);
    if (next !== undefined) return undefined;
    await persist('end part', pause, () => jobs.update({ key: partKey(jobId, partId), set: { planned: true } }));
    return undefined;
  };

  /** @param timeMs After so long the rest is left to another message. At most half of what the platform allows. */
  return async (message: ReceivedMessage, timeMs: number): Promise<void> => {
    const lateAtMs = clock.monotonicMs() + timeMs;
    const isLate = (): boolean => clock.monotonicMs() >= lateAtMs;
    const parsed = parseMessage(jobMessage, message.body);
    const plan = (body: JobMessage): Promise<Refusal> =>
      'worker' in body ? planJob(body, message, isLate) : planPart(body, message, isLate);
    const reason = parsed.ok ? await plan(parsed.value) : parsed.reason;
    if (reason === undefined) return;
    log.warn('plan refused', { message: message.id, reason });
    await sendAll(options.deadLetters, [undeliverable(message, { reason, attempts: message.receiveCount })], pause);
  };
};
