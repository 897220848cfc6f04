import * as v from 'valibot';
import { json, recordable } from '#batch/message';
import { defineApi, route } from '#http/api';
import { id } from '#http/schemas';
import { page } from '../schemas.ts';
import { count } from '../../shell/schemas.ts';

const MAX_EVENTS = 1_000;

const data = recordable('data');
const event = v.strictObject({ id: id(256), key: id(256), type: id(128), data: v.optional(data, null) });
const events = v.pipe(
  v.array(event),
  v.minLength(1, 'Expected 1 event or more.'),
  v.maxLength(MAX_EVENTS, `Expected at most ${MAX_EVENTS} events; send more in parts.`),
);

const name = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/, 'Expected 1 to 64 of a-z 0-9 -.'));
const ofPipeline = v.strictObject({ name });

const stage = v.strictObject({
  stage: v.string(),
  kind: v.picklist(['copier', 'filter', 'splitter', 'sharder', 'worker', 'merger']),
  in: count,
  out: count,
  filtered: v.record(v.string(), count),
  deadLettered: count,
  waiting: count,
  sent: v.record(v.string(), count),
});

const output = v.strictObject({ ...event.entries, data: json, seq: count, input: v.string() });

/** Event-driven batch over HTTP. `{pipeline, events}` may be sent to the queue of events, and published on the bus. */
export const eventDrivenApi = defineApi({
  pattern: 'event-driven',
  part: 'batch',
  chapter: 12,
  title: 'Event-driven batch: copier, filter, splitter, sharder and merger, linked to pipelines that lose nothing',
  queues: ['events.fifo'],
  routes: {
    submit: route({
      method: 'POST',
      path: '/event-driven/pipelines/{name}/events',
      summary: 'Accept events for a pipeline; one that it knows by id is not counted again',
      params: ofPipeline,
      body: v.strictObject({ events }),
      answers: { 202: v.strictObject({ pipeline: v.string(), accepted: count }) },
      problems: [404],
      idempotent: true,
    }),
    pipeline: route({
      method: 'GET',
      path: '/event-driven/pipelines/{name}',
      summary:
        'Per stage what came in, went out, was filtered and why, and is a dead letter: they add up at every read',
      params: ofPipeline,
      answers: {
        200: v.strictObject({ pipeline: v.string(), accepted: count, stages: v.array(stage) }),
      },
      problems: [404],
    }),
    output: route({
      method: 'GET',
      path: '/event-driven/pipelines/{name}/output',
      summary: 'What came out of the merger, each key in its order; the cursor stays good for what comes later',
      params: ofPipeline,
      query: page,
      answers: { 200: v.strictObject({ events: v.array(output), cursor: v.string(), more: v.boolean() }) },
      problems: [400, 404],
    }),
  },
});
