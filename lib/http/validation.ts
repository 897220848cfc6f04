import * as v from 'valibot';
import type { Schema } from './api.ts';
import type { FieldErrors } from './handlers.ts';

const FIELD_LIMIT = 20;
const NAME_LIMIT = 100;
const MESSAGE_LIMIT = 200;

const shorten = (text: string, limit: number): string =>
  (text.length > limit ? `${text.slice(0, limit - 1)}…` : text).toWellFormed();

/** How a field is called in errors: `items.0.id`, and `body` for the value itself. */
export const fieldName = (path: readonly (string | number)[]): string =>
  path.length === 0 ? 'body' : shorten(path.join('.'), NAME_LIMIT);

const pathOf = (issue: v.BaseIssue<unknown>): readonly (string | number)[] =>
  (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));

const messageOf = (issue: v.BaseIssue<unknown>): string => {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'This field is not known.';
  if (issue.received === 'undefined') return 'This field is missing.';
  return shorten(issue.message, MESSAGE_LIMIT);
};

/** Errors of several sources as one. At most 20 fields are named. */
export const mergeErrors = (all: readonly FieldErrors[]): FieldErrors => {
  const merged = new Map<string, Set<string>>();
  for (const [name, messages] of all.flatMap((errors) => Object.entries(errors))) {
    const known = merged.get(name) ?? new Set();
    for (const message of messages) known.add(message);
    if (merged.size < FIELD_LIMIT) merged.set(name, known);
  }
  return Object.fromEntries([...merged].map(([name, messages]) => [name, [...messages]]));
};

/** Validates a value. What it gives is the schema's output, or what is wrong by field. */
export const validate = (
  schema: Schema,
  value: unknown,
): { readonly value: unknown } | { readonly errors: FieldErrors } => {
  const result = v.safeParse(schema, value);
  if (result.success) return { value: result.output };
  return { errors: mergeErrors(result.issues.map((issue) => ({ [fieldName(pathOf(issue))]: [messageOf(issue)] }))) };
};
