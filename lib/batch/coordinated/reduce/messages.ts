import * as v from 'valibot';
import { isClean } from '#primitives/utf8';
import { boundedText, reference as reductionId } from '../../message.ts';
import { KINDS, MAX_BOUNDS } from './kinds.ts';
import { MAX_FAN_IN, MAX_PART_ITEMS, MIN_FAN_IN } from './types.ts';

const MAX_ID_BYTES = 1_000;
const MAX_VALUE_LENGTH = 256;

const whole = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));

const itemId = boundedText(MAX_ID_BYTES);

/** An item by message. Which of the two it needs depends on the kind. */
const item = v.strictObject({
  id: itemId,
  value: v.optional(
    v.union([
      v.pipe(v.number(), v.finite()),
      v.pipe(v.string(), v.maxLength(MAX_VALUE_LENGTH), v.check(isClean, 'Expected text without lone surrogates')),
    ]),
  ),
  text: v.optional(v.pipe(v.string(), v.check(isClean, 'Expected text without lone surrogates'))),
});
/** The items of a list, or of a part. */
export const items = v.pipe(v.array(item), v.maxLength(MAX_PART_ITEMS));

/** The bounds of a histogram. */
export const bounds = v.pipe(
  v.array(v.pipe(v.number(), v.finite())),
  v.minLength(1, 'Expected one bound or more.'),
  v.maxLength(MAX_BOUNDS, `Expected at most ${MAX_BOUNDS} bounds.`),
  v.check((list) => list.every((each, at) => at === 0 || (list[at - 1] ?? 0) < each), 'Expected rising bounds.'),
);
export const fanIn = v.pipe(v.number(), v.integer(), v.minValue(MIN_FAN_IN), v.maxValue(MAX_FAN_IN));

const newReduction = {
  reductionId: v.optional(reductionId),
  kind: v.picklist(KINDS),
  fanIn: v.optional(fanIn),
  buckets: v.optional(bounds),
};
const source = v.strictObject({
  bucket: v.pipe(v.string(), v.minLength(3), v.maxLength(63)),
  prefix: v.optional(v.pipe(v.string(), v.check(isClean, 'Expected text without lone surrogates')), ''),
});

/** The messages of the queue of reductions: what HTTP takes as a body, and what reductions tell themselves. */
export const reductionMessage = v.union(
  [
    v.strictObject({ ...newReduction, items }),
    v.strictObject({ ...newReduction, source }),
    v.strictObject({ ...newReduction, open: v.literal(true) }),
    v.strictObject({ reductionId, part: v.optional(reductionId), items }),
    v.strictObject({ reductionId, close: v.literal(true) }),
    v.strictObject({ reductionId, page: whole(99_999_999) }),
    v.strictObject({ reductionId, number: whole(99_999_999) }),
    v.strictObject({ reductionId, merge: v.strictObject({ level: whole(64), index: whole(99_999_999) }) }),
  ],
  'Expected {kind, items}, {kind, source}, {kind, open: true}, {reductionId, items} or {reductionId, close: true}',
);
export type ReductionMessage = v.InferOutput<typeof reductionMessage>;
