import * as v from 'valibot';
import { isClean } from '#primitives/utf8';
import { MAX_ID_LENGTH, MAX_IMAGES, MAX_REGIONS, STEPS } from './types.ts';

const imagesId = v.pipe(
  v.string(),
  v.regex(new RegExp(`^[A-Za-z0-9_-]{1,${MAX_ID_LENGTH}}$`), `Expected 1 to ${MAX_ID_LENGTH} of A-Z a-z 0-9 _ -`),
);
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const part = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));

/** The regions to blur. */
export const regions = v.pipe(
  v.array(v.strictObject({ left: fraction, top: fraction, width: part, height: part })),
  v.maxLength(MAX_REGIONS, `Expected at most ${MAX_REGIONS} regions.`),
);
const image = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_IMAGES));
const key = v.pipe(v.string(), v.minLength(1), v.maxLength(1_024), v.check(isClean, 'Expected text without NUL'));

/** The messages of the queue of images: what HTTP takes, what the pipeline tells itself, and what joins tell the bus. */
export const imageMessage = v.union(
  [
    v.strictObject({
      imagesId: v.optional(imagesId),
      source: v.strictObject({
        bucket: v.pipe(v.string(), v.minLength(3), v.maxLength(63)),
        prefix: v.optional(v.pipe(v.string(), v.check(isClean, 'Expected text without NUL')), ''),
      }),
      blur: v.optional(regions),
      keepOriginals: v.optional(v.boolean()),
    }),
    v.strictObject({ imagesId, image, key, step: v.optional(v.picklist(STEPS)) }),
    v.looseObject({ joinId: v.string(), outcome: v.string() }),
  ],
  'Expected {source: {bucket, prefix}}',
);
export type ImageMessage = v.InferOutput<typeof imageMessage>;
