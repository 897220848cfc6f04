import * as v from 'valibot';
import { boundedText, json, reference as joinId } from '../../message.ts';
import { MAX_BRANCHES, MAX_DEADLINE_MS, MAX_PART } from './types.ts';

const MAX_ID_BYTES = 256;
const MAX_DELAY_MS = 900_000;

const branch = v.pipe(
  boundedText(MAX_ID_BYTES),
  v.check((text) => text.normalize('NFC') === text, 'Expected text in Unicode normalization form NFC'),
);
/** More than any deadline has. */
const MAX_HOPS = 1_000_000_000;
/** The last that a Date can tell. */
const MAX_TIME_MS = 8_640_000_000_000_000;
const within = (max: number) => v.pipe(v.number(), v.minValue(0), v.maxValue(max));
const newJoin = {
  joinId: v.optional(joinId),
  deadlineMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DEADLINE_MS))),
  onDeadline: v.optional(v.picklist(['fail', 'fire'])),
};
const named = v.union([
  branch,
  v.pipe(
    v.strictObject({ id: branch }),
    v.transform(({ id }) => id),
  ),
]);
const part = v.pipe(v.array(named), v.minLength(1), v.maxLength(MAX_PART));

/** The messages of the queue of joins: what HTTP takes as a body, with the ids of its path, and what joins tell themselves. */
export const joinMessage = v.union(
  [
    v.strictObject({ ...newJoin, branches: v.pipe(v.array(branch), v.minLength(1), v.maxLength(MAX_BRANCHES)) }),
    v.strictObject({ ...newJoin, open: v.literal(true) }),
    v.strictObject({ joinId, part: v.optional(joinId), items: part }),
    v.strictObject({ joinId, close: v.literal(true) }),
    v.strictObject({ joinId, branch, data: v.optional(json) }),
    v.strictObject({
      joinId,
      watch: v.strictObject({
        hop: v.pipe(within(MAX_HOPS), v.integer()),
        delayMs: within(MAX_DELAY_MS),
        startedAtMs: v.optional(within(MAX_TIME_MS)),
      }),
    }),
  ],
  'Expected {branches}, {open: true}, {joinId, items}, {joinId, close: true} or {joinId, branch}',
);
export type JoinMessage = v.InferOutput<typeof joinMessage>;
