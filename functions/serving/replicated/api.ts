import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { id, wellFormed } from '#http/schemas';
import { normalized } from './dictionary/words.ts';
import { count } from '../../shell/schemas.ts';

const MAX_WORD_BYTES = 100;

const sense = v.strictObject({
  partOfSpeech: v.picklist(['noun', 'verb', 'adjective', 'adverb']),
  definition: v.string(),
  examples: v.array(v.string()),
  synonyms: v.array(v.string()),
});

const check = v.strictObject({ name: v.string(), ok: v.boolean(), reason: v.optional(v.string()) });

const word = v.pipe(
  id(MAX_WORD_BYTES),
  v.check((text) => normalized(text) !== '', 'Expected a character that is no space.'),
);

/** Whatever the client wants to find again: the body is the session. */
const session = v.pipe(v.record(v.string(), v.unknown()), wellFormed());

/** The replicated service over HTTP. */
export const replicatedApi = defineApi({
  pattern: 'replicated',
  part: 'serving',
  chapter: 6,
  title: 'Replicated load-balanced service: a dictionary with a cache, rate limits and sessions',
  routes: {
    word: route({
      method: 'GET',
      path: '/replicated/dictionary/{word}',
      summary:
        'The senses of a word. x-cache: hit, miss or stale; age: seconds since it was loaded; x-replica: who answered',
      params: v.strictObject({ word }),
      answers: { 200: v.strictObject({ word: v.string(), senses: v.array(sense) }) },
      problems: [400, 404, 429, 503],
    }),
    ready: route({
      method: 'GET',
      path: '/replicated/ready',
      summary: 'Whether to send this replica requests, by what it depends on; GET /health tells whether it is alive',
      answers: {
        200: v.strictObject({
          status: v.picklist(['ready', 'degraded']),
          replica: v.string(),
          checks: v.array(check),
        }),
      },
      problems: [503],
    }),
    cache: route({
      method: 'GET',
      path: '/replicated/cache',
      summary: 'What the cache of this replica came to since it started',
      answers: {
        200: v.strictObject({
          replica: v.string(),
          hitCount: count,
          sharedHitCount: count,
          staleCount: count,
          missCount: count,
          errorCount: count,
          loadCount: count,
          evictedCount: count,
          entryCount: count,
          sizeBytes: count,
          hitRate: v.number(),
        }),
      },
    }),
    putSession: route({
      method: 'PUT',
      path: '/replicated/sessions/{id}',
      summary:
        'Store a session: the body, any object. With if-match only over the version of that etag, with if-none-match: * only a new one',
      body: session,
      answers: { 200: v.looseObject({}) },
      problems: [400, 409, 429],
    }),
    session: route({
      method: 'GET',
      path: '/replicated/sessions/{id}',
      summary: 'The session as it was stored, by whichever replica; etag: its version',
      answers: { 200: v.looseObject({}) },
      problems: [400, 404, 429],
    }),
    deleteSession: route({
      method: 'DELETE',
      path: '/replicated/sessions/{id}',
      summary: 'End a session; one that there is not is ended as well',
      answers: { 204: v.undefined() },
      problems: [400, 429],
    }),
  },
});
