import * as v from 'valibot';
import { json, recordable } from '#batch/message';
import { isPathStep } from '#batch/coordinated/join/checks';
import { MAX_DEADLINE_MS, MAX_PART } from '#batch/coordinated/join/types';
import { route } from '#http/api';
import { id } from '#http/schemas';
import { ofResource, page } from '../schemas.ts';
import { count } from '../../shell/schemas.ts';

/** No URL can hold `.` or `..` as a step of its path: such a branch could not arrive. */
const branch = v.pipe(
  id(),
  v.check((text) => !isPathStep(text), "Expected another name than '.' and '..'."),
);
const branches = v.pipe(
  v.array(branch),
  v.minLength(1, 'Expected one branch or more.'),
  v.maxLength(MAX_PART, `Expected at most ${MAX_PART} branches; send more in parts.`),
);
/** In a part a branch may also be written as items are elsewhere: `{"id": …}`. */
const named = v.union(
  [
    branch,
    v.pipe(
      v.strictObject({ id: branch }),
      v.transform((item) => item.id),
    ),
  ],
  "Expected the name of a branch: 1 to 256 bytes of UTF-8, NFC, without NUL, not '.' or '..', or {'id': name}.",
);

const join = v.pipe(
  v.strictObject({
    branches: v.optional(branches),
    open: v.optional(v.literal(true)),
    deadlineMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DEADLINE_MS))),
    onDeadline: v.optional(v.picklist(['fail', 'fire'], "Expected 'fail' or 'fire'.")),
  }),
  v.check((body) => (body.branches === undefined) !== (body.open === undefined), "Expected 'branches' or 'open'."),
  v.forward(
    v.check(
      (body) => body.onDeadline === undefined || body.deadlineMs !== undefined,
      "Expected a 'deadlineMs' beside it.",
    ),
    ['onDeadline'],
  ),
);

const data = recordable('data');

const status = v.picklist(['open', 'waiting', 'fired', 'failed']);
const joinView = v.strictObject({
  joinId: v.string(),
  status,
  expected: count,
  arrived: count,
  missing: v.array(v.string()),
  late: v.array(v.string()),
  outcome: v.optional(v.picklist(['complete', 'deadline'])),
});

export const joinRoutes = {
  createJoin: route({
    method: 'POST',
    path: '/coordinated/joins',
    summary: 'Make a join: it fires once, when all of its branches have arrived; an open one gets them in parts',
    body: join,
    answers: { 201: v.strictObject({ joinId: v.string() }) },
    problems: [400],
    idempotent: true,
  }),
  addBranches: route({
    method: 'POST',
    path: '/coordinated/joins/{id}/items',
    summary: 'Add branches to an open join; those that it knows are not added again',
    params: ofResource,
    body: v.strictObject({
      items: v.pipe(
        v.array(named),
        v.minLength(1, 'Expected one branch or more.'),
        v.maxLength(MAX_PART, `Expected at most ${MAX_PART} branches; send more in parts.`),
      ),
    }),
    answers: { 202: v.strictObject({ joinId: v.string(), accepted: count }) },
    problems: [404, 409],
    idempotent: true,
  }),
  closeJoin: route({
    method: 'POST',
    path: '/coordinated/joins/{id}/close',
    summary: 'Take no more branches into an open join: from now on it may fire',
    params: ofResource,
    answers: { 202: v.strictObject({ joinId: v.string() }) },
    problems: [404],
  }),
  arrive: route({
    method: 'POST',
    path: '/coordinated/joins/{id}/arrivals/{branch}',
    summary: 'A branch has arrived; repeats and late arrivals are recorded and change nothing else',
    params: v.strictObject({ ...ofResource.entries, branch }),
    body: v.optional(v.strictObject({ data: v.optional(data) }), {}),
    answers: {
      200: v.strictObject({ status, arrival: v.picklist(['recorded', 'duplicate', 'late']) }),
    },
    problems: [404],
  }),
  join: route({
    method: 'GET',
    path: '/coordinated/joins/{id}',
    summary: 'How a join stands, and who is missing (up to a thousand names)',
    params: ofResource,
    answers: { 200: joinView },
    problems: [404],
  }),
  arrivals: route({
    method: 'GET',
    path: '/coordinated/joins/{id}/arrivals',
    summary: 'What the branches brought along, by name, page by page',
    params: ofResource,
    query: page,
    answers: {
      200: v.strictObject({
        arrivals: v.array(v.strictObject({ branch: v.string(), data: json })),
        cursor: v.optional(v.string()),
      }),
    },
    problems: [400, 404],
  }),
} as const;
