import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { PatternError } from '../errors.ts';
import type { Fields, FieldValue, Json, Key } from '../table.ts';
import { ttlSeconds } from '../table-expressions.ts';
import { isList, isSet, RESERVED_FIELDS } from '../table-limits.ts';

export type Attributes = Record<string, AttributeValue>;

/** Hash key, range key and time to live of every table. */
export const keyAttributes = ({ partition, sort }: Key): Attributes => ({ pk: { S: partition }, sk: { S: sort } });

export const ttlAttribute = (expiresAtMs: number): AttributeValue => ({ N: `${ttlSeconds(expiresAtMs)}` });

const mapped = <T>(record: Readonly<Record<string, T>>, attribute: (value: T) => AttributeValue): Attributes =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, attribute(value)]));

export const toAttribute = (value: FieldValue): AttributeValue => {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  // There is no −0 in DynamoDB.
  if (typeof value === 'number') return { N: `${value === 0 ? 0 : value}` };
  if (typeof value === 'boolean') return { BOOL: value };
  if (isSet(value)) return { SS: [...value] };
  if (isList(value)) return { L: value.map((item) => toAttribute(item)) };
  return { M: mapped(value, toAttribute) };
};

export const toAttributes = (fields: Fields): Attributes => mapped(fields, toAttribute);

const jsonFrom = (attribute: AttributeValue): Json => {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return Number(attribute.N);
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  if (attribute.NULL !== undefined) return null;
  if (attribute.L !== undefined) return attribute.L.map(jsonFrom);
  if (attribute.M !== undefined) {
    return Object.fromEntries(Object.entries(attribute.M).map(([name, value]) => [name, jsonFrom(value)]));
  }
  throw new PatternError(
    'primitives/foreign-record',
    `Expected a record of strings, numbers, booleans, nulls, lists, maps and sets of strings, got ${Object.keys(attribute).join()}.`,
  );
};

const fieldFrom = (attribute: AttributeValue): FieldValue =>
  attribute.SS === undefined ? jsonFrom(attribute) : new Set(attribute.SS);

/** @throws {@link PatternError} `primitives/foreign-record` when somebody else wrote a type that the port doesn't know. */
export const fieldsFrom = (attributes: Attributes): Fields =>
  Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => !RESERVED_FIELDS.includes(name))
      .map(([name, attribute]) => [name, fieldFrom(attribute)]),
  );

export const keyFrom = (attributes: Attributes): Key =>
  Object.freeze({ partition: attributes['pk']?.S ?? '', sort: attributes['sk']?.S ?? '' });
