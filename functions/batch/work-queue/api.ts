import * as v from 'valibot';
import { json, recordable } from '#batch/message';
import { groupId, MAX_RATE, MIN_RATE, pack } from '#batch/work-queue/messages';
import { deadlineAt, priority } from '#batch/work-queue/urgency';
import { defineApi, route } from '#http/api';
import { id } from '#http/schemas';
import { MAX_LIMIT, MIN_LIMIT } from '#primitives/concurrency-limit';
import { ofResource, page, source } from '../schemas.ts';
import { count } from '../../shell/schemas.ts';

const MAX_ITEMS = 1_000;

/** The workers that this stack has. */
const worker = v.picklist(['record', 'thumbnail'], "Expected 'record' or 'thumbnail'.");

const payload = recordable('payload');
const item = v.strictObject({
  id: id(1_024),
  payload: v.optional(payload, null),
  groupId: v.optional(groupId),
  priority: v.optional(priority),
  deadlineAt: v.optional(deadlineAt),
});
const items = v.pipe(v.array(item), v.maxLength(MAX_ITEMS, `Expected at most ${MAX_ITEMS} items; send more in parts.`));

const job = v.pipe(
  v.strictObject({
    worker,
    items: v.optional(items),
    source: v.optional(source),
    open: v.optional(v.literal(true)),
    ordered: v.optional(v.boolean()),
    pack: v.optional(pack),
  }),
  v.check(
    (body) => [body.items, body.source, body.open].filter((each) => each !== undefined).length === 1,
    "Expected exactly one of 'items', 'source' and 'open'.",
  ),
  v.forward(
    v.check(
      (body) => body.ordered === true || !body.items?.some((each) => each.groupId !== undefined),
      "Expected true, since items have a 'groupId'.",
    ),
    ['ordered'],
  ),
  v.forward(
    v.check(
      (body) => body.ordered !== true || (body.pack ?? 1) === 1,
      'Expected no more than 1, since each item of an ordered job goes by itself.',
    ),
    ['pack'],
  ),
  v.forward(
    v.check(
      (body) => body.ordered !== true || !body.items?.some((each) => each.priority !== undefined),
      "Expected items without a 'priority': in an ordered job their order decides.",
    ),
    ['ordered'],
  ),
);

const progress = v.strictObject({
  status: v.picklist([
    'open',
    'planning',
    'running',
    'done',
    'done-with-failures',
    'cancelling',
    'cancelled',
    'failed',
  ]),
  total: v.nullable(count),
  pending: count,
  inFlight: count,
  done: count,
  failed: count,
  skipped: v.optional(count),
  cancelled: v.optional(count),
  obsolete: v.optional(count),
  reason: v.optional(v.string()),
});

const result = v.strictObject({
  id: v.string(),
  status: v.picklist(['done', 'skipped', 'failed', 'cancelled']),
  output: v.optional(json),
  reason: v.optional(v.string()),
  attempts: count,
});

const deadLetter = v.strictObject({
  jobId: v.optional(v.string()),
  id: v.optional(v.string()),
  worker: v.optional(v.string()),
  reason: v.string(),
  attempts: count,
  at: v.string(),
});

const concurrency = v.pipe(v.number(), v.integer(), v.minValue(MIN_LIMIT), v.maxValue(MAX_LIMIT));
const bounds = v.pipe(
  v.strictObject({
    minConcurrency: concurrency,
    maxConcurrency: concurrency,
    drainMs: v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(86_400_000)),
    downAfterMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(86_400_000))),
  }),
  v.forward(
    v.check(
      ({ minConcurrency, maxConcurrency }) => minConcurrency <= maxConcurrency,
      "Expected no less than 'minConcurrency'.",
    ),
    ['maxConcurrency'],
  ),
);
const scaling = v.pipe(
  v.strictObject({ maximumConcurrency: v.optional(v.nullable(concurrency)), automatic: v.optional(bounds) }),
  v.check(
    (body) => (body.maximumConcurrency === undefined) !== (body.automatic === undefined),
    "Expected exactly one of 'maximumConcurrency' and 'automatic'.",
  ),
);
const decimal = v.nullable(v.number());
const scalingAnswer = v.strictObject({
  mode: v.picklist(['unlimited', 'fixed', 'automatic']),
  maximumConcurrency: v.nullable(v.number()),
  automatic: v.optional(bounds),
  visible: count,
  inFlight: count,
  last: v.optional(
    v.strictObject({
      at: v.string(),
      concurrency: v.number(),
      reason: v.picklist(['up', 'down', 'hold', 'wait', 'learn']),
      arrivalsPerSecond: decimal,
      endsPerSecond: decimal,
      drainMs: decimal,
    }),
  ),
});

const rate = v.pipe(v.number(), v.minValue(MIN_RATE), v.maxValue(MAX_RATE));
const redrive = v.strictObject({ ratePerSecond: v.optional(rate), dryRun: v.optional(v.boolean()) });
const redriveAnswer = v.strictObject({ redriveId: v.string(), dryRun: v.boolean(), deadLetters: count });

/** The work queue over HTTP. The same bodies may be sent to the queue of jobs. */
export const workQueueApi = defineApi({
  pattern: 'work-queue',
  part: 'batch',
  chapter: 11,
  title: 'Work queue: many items, independent workers, one effect each',
  queues: ['jobs', 'items', 'items-high', 'items-ordered.fifo', 'redrives'],
  routes: {
    createJob: route({
      method: 'POST',
      path: '/work-queue/jobs',
      summary: 'Accept a job: a list of items, a bucket to list, or an open job whose items come in parts',
      body: job,
      answers: { 202: v.strictObject({ jobId: v.string(), total: v.nullable(count) }) },
      problems: [400],
      idempotent: true,
    }),
    addItems: route({
      method: 'POST',
      path: '/work-queue/jobs/{id}/items',
      summary: 'Accept a part of an open job; items that it knows by id are not counted again',
      params: ofResource,
      body: v.strictObject({ items }),
      answers: { 202: v.strictObject({ jobId: v.string(), accepted: count }) },
      problems: [400, 404, 409],
      idempotent: true,
    }),
    closeJob: route({
      method: 'POST',
      path: '/work-queue/jobs/{id}/close',
      summary: 'Take no more items into an open job; its total is known when all accepted parts are planned',
      params: ofResource,
      answers: { 202: v.strictObject({ jobId: v.string() }) },
      problems: [404, 409],
    }),
    cancelJob: route({
      method: 'POST',
      path: '/work-queue/jobs/{id}/cancel',
      summary:
        'Begin no more items of a job: those end as cancelled, counted as failed; what runs ends as it would have',
      params: ofResource,
      answers: { 202: v.strictObject({ jobId: v.string() }) },
      problems: [404],
    }),
    job: route({
      method: 'GET',
      path: '/work-queue/jobs/{id}',
      summary: 'How far a job is: total = pending + inFlight + done + failed at every read',
      params: ofResource,
      answers: { 200: v.strictObject({ jobId: v.string(), ...progress.entries }) },
      problems: [404],
    }),
    results: route({
      method: 'GET',
      path: '/work-queue/jobs/{id}/results',
      summary: 'The items that have ended, page by page; a page may be empty although there is a cursor',
      params: ofResource,
      query: page,
      answers: { 200: v.strictObject({ results: v.array(result), cursor: v.optional(v.string()) }) },
      problems: [400, 404],
    }),
    deadLetters: route({
      method: 'GET',
      path: '/work-queue/dead-letters',
      summary: 'What ended as dead letter, with reasons, page by page',
      query: page,
      answers: { 200: v.strictObject({ deadLetters: v.array(deadLetter), cursor: v.optional(v.string()) }) },
      problems: [400],
    }),
    redrive: route({
      method: 'POST',
      path: '/work-queue/dead-letters/redrive',
      summary: 'Move the dead letters back to be done, so many a second; or only tell how many there are',
      body: redrive,
      answers: { 200: redriveAnswer, 202: redriveAnswer },
      admin: true,
      idempotent: true,
    }),
    scaling: route({
      method: 'GET',
      path: '/work-queue/scaling',
      summary: 'How many invocations may work on the queue of items at a time, and what decides it',
      answers: { 200: scalingAnswer },
    }),
    planScaling: route({
      method: 'PUT',
      path: '/work-queue/scaling',
      summary: 'Let a number of invocations work at a time: a fixed one (null: no limit), or what the controller says',
      body: scaling,
      answers: { 200: scalingAnswer },
      admin: true,
    }),
  },
});
