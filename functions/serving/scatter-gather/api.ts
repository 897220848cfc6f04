import * as v from 'valibot';
import { documentsSchema } from '#serving/scatter-gather/documents/messages';
import { defineApi, route } from '#http/api';
import { integerText } from '#http/schemas';
import { isClean } from '#primitives/utf8';
import { count } from '../../shell/schemas.ts';

const MAX_QUERY_LENGTH = 512;
const MAX_LEAVES = 24;

const number = v.pipe(v.number(), v.minValue(0));

const search = v.strictObject({
  q: v.pipe(
    v.string(),
    v.minLength(1, 'Expected 1 character or more.'),
    v.maxLength(MAX_QUERY_LENGTH, `Expected at most ${MAX_QUERY_LENGTH} characters.`),
    v.check(isClean, 'Expected text without NUL and lone surrogates.'),
  ),
  limit: v.optional(integerText({ min: 1, max: 100 }), '10'),
  deadlineMs: v.optional(integerText({ min: 1, max: 8_000 }), '3000'),
  quorum: v.optional(integerText({ min: 1, max: MAX_LEAVES })),
});

const missing = v.strictObject({
  leaf: v.string(),
  reason: v.picklist(['deadline', 'failed', 'throttled', 'garbled']),
});

const found = v.strictObject({
  results: v.array(v.strictObject({ id: v.string(), score: v.number(), excerpt: v.string() })),
  leaves: v.strictObject({ answered: count, missing: v.array(missing) }),
  hedged: count,
  repeated: count,
  tookMs: number,
});

const forecast = v.strictObject({
  leafCount: count,
  latencyMs: number,
  isKnown: v.boolean(),
  leafSecondsPerThousand: number,
});

/** Document search over HTTP. The same body may be sent to the queue of documents. */
export const scatterGatherApi = defineApi({
  pattern: 'scatter-gather',
  part: 'serving',
  chapter: 8,
  title: 'Scatter/gather: all leaves asked, answered by the deadline, who is missing is named',
  queues: ['documents'],
  routes: {
    addDocuments: route({
      method: 'POST',
      path: '/scatter-gather/documents',
      summary: 'Accept documents to be indexed; one that comes under a known id replaces the one before',
      body: documentsSchema,
      answers: { 202: v.strictObject({ accepted: count }) },
      problems: [503],
      idempotent: true,
    }),
    search: route({
      method: 'GET',
      path: '/scatter-gather/search',
      summary: 'Find documents by words, in all leaves that answer by the deadline',
      query: search,
      answers: { 200: found },
      problems: [400, 503],
    }),
    advice: route({
      method: 'GET',
      path: '/scatter-gather/advice',
      summary: 'How many leaves to have, of what the latest calls of this host took',
      query: v.strictObject({ percentile: v.optional(integerText({ min: 50, max: 99 }), '99') }),
      answers: {
        200: v.strictObject({ leafCount: count, sampleCount: count, forecasts: v.array(forecast) }),
      },
      problems: [409],
    }),
  },
});
