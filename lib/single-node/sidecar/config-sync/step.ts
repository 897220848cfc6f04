import type { Json } from '#primitives/table';

/** What a validator says of a candidate: the value to use (defaults filled in), or why it can't be used. */
export type Validation = { readonly value: Json } | { readonly reason: string };

/** Decides whether a program may get a configuration. Any schema will do; it must be fast and must not throw. */
export type Validate = (candidate: unknown) => Validation;

/** A configuration with its version: an integer from 0 on that grows with every change. */
export interface Config {
  readonly version: number;
  readonly value: Json;
}

/** What a source gave: nobody has looked at it yet. */
export interface ConfigCandidate {
  readonly version: unknown;
  readonly value: unknown;
}

/** What is to be done with what was read. */
export type Decision =
  | { readonly kind: 'apply'; readonly config: Config }
  /** It is the version that the program has. */
  | { readonly kind: 'same' }
  /** There is nothing at the source. */
  | { readonly kind: 'absent' }
  /** A late read, or a source that was set back: the program keeps the newer one. */
  | { readonly kind: 'older'; readonly version: number }
  | { readonly kind: 'refused'; readonly version: number | null; readonly reason: string };

const MAX_REASON_CHARACTERS = 500;

const isVersion = (version: unknown): version is number =>
  typeof version === 'number' && Number.isSafeInteger(version) && version >= 0;

const validated = (validate: Validate, value: unknown): Validation => {
  try {
    return validate(value);
  } catch (error) {
    return { reason: `the validator failed: ${error instanceof Error ? error.message : String(error)}` };
  }
};

/**
 * What to do with a candidate when the program has `current`: a version goes to the program only when it is valid and
 * newer. Pure, as far as `validate` is.
 *
 * @param current The version in the program's file; undefined when there is no file that can be used.
 */
export const decide = (
  current: number | undefined,
  candidate: ConfigCandidate | undefined,
  validate: Validate,
): Decision => {
  if (candidate === undefined) return { kind: 'absent' };
  const { version, value } = candidate;
  if (!isVersion(version)) return { kind: 'refused', version: null, reason: 'its version is no integer from 0 on' };
  if (version === current) return { kind: 'same' };
  if (current !== undefined && version < current) return { kind: 'older', version };
  const result = validated(validate, value);
  if ('reason' in result) return { kind: 'refused', version, reason: result.reason.slice(0, MAX_REASON_CHARACTERS) };
  return { kind: 'apply', config: { version, value: result.value } };
};

/** The text of the program's file. */
export const writeConfig = ({ version, value }: Config): string => `${JSON.stringify({ version, value }, null, 2)}\n`;

/** What is in the program's file; undefined when it is damaged or none of ours. */
export const readConfig = (text: string): Config | undefined => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('version' in parsed) || !('value' in parsed)) return undefined;
  const { version, value } = parsed;
  // JSON.parse gives JSON.
  return isVersion(version) ? { version, value: value as Json } : undefined;
};
