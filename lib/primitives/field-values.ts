import type { FieldValue, Json } from './table.ts';

/** A field that is a number; 0 where it is missing or something else. */
export const numberOf = (value: FieldValue | undefined): number => (typeof value === 'number' ? value : 0);

/** A field that is a text; undefined where it is missing or something else. */
export const textOf = (value: FieldValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** The texts of a field that is a list; none where it is missing or something else. */
export const textsOf = (value: FieldValue | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

/** A field that is JSON; undefined where it is missing or a set. */
export const jsonOf = (value: FieldValue | undefined): Json | undefined =>
  value instanceof Set ? undefined : (value as Json | undefined);
