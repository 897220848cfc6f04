import * as v from 'valibot';

/** What the routes of this pattern have in common. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const resourceId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'Expected 1 to 64 of A-Z a-z 0-9 _ -.'));
export const ofResource = v.strictObject({ id: resourceId });

/** All objects of a bucket under a prefix. */
export const source = v.strictObject({
  bucket: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'Expected the name of a bucket.')),
  prefix: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => text.isWellFormed() && !text.includes('\0'), 'Expected text without NUL and lone surrogates.'),
      v.check((text) => Buffer.byteLength(text) <= 1_024, 'Expected at most 1024 bytes of UTF-8.'),
    ),
    '',
  ),
});
