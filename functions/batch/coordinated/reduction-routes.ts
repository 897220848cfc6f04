import * as v from 'valibot';
import { KINDS } from '#batch/coordinated/reduce/kinds';
import { bounds, fanIn } from '#batch/coordinated/reduce/messages';
import { MAX_PART_ITEMS } from '#batch/coordinated/reduce/types';
import { json } from '#batch/message';
import { route } from '#http/api';
import { id } from '#http/schemas';
import { isClean } from '#primitives/utf8';
import { ofResource, source } from '../schemas.ts';
import { count } from '../../shell/schemas.ts';

const MAX_ITEM_ID_BYTES = 1_000;
const MAX_VALUE_LENGTH = 256;

const item = v.strictObject({
  id: id(MAX_ITEM_ID_BYTES),
  value: v.optional(
    v.union(
      [v.pipe(v.number(), v.finite()), v.pipe(v.string(), v.maxLength(MAX_VALUE_LENGTH), v.check(isClean))],
      'Expected a number, or at most 256 characters without NUL and lone surrogates.',
    ),
  ),
  text: v.optional(v.pipe(v.string(), v.check(isClean, 'Expected text without NUL and lone surrogates.'))),
});
const items = v.pipe(
  v.array(item),
  v.maxLength(MAX_PART_ITEMS, `Expected at most ${MAX_PART_ITEMS} items; send more in parts.`),
);

const reduction = v.pipe(
  v.strictObject({
    kind: v.picklist(KINDS, `Expected one of ${KINDS.join(', ')}.`),
    items: v.optional(items),
    source: v.optional(source),
    open: v.optional(v.literal(true)),
    fanIn: v.optional(fanIn),
    buckets: v.optional(bounds),
  }),
  v.check(
    (body) => [body.items, body.source, body.open].filter((each) => each !== undefined).length === 1,
    "Expected exactly one of 'items', 'source' and 'open'.",
  ),
  v.forward(
    v.check((body) => body.buckets === undefined || body.kind === 'histogram', 'Expected none, but for a histogram.'),
    ['buckets'],
  ),
);

const accepted = v.strictObject({ reductionId: v.string() });

export const reductionRoutes = {
  createReduction: route({
    method: 'POST',
    path: '/coordinated/reductions',
    summary: 'Reduce items to one result by a tree of functions: a list, a bucket to list, or items that come in parts',
    body: reduction,
    answers: { 202: accepted },
    problems: [400],
    idempotent: true,
  }),
  addReductionItems: route({
    method: 'POST',
    path: '/coordinated/reductions/{id}/items',
    summary: 'Accept a part of an open reduction; items that it knows by id are not counted again',
    params: ofResource,
    body: v.strictObject({ items }),
    answers: { 202: v.strictObject({ reductionId: v.string(), accepted: count }) },
    problems: [400, 404, 409],
    idempotent: true,
  }),
  closeReduction: route({
    method: 'POST',
    path: '/coordinated/reductions/{id}/close',
    summary: 'Take no more items into an open reduction: the result is there when all accepted parts are reduced',
    params: ofResource,
    answers: { 202: accepted },
    problems: [404, 409],
  }),
  reduction: route({
    method: 'GET',
    path: '/coordinated/reductions/{id}',
    summary: 'How a reduction stands; when it is done, its result and how many items counted',
    params: ofResource,
    answers: {
      200: v.strictObject({
        reductionId: v.string(),
        kind: v.picklist(KINDS),
        status: v.picklist(['open', 'running', 'done', 'failed']),
        parts: count,
        items: v.optional(count),
        result: v.optional(json),
        reason: v.optional(v.string()),
      }),
    },
    problems: [404],
  }),
} as const;
