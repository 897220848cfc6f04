import * as v from 'valibot';
import { isClean } from '#primitives/utf8';
import { REFERENCE } from '#batch/message';

/** A path with the id of a job, a join or a reduction. */
export const ofResource = v.strictObject({
  id: v.pipe(v.string(), v.regex(REFERENCE, 'Expected 1 to 64 of A-Z a-z 0-9 _ -.')),
});

/** The query of a route that gives pages. */
export const page = v.strictObject({ cursor: v.optional(v.pipe(v.string(), v.maxLength(2_048))) });

/** All objects of a bucket under a prefix. */
export const source = v.strictObject({
  bucket: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'Expected the name of a bucket.')),
  prefix: v.optional(
    v.pipe(
      v.string(),
      v.check(isClean, 'Expected text without NUL and lone surrogates.'),
      v.check((text) => Buffer.byteLength(text) <= 1_024, 'Expected at most 1024 bytes of UTF-8.'),
    ),
    '',
  ),
});
