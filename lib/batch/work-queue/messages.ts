import * as v from 'valibot';
import { boundedText, json, reference } from '../message.ts';
import { DIRECT } from './records.ts';
import { deadlineAt, priority } from './urgency.ts';

const MAX_ID_BYTES = 1024;
/** Dead letters a second, and what it is when nobody says. */
export const [MIN_RATE, MAX_RATE] = [0.1, 1_000];
export const DEFAULT_RATE = 50;

const jobId = v.pipe(
  reference,
  v.check((text) => text !== DIRECT, `Expected another name than '${DIRECT}', which stands for no job`),
);

// Keys of a bucket come in any normal form, so NFC is asked for where people name items: in the HTTP API.
const itemId = boundedText(MAX_ID_BYTES);

const isWellFormed = (text: string): boolean => text.isWellFormed();
const workerName = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(64),
  v.check(isWellFormed, 'Expected text without lone surrogates'),
);

/** A message of the queues of items. */
export const itemMessage = v.strictObject({
  jobId: v.optional(jobId),
  id: itemId,
  worker: workerName,
  payload: v.optional(json, null),
  /** Tells a redrive where it belongs; which workers take it first, its queue decides. */
  priority: v.optional(priority),
  deadlineAt: v.optional(deadlineAt),
});
export type ItemMessage = v.InferOutput<typeof itemMessage>;

/** The most items in one message: ten such messages and their claims fit into one transaction of 100 writes. */
const MAX_PACK = 9;

/** Several small items in one message. */
export const packMessage = v.strictObject({
  jobId: v.optional(jobId),
  worker: workerName,
  priority: v.optional(priority),
  pack: v.pipe(
    v.array(v.strictObject({ id: itemId, payload: v.optional(json, null), deadlineAt: v.optional(deadlineAt) })),
    v.minLength(1),
    v.maxLength(MAX_PACK),
  ),
});

/** What is left of an item's message that was too long to become a dead letter whole. */
export const truncatedMessage = v.strictObject({
  truncated: v.literal(true),
  bytes: v.number(),
  begin: v.string(),
  jobId: v.optional(jobId),
  id: itemId,
  worker: workerName,
});

/** What SQS takes for a group itself is narrower: the messages carry a digest of it. */
export const groupId = v.pipe(
  v.string(),
  v.check((text) => text.isWellFormed() && text.length > 0 && text.length <= 128, 'Expected 1 to 128 characters'),
);
const item = v.strictObject({
  id: itemId,
  payload: v.optional(json, null),
  groupId: v.optional(groupId),
  priority: v.optional(priority),
  deadlineAt: v.optional(deadlineAt),
});
const prefix = v.optional(v.pipe(v.string(), v.check(isWellFormed, 'Expected text without lone surrogates')), '');
const partition = v.pipe(
  v.string(),
  v.check(
    (text) => text.isWellFormed() && text.length > 0 && Buffer.byteLength(text) <= 2_048,
    'Expected 1 to 2048 bytes',
  ),
);
const source = v.union(
  [
    v.strictObject({ bucket: v.pipe(v.string(), v.minLength(3), v.maxLength(63)), prefix }),
    v.strictObject({ table: v.pipe(v.string(), v.minLength(3), v.maxLength(255)), partition, prefix }),
  ],
  'Expected {bucket, prefix?} or {table, partition, prefix?}',
);

/** How many small items go in one message. */
export const pack = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1, 'Expected at least 1'),
  v.maxValue(MAX_PACK, `Expected at most ${MAX_PACK}`),
);

/** Where to go on: how many items, pages or queues an earlier message has dealt with. Only the functions write it. */
const from = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(99_999_999)), 0);

const newJob = {
  jobId: v.optional(jobId),
  worker: workerName,
  ordered: v.optional(v.boolean()),
  pack: v.optional(pack),
};

/** The messages of the queue of jobs: what HTTP takes as a body, and what the planner tells itself. */
export const jobMessage = v.union(
  [
    v.strictObject({ ...newJob, items: v.array(item), from }),
    v.strictObject({ ...newJob, source, from }),
    v.strictObject({ ...newJob, open: v.literal(true) }),
    /** Items for an open job. `part` names the delivery of a part by HTTP; without it the message does. */
    v.strictObject({ jobId, part: v.optional(jobId), items: v.array(item), from }),
  ],
  'Expected {worker, items}, {worker, source: {bucket, prefix}}, {worker, open: true} or {jobId, items}',
);
export type JobMessage = v.InferOutput<typeof jobMessage>;

/** The body of a message of the queue of jobs. Payloads that say nothing are left out, so that no repeat grows. */
export const planBody = (plan: JobMessage): string =>
  JSON.stringify(
    'items' in plan
      ? { ...plan, items: plan.items.map(({ payload, ...rest }) => (payload === null ? rest : { ...rest, payload })) }
      : plan,
  );

/** A message of the queue of redrives: what HTTP takes as a body, and what the redrive tells itself. */
export const redriveMessage = v.strictObject({
  redriveId: v.optional(jobId),
  ratePerSecond: v.optional(v.pipe(v.number(), v.minValue(MIN_RATE), v.maxValue(MAX_RATE)), DEFAULT_RATE),
  dryRun: v.optional(v.boolean(), false),
  from,
});
