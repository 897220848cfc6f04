import * as v from 'valibot';
import type { Validate } from '#single-node/sidecar/config-sync/step';
import { isClean } from '#primitives/utf8';

/** The configuration by which the legacy program runs. */
export const PROGRAM_CONFIG = 'legacy';

const text = v.pipe(
  v.string(),
  v.minLength(1, 'Expected 1 character or more.'),
  v.maxLength(200, 'Expected at most 200 characters.'),
  v.check(isClean, 'Expected text without NUL and lone surrogates.'),
);

/** What the legacy program takes; it checks nothing itself. */
export const programConfig = v.strictObject({
  greeting: text,
  repeat: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)), 1),
});

export type ProgramConfig = v.InferOutput<typeof programConfig>;

/** What it runs by until somebody puts a configuration. */
export const initialConfig: ProgramConfig = { greeting: 'Hello', repeat: 1 };

/** The same schema for the sidecar: what came into the table on another way than this API is looked at all the same. */
export const validateConfig: Validate = (candidate) => {
  const result = v.safeParse(programConfig, candidate);
  if (result.success) return { value: result.output };
  return { reason: result.issues.map((issue) => `${v.getDotPath(issue) ?? 'value'}: ${issue.message}`).join(' ') };
};
