import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { integerText } from '#http/schemas';
import { PROMETHEUS_TEXT } from '#single-node/adapter/exposition';
import { HEALTH_JSON } from '#single-node/adapter/health';
import { logBatchEntries, logSource } from '#single-node/adapter/log-batch';
import { LOG_FORMATS, SEVERITIES } from '#single-node/adapter/log-line';

const MAX_LINES = 1_000;
const MAX_PAGE = 200;
/** What a route gave as cursor is short. */
const MAX_CURSOR_LENGTH = 100;

const status = v.picklist(['pass', 'warn', 'fail']);
const check = v.strictObject({
  componentId: v.string(),
  componentType: v.optional(v.string()),
  observedValue: v.optional(v.union([v.number(), v.string()])),
  observedUnit: v.optional(v.string()),
  status,
  time: v.string(),
  output: v.optional(v.string()),
});
const report = v.strictObject({
  status,
  serviceId: v.optional(v.string()),
  description: v.optional(v.string()),
  checks: v.record(v.string(), v.array(check)),
});

const entry = v.strictObject({
  specversion: v.literal('1.0'),
  id: v.string(),
  source: v.string(),
  type: v.literal('distributed-patterns.log'),
  time: v.string(),
  datacontenttype: v.literal('application/json'),
  severitytext: v.optional(v.picklist(SEVERITIES)),
  severitynumber: v.optional(v.number()),
  traceparent: v.optional(v.string()),
  data: v.strictObject({
    message: v.string(),
    format: v.picklist([...LOG_FORMATS, 'message']),
    fields: v.optional(v.record(v.string(), v.unknown())),
    unparsed: v.optional(v.literal(true)),
    cutFrom: v.optional(v.number()),
  }),
});

const day = v.pipe(v.string(), v.isoDate('Expected a day such as 2026-11-25.'));

/** The adapter over HTTP. A batch of lines may be sent to the queue `logs` as well. */
export const adapterApi = defineApi({
  pattern: 'adapter',
  part: 'single-node',
  chapter: 5,
  title: 'Adapter: different insides, one outside, for metrics, logs and health',
  queues: ['logs'],
  routes: {
    metrics: route({
      method: 'GET',
      path: '/adapter/metrics',
      summary: 'Metrics of queues, tables and programs, in the text format of Prometheus',
      contentType: PROMETHEUS_TEXT,
      answers: { 200: v.string() },
    }),
    addLogs: route({
      method: 'POST',
      path: '/adapter/logs',
      summary: 'Accept lines of nginx, syslog, the Redis slow log, JSON or text, to be brought into one schema',
      body: v.strictObject({
        ...logBatchEntries,
        lines: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(MAX_LINES)),
      }),
      answers: { 202: v.strictObject({ batchId: v.string(), lines: v.number() }) },
      idempotent: true,
    }),
    logs: route({
      method: 'GET',
      path: '/adapter/logs',
      summary: 'The entries of a UTC day, newest first; a page may be empty although there is a cursor',
      query: v.strictObject({
        day: v.optional(day),
        source: v.optional(logSource),
        /** This one and worse. */
        severity: v.optional(v.picklist(SEVERITIES)),
        limit: v.optional(integerText({ min: 1, max: MAX_PAGE })),
        cursor: v.optional(v.pipe(v.string(), v.maxLength(MAX_CURSOR_LENGTH))),
      }),
      answers: { 200: v.strictObject({ day: v.string(), entries: v.array(entry), cursor: v.optional(v.string()) }) },
      problems: [400],
    }),
    health: route({
      method: 'GET',
      path: '/adapter/health',
      summary: 'Health by real queries: 200 for pass and warn, 503 for fail',
      contentType: HEALTH_JSON,
      answers: { 200: report, 503: report },
    }),
  },
});
