import { jsonFault } from '#primitives/table-limits';
import type { Json } from '#primitives/table';

/** The deepest nesting of a message: writers of JSON give up far below what readers accept. */
const MAX_DEPTH = 32;

/** Names that reach into prototypes: what writes a record for DynamoDB loses them, or breaks. HTTP refuses them too. */
export const FORBIDDEN_NAMES = ['__proto__', 'constructor', 'prototype'];

/** What stands against a value of JSON wherever it goes: its nesting, or a name in it. Undefined for nothing. */
export const shapeFault = (value: unknown, depth = MAX_DEPTH): string | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === 0) return `nested deeper than ${MAX_DEPTH}`;
  for (const [name, inner] of Object.entries(value)) {
    if (FORBIDDEN_NAMES.includes(name)) return `the name '${name}' is not allowed`;
    const fault = shapeFault(inner, depth - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

/** Why a table would refuse a value, alone and thereby with all that is written with it; undefined when it would not. */
export const recordFault = (name: string, value: Json): string | undefined => {
  const fault = shapeFault(value);
  return fault === undefined ? jsonFault(name, value) : `${name}: ${fault}`;
};
