import { checkInteger } from '#primitives/checks';
import { checkFunction } from '#primitives/part-checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Fields, Table } from '#primitives/table';
import { buryPlan } from './bury-plan.ts';
import { distinct, ensureJob, itemBody, jobOf, packBody, planFault } from './job-plan.ts';
import { parseMessage } from '../message.ts';
import { itemMessage, jobMessage, packMessage, planBody, type JobMessage } from './messages.ts';
import { traceField } from './logged.ts';
import { jitteredPause, persist } from '../pause.ts';
import { acceptPart, CHUNK_COUNT, countChunk } from './plan-part.ts';
import { packs } from './pack.ts';
import { planPages } from './plan-source.ts';
import { inGroup, sendInOrder } from './order.ts';
import { textOf } from '#primitives/field-values';
import { checkGiven } from './option-checks.ts';
import { jobKey, partKey, readJob, type JobRecord } from './records.ts';
import { sendAll } from './send.ts';
import { PermanentFailure, type JobItem, type SourceReference, type WorkSource } from './types.ts';
import { undeliverable } from './undeliverable.ts';

export interface PlannerOptions {
  readonly jobs: Table;
  /** Where items are sent. */
  readonly items: Queue;
  /** Where those of priority `high` are sent. Without it jobs with such items are refused. */
  readonly urgentItems?: Queue;
  /** Where those of ordered jobs are sent: a FIFO queue. Without it ordered jobs are refused. */
  readonly orderedItems?: Queue;
  /** The planner's own queue: a long listing goes on with a message to it. */
  readonly plans: Queue;
  /** Where messages go that cannot be understood. */
  readonly deadLetters: Queue;
  /** @throws {@link PermanentFailure} for a source that is none here: its job has failed, with that reason. */
  readonly sourceOf: (reference: SourceReference) => WorkSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly keepMs: number;
}

type PlanMessage = Extract<JobMessage, { readonly worker: string }>;
type PartMessage = Exclude<JobMessage, PlanMessage>;

type Send = (items: readonly JobItem[]) => Promise<void>;

/** Why a message will never be planned; undefined when it was. */
type Refusal = string | undefined;

/** What travels with a message to those that it causes. */
const inherited = ({ attributes }: ReceivedMessage): Pick<OutgoingMessage, 'attributes'> =>
  attributes.traceparent === undefined ? {} : { attributes: { traceparent: attributes.traceparent } };

const NOT_ORDERED = 'ordered jobs are not done here';
const NOT_URGENT = 'items of high priority are not done here';
/** Its messages have a queue of their own. */
const isUrgent = ({ priority }: JobItem): boolean => priority === 'high';
/** How long a part waits that has to be planned after another one. */
const WAIT_MS = 1_000;
const MAX_SHOWN = 100;
/** Messages of a list that are sent between two looks at the clock. */
const LIST_STEP_COUNT = 100;

/** Where to go on, and with which items. */
interface Rest {
  readonly from: number;
  readonly items: readonly JobItem[];
}

/**
 * Steps through items, of which `from` went before these, until it is late; gives the rest, undefined at the end. A
 * message for the rest is thereby shorter than the one before it, and its chunks keep their numbers.
 */
const inSteps = async (
  items: readonly JobItem[],
  from: number,
  stepCount: number,
  isLate: () => boolean,
  step: (items: readonly JobItem[], from: number) => Promise<void>,
): Promise<Rest | undefined> => {
  for (let next = 0; next < items.length;) {
    await step(items.slice(next, next + stepCount), from + next);
    next += stepCount;
    if (next < items.length && isLate()) return { from: from + next, items: items.slice(next) };
  }
  return undefined;
};

/**
 * What a source lists has not been read from a message of ours: what the workers would not read is not sent to them.
 *
 * @throws {@link PermanentFailure} which names the first item of which no message can be made
 */
const checkListed = (jobId: string, { worker, pack }: JobRecord, items: readonly JobItem[]): void => {
  for (const item of items) {
    const read =
      pack > 1
        ? parseMessage(packMessage, packBody(jobId, worker, [item]))
        : parseMessage(itemMessage, itemBody(jobId, worker, item));
    if (read.ok) continue;
    const name = JSON.stringify(item.id).slice(0, MAX_SHOWN).toWellFormed();
    throw new PermanentFailure(`item ${name} of the source cannot be sent: ${read.reason}`);
  }
};

/** The first reason alone, however long the chain of parts is. */
const notPlanned = (jobId: string, failure: string): string => {
  const begin = `an earlier part of job ${jobId} was not planned: `;
  return failure.startsWith(begin) ? failure : `${begin}${failure}`;
};

/**
 * Turns the messages of the jobs queue into messages for the workers: a job with its items, a part of an open job, a
 * listing. Rejects when it could not: the message has to come again.
 *
 * What will be counted is on record before it is sent, and a message is done only when all of it was sent, or a message
 * for the rest was. So a crash anywhere is made up by the message's next delivery: nothing is lost, nothing counted
 * twice; an item may be *sent* twice, which its marker makes harmless.
 *
 * The items of an ordered job are sent so that each group keeps its order, its parts one after the other as they were
 * taken. A cancelled job is planned like another, so that its items end; only a listing goes no further.
 *
 * API calls for n items, k to a message: a list `1 + n/10k`; a part `2 + n/99 + n/10`; a source `1 + 4 a page of 250 + n/10`. Ordered:
 * with fewer than ten groups a send for every item of the largest, and 1 or 2 reads a part more.
 */
export const planner = (options: PlannerOptions) => {
  checkGiven(options, ['jobs', 'items', 'plans', 'deadLetters', 'clock', 'random', 'log']);
  checkFunction('sourceOf', options.sourceOf);
  checkInteger('keepMs', options.keepMs, 1, Number.MAX_SAFE_INTEGER);
  const { jobs, clock, log, keepMs } = options;
  const pause = jitteredPause(options);

  const refuse = buryPlan({ ...options, maxReceiveCount: 1 });

  const goOn = (body: JobMessage, message: ReceivedMessage) =>
    sendAll(options.plans, [{ body: planBody(body), ...inherited(message) }], pause);

  const sender = (jobId: string, job: JobRecord, message: ReceivedMessage): Send => {
    const { orderedItems, urgentItems } = options;
    const messageOf = (item: JobItem): OutgoingMessage => ({
      body: itemBody(jobId, job.worker, item),
      ...inherited(message),
    });
    const packed = (items: readonly JobItem[]): readonly OutgoingMessage[] =>
      packs(items, job.pack).map((some) => {
        const [only, ...more] = some;
        if (only !== undefined && more.length === 0) return messageOf(only);
        return { body: packBody(jobId, job.worker, some), ...inherited(message) };
      });
    if (!job.ordered || orderedItems === undefined) {
      return async (items) => {
        const [urgent, others] = [items.filter(isUrgent), items.filter((item) => !isUrgent(item))];
        if (urgentItems !== undefined) await sendAll(urgentItems, packed(urgent), pause);
        await sendAll(options.items, packed(others), pause);
      };
    }
    return (items) =>
      sendInOrder(
        orderedItems,
        items.map((item) => ({ ...messageOf(item), ...inGroup(jobId, item) })),
        pause,
      );
  };

  /** Which queue is missing here for items. */
  const lackOf = (items: readonly JobItem[], { ordered }: Pick<JobRecord, 'ordered'>): Refusal => {
    if (ordered) return options.orderedItems === undefined ? NOT_ORDERED : undefined;
    return options.urgentItems === undefined && items.some(isUrgent) ? NOT_URGENT : undefined;
  };
  const refusalOf = (items: readonly JobItem[], job: Pick<JobRecord, 'ordered' | 'pack'>): Refusal =>
    planFault(items, job) ?? lackOf(items, job);

  const isMade = async (jobId: string): Promise<boolean> => {
    const read = async () => ({ fields: await jobs.get(jobKey(jobId)) });
    return (await persist('read job', pause, read)).fields !== undefined;
  };

  const planJob = async (body: PlanMessage, message: ReceivedMessage, isLate: () => boolean): Promise<Refusal> => {
    // A message's id stays the same when it comes again, and so does the job that it begins.
    const jobId = body.jobId ?? message.id;
    const [asked, items] = [jobOf(body), 'items' in body ? body.items : []];
    const fault = refusalOf(items, asked);
    // What can't be planned begins no job. One that was made before would wait for this message: it has failed.
    if (fault !== undefined && !(await isMade(jobId))) return fault;
    const job = await ensureJob(jobId, body, { jobs, clock, keepMs, pause });
    if ('items' in body && job.kind !== 'list') return `job ${jobId} is another one, not a list`;
    if ('items' in body && body.from === 0 && job.list !== asked.list) return `job ${jobId} was made with other items`;
    if ('source' in body && job.source === undefined) return `job ${jobId} is another one, without a source`;
    const refusal = refusalOf(items, job);
    if (refusal !== undefined && fault !== undefined) throw new PermanentFailure(refusal);
    if (refusal !== undefined || 'open' in body) return refusal;
    const send = sender(jobId, job, message);
    if ('items' in body) {
      const rest = await inSteps(distinct(body.items), body.from, LIST_STEP_COUNT * job.pack, isLate, send);
      if (rest !== undefined) await goOn({ ...body, jobId, ...rest, items: [...rest.items] }, message);
      return undefined;
    }
    if (job.source === undefined) return undefined;
    const source = options.sourceOf(job.source);
    const expiresAtMs = clock.nowMs() + keepMs;
    const next = await planPages(body.from, {
      jobs,
      jobId,
      source,
      isCancelled: job.cancelled,
      send: (listed) => {
        checkListed(jobId, job, listed);
        return send(listed);
      },
      isLate,
      expiresAtMs,
      pause,
    });
    if (next === 'unknown-page') return `job ${jobId} has not come to page ${body.from}`;
    if (next !== undefined) await goOn({ ...body, jobId, from: next }, message);
    return undefined;
  };

  /** Of the part that was taken before this one: whether it has been planned, or why that was given up. */
  const partBefore = async (jobId: string, partId: string, head: Fields | undefined) => {
    const get = (id: string) =>
      persist('read part', pause, async () => ({ fields: await jobs.get(partKey(jobId, id)) }));
    const after = textOf((head ?? (await get(partId)).fields)?.after);
    const fields = after === undefined ? { planned: true } : (await get(after)).fields;
    return { isPlanned: fields?.planned === true, failure: textOf(fields?.failure) };
  };

  /** Leaves a part to a message that comes in a while: without delay it would only be in the way. */
  const comeAgain = (body: PartMessage, message: ReceivedMessage) =>
    sendAll(options.plans, [{ body: planBody(body), delayMs: WAIT_MS, ...inherited(message) }], pause);

  const planPart = async (body: PartMessage, message: ReceivedMessage, isLate: () => boolean): Promise<Refusal> => {
    const { jobId } = body;
    const partId = body.part ?? message.id;
    const read = () => jobs.getMany([jobKey(jobId), partKey(jobId, partId)]);
    const [fields, head] = await persist('read part', pause, read);
    if (head?.planned === true) return undefined;
    const refusal = `job ${jobId} takes no items: it is closed, or was never open`;
    if (fields === undefined) return refusal;
    const job = readJob(fields);
    const fault = planFault(body.items, job);
    if (fault !== undefined && head === undefined) return fault;
    const part = { jobs, jobId, partId, expiresAtMs: clock.nowMs() + keepMs, pause };
    if (head === undefined && (await acceptPart({ ...part, job })) !== 'accepted') return refusal;
    // Taken: its job waits for it, and has failed when it can't be planned.
    const lack = fault ?? lackOf(body.items, job);
    if (lack !== undefined) throw new PermanentFailure(lack);
    if (job.ordered) {
      const { isPlanned, failure = job.failure } = await partBefore(jobId, partId, head);
      if (!isPlanned && failure !== undefined) throw new PermanentFailure(notPlanned(jobId, failure));
      if (!isPlanned) {
        await comeAgain({ ...body, part: partId }, message);
        return undefined;
      }
    }
    const send = sender(jobId, job, message);
    const rest = await inSteps(distinct(body.items), body.from, CHUNK_COUNT, isLate, async (items, from) =>
      send(await countChunk(items, from / CHUNK_COUNT, part)),
    );
    if (rest !== undefined) {
      await goOn({ ...body, part: partId, ...rest, items: [...rest.items] }, message);
      return undefined;
    }
    const ended = { set: { planned: true }, remove: ['failure'] };
    await persist('end part', pause, () => jobs.update({ ...ended, key: partKey(jobId, partId) }));
    return undefined;
  };

  /** @param timeMs After so long the rest is left to another message. At most half of what the platform allows. */
  return async (message: ReceivedMessage, timeMs: number): Promise<void> => {
    const lateAtMs = clock.monotonicMs() + timeMs;
    const isLate = (): boolean => clock.monotonicMs() >= lateAtMs;
    const parsed = parseMessage(jobMessage, message.body);
    const plan = (body: JobMessage): Promise<Refusal> =>
      'worker' in body ? planJob(body, message, isLate) : planPart(body, message, isLate);
    const attempts = String(message.receiveCount);
    let reason: Refusal;
    try {
      reason = parsed.ok ? await plan(parsed.value) : parsed.reason;
    } catch (error) {
      // What no queue, table or source takes will not be taken later either: its job has failed.
      if (!(error instanceof PermanentFailure || error instanceof InvalidArgumentError)) throw error;
      return refuse({ ...message, attributes: { ...message.attributes, reason: error.message, attempts } });
    }
    if (reason === undefined) return;
    log.warn('plan refused', { message: message.id, reason, ...traceField(message) });
    await sendAll(options.deadLetters, [undeliverable(message, { reason, attempts: message.receiveCount })], pause);
  };
};
