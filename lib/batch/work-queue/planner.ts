import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { distinct, ensureJob, itemBody, type JobPlan } from './job-plan.ts';
import { jobMessage, parseMessage, type JobMessage } from './messages.ts';
import { jitteredPause, persist } from './pause.ts';
import { acceptPart, countPart } from './plan-part.ts';
import { planPages } from './plan-source.ts';
import { jobKey, partKey, readJob, type JobRecord } from './records.ts';
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

/** Why a message will never be planned; undefined when it was. */
type Refusal = string | undefined;

/** What travels with a message to those that it causes. */
const inherited = ({ attributes }: ReceivedMessage): Pick<OutgoingMessage, 'attributes'> =>
  attributes.traceparent === undefined ? {} : { attributes: { traceparent: attributes.traceparent } };

/**
 * Turns the messages of the jobs queue into messages for the workers: a job with its items, a part of an open job, a
 * listing to go on with. Rejects when it could not: the message has to come again.
 *
 * What will be counted is on record before it is sent, and a message is done only when all of it was sent. So a crash
 * anywhere is made up by the message's next delivery: nothing is lost, nothing counted twice; an item may be *sent*
 * twice, which its marker makes harmless.
 *
 * API calls for n items: a list `1 + n/10`; a part `3 + n/99 + n/10`; a source `4 a page of 250 + n/10`.
 */
export const planner = (options: PlannerOptions) => {
  const { jobs, clock, log, keepMs } = options;
  const pause = jitteredPause(options);

  const sender = (jobId: string, worker: string, message: ReceivedMessage) => (items: readonly WorkItem[]) =>
    sendAll(
      options.items,
      items.map((item) => ({ body: itemBody(jobId, worker, item), ...inherited(message) })),
      pause,
    );

  const planSource = async (jobId: string, job: JobRecord, first: number, message: ReceivedMessage): Promise<Refusal> => {
    const { bucket, prefix = '' } = job;
    if (bucket === undefined) return `job ${jobId} has no source`;
    const next = await planPages(first, {
      jobs,
      jobId,
      source: options.sourceOf({ bucket, prefix }),
      send: sender(jobId, job.worker, message),
      expiresAtMs: clock.nowMs() + keepMs,
      pause,
    });
    if (next === 'unknown-page') return `job ${jobId} has not come to page ${first}`;
    if (next === undefined) return undefined;
    await sendAll(options.plans, [{ body: JSON.stringify({ jobId, page: next }), ...inherited(message) }], pause);
    return undefined;
  };

  const planJob = async (jobId: string, plan: JobPlan, message: ReceivedMessage): Promise<Refusal> => {
    const job = await ensureJob(jobId, plan, { jobs, clock, keepMs, pause });
    if (job.kind === 'source') return planSource(jobId, job, 0, message);
    if (job.kind === 'list' && plan.items !== undefined) {
      await sender(jobId, job.worker, message)(distinct(plan.items));
    }
    return undefined;
  };

  const planPart = async (jobId: string, partId: string, items: readonly WorkItem[], message: ReceivedMessage) => {
    const read = () => jobs.getMany([jobKey(jobId), partKey(jobId, partId)]);
    const [job, head] = await persist('read part', pause, read);
    if (head?.planned === true) return undefined;
    const part = { jobs, jobId, partId, expiresAtMs: clock.nowMs() + keepMs, pause };
    const isAccepted = head !== undefined || (job !== undefined && (await acceptPart(part)) === 'accepted');
    if (job === undefined || !isAccepted) return `job ${jobId} takes no items: it is closed, or was never open`;
    await sender(jobId, readJob(job).worker, message)(await countPart(items, part));
    await persist('end part', pause, () => jobs.update({ key: partKey(jobId, partId), set: { planned: true } }));
    return undefined;
  };

  const planPage = async (jobId: string, page: number, message: ReceivedMessage): Promise<Refusal> => {
    const found = await persist('read job', pause, async () => ({ fields: await jobs.get(jobKey(jobId)) }));
    if (found.fields === undefined) return `there is no job ${jobId}`;
    return planSource(jobId, readJob(found.fields), page, message);
  };

  const plan = (body: JobMessage, message: ReceivedMessage): Promise<Refusal> => {
    // A message's id stays the same when it comes again, and so does the job that it begins.
    if ('worker' in body) return planJob(body.jobId ?? message.id, body, message);
    if ('page' in body) return planPage(body.jobId, body.page, message);
    return planPart(body.jobId, body.part ?? message.id, body.items, message);
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseMessage(jobMessage, message.body);
    const reason = parsed.ok ? await plan(parsed.value, message) : parsed.reason;
    if (reason === undefined) return;
    log.warn('plan refused', { message: message.id, reason });
    await sendAll(options.deadLetters, [undeliverable(message, { reason, attempts: message.receiveCount })], pause);
  };
};
