import type { Condition, Fields, FieldValue, Json } from '../table.ts';
import { isList, isSet } from '../table-limits.ts';
import { compareUtf8 } from '../utf8.ts';

const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !isList(value);

/** Equality of DynamoDB: by type and value, deeply; objects without regard to the order of their names. */
const isEqual = (a: Json, b: Json): boolean => {
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, at) => isEqual(item, b[at] ?? null));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isEqual(a[name] ?? null, b[name] ?? null))
    );
  }
  return a === b;
};

/** Less than 0, 0, more than 0; undefined where DynamoDB does not compare: a missing field, another type. */
const compare = (field: FieldValue | undefined, value: number | string): number | undefined => {
  if (typeof field === 'number' && typeof value === 'number') return field - value;
  if (typeof field === 'string' && typeof value === 'string') return compareUtf8(field, value);
  return undefined;
};

/** Whether a condition holds for a record, as DynamoDB would decide it. `fields` undefined: there is no record. */
export const holds = (condition: Condition, fields: Fields | undefined): boolean => {
  switch (condition.kind) {
    case 'absent':
      return fields === undefined || (condition.field !== undefined && !Object.hasOwn(fields, condition.field));
    case 'equals': {
      const value = fieldOf(fields, condition.field);
      return value !== undefined && !isSet(value) && isEqual(value, condition.value);
    }
    case 'lessThan': {
      const order = compare(fieldOf(fields, condition.field), condition.value);
      return order !== undefined && order < 0;
    }
    case 'atMost': {
      const order = compare(fieldOf(fields, condition.field), condition.value);
      return order !== undefined && order <= 0;
    }
    case 'not':
      return !holds(condition.condition, fields);
    case 'and':
      return condition.conditions.every((part) => holds(part, fields));
    case 'or':
      return condition.conditions.some((part) => holds(part, fields));
  }
};

const fieldOf = (fields: Fields | undefined, name: string): FieldValue | undefined =>
  fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
