import { checkInteger, checkNames, checkText, refuse } from './checks.ts';
import { InvalidArgumentError } from './errors.ts';
import type { Check, Condition, Delete, Fields, FieldValue, Json, Key, Put, Table, Update, Write } from './table.ts';
import { conditionExpression, updateExpression } from './table-expressions.ts';

/*
 * What DynamoDB allows, refused alike by every backend.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
const MAX_BATCH_COUNT = 100;
const MAX_PARTITION_BYTES = 2048;
const MAX_SORT_BYTES = 1024;
const MAX_FIELD_NAME_BYTES = 65_535;
const MAX_DEPTH = 32;
const MAX_MAGNITUDE = 9.9999999999999e125;
const MIN_MAGNITUDE = 1e-130;
const MAX_PAGE_COUNT = 1000;
const MAX_TOKEN_CHARACTERS = 36;
/** Operators of one expression. */
const MAX_CONDITION_COUNT = 300;
/** Of one expression, with placeholders for names and values. */
const MAX_EXPRESSION_BYTES = 4096;
/** What expired longer ago is left alone. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html */
export const OLDEST_EXPIRY_MS = 5 * 365 * 86_400_000;
/** Last second of the year 9999: beyond it a time to live is a mistake of units. */
const MAX_EXPIRY_MS = 253_402_300_799_000;

/** The attributes in which the AWS backend keeps key and expiry. A field can't have their names. */
export const RESERVED_FIELDS: readonly string[] = ['pk', 'sk', 'ttl'];

export const checkKey = (key: Key): void => {
  checkNames(key, ['partition', 'sort']);
  checkText('key.partition', key.partition, 1, MAX_PARTITION_BYTES);
  checkText('key.sort', key.sort, 1, MAX_SORT_BYTES);
};

const checkFieldName = (name: string): void => {
  checkText('field name', name, 1, MAX_FIELD_NAME_BYTES);
  if (RESERVED_FIELDS.includes(name)) throw refuse('field name', `none of ${RESERVED_FIELDS.join(', ')}`, name);
};

/** No instance of a class: a Date or a Map would be stored as something else. */
const isPlainObject = (value: object): value is { readonly [name: string]: Json } => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
};

/** @throws {@link InvalidArgumentError} when `value` cannot be the value of a field. */
export const checkJson = (name: string, value: Json, depth = 0): void => {
  if (depth > MAX_DEPTH) throw refuse(name, `nested ${MAX_DEPTH} deep at most`, depth);
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refuse(name, 'well-formed text', value);
  } else if (typeof value === 'number') {
    const magnitude = Math.abs(value);
    const isStorable = value === 0 || (magnitude >= MIN_MAGNITUDE && magnitude <= MAX_MAGNITUDE);
    if (!isStorable) throw refuse(name, `a number of magnitude ${MIN_MAGNITUDE} to ${MAX_MAGNITUDE}, or 0`, value);
  } else if (isList(value)) {
    for (const item of value) checkJson(name, item, depth + 1);
  } else if (typeof value === 'object' && isPlainObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      checkText(name, key, 0, MAX_FIELD_NAME_BYTES);
      checkJson(name, item, depth + 1);
    }
  } else {
    throw refuse(name, 'JSON', value);
  }
};

/** Why `value` cannot be the value of a field, or undefined when it can. */
export const jsonFault = (name: string, value: Json): string | undefined => {
  try {
    checkJson(name, value);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
};

const checkMembers = (name: string, members: Iterable<string>): void => {
  for (const member of members) {
    if (typeof member !== 'string' || !member.isWellFormed()) throw refuse(name, 'made of well-formed texts', member);
  }
};

export const isList = (value: FieldValue): value is readonly Json[] => Array.isArray(value);
export const isSet = (value: FieldValue): value is ReadonlySet<string> => value instanceof Set;

/**
 * What DynamoDB counts of a field's value.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export const valueBytes = (value: FieldValue): number => {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (value === null || typeof value === 'boolean') return 1;
  if (isSet(value)) return [...value].reduce((sum, member) => sum + Buffer.byteLength(member), 0);
  if (isList(value)) return value.reduce<number>((sum, item) => sum + 1 + valueBytes(item), 3);
  return Object.entries(value).reduce((sum, [name, item]) => sum + 1 + Buffer.byteLength(name) + valueBytes(item), 3);
};

const checkFields = (fields: Fields): void => {
  for (const [name, value] of Object.entries(fields)) {
    checkFieldName(name);
    if (!isSet(value)) {
      checkJson(name, value);
      continue;
    }
    if (value.size === 0) throw refuse(name, 'a set of one member or more (leave the field out)', 'an empty set');
    checkMembers(name, value);
  }
};

/** Checks a condition and counts its parts. */
const checkPart = (condition: Condition): number => {
  switch (condition.kind) {
    case 'absent':
      if (condition.field !== undefined) checkFieldName(condition.field);
      return 1;
    case 'equals':
      checkFieldName(condition.field);
      checkJson(condition.field, condition.value);
      return 1;
    case 'lessThan':
    case 'atMost':
      checkFieldName(condition.field);
      if (!['number', 'string'].includes(typeof condition.value)) {
        throw refuse(condition.kind, 'given a number or a text', condition.value);
      }
      checkJson(condition.field, condition.value);
      return 1;
    case 'not':
      return 1 + checkPart(condition.condition);
    case 'and':
    case 'or':
      if (condition.conditions.length === 0) throw refuse(condition.kind, 'made of one condition or more', 0);
      return condition.conditions.reduce((sum, part) => sum + checkPart(part), 1);
  }
};

const checkExpression = (name: string, text = ''): void => {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_EXPRESSION_BYTES) {
    throw refuse(name, `at most ${MAX_EXPRESSION_BYTES} bytes as an expression of DynamoDB`, bytes);
  }
};

const checkPartCount = (condition: Condition | undefined): void => {
  if (condition === undefined) return;
  const count = checkPart(condition);
  if (count > MAX_CONDITION_COUNT) throw refuse('condition', `made of at most ${MAX_CONDITION_COUNT} parts`, count);
};

/** Of a write that has no other expression. */
const checkCondition = (condition: Condition | undefined): void => {
  checkPartCount(condition);
  checkExpression('condition', conditionExpression(condition).condition);
};

const checkExpiry = (expiresAtMs: number | undefined): void => {
  if (expiresAtMs === undefined) return;
  if (!(expiresAtMs >= 0 && expiresAtMs <= MAX_EXPIRY_MS)) {
    throw refuse('expiresAtMs', `milliseconds from 0 to ${MAX_EXPIRY_MS}`, expiresAtMs);
  }
};

export const checkPut = (put: Put): void => {
  checkKey(put.key);
  checkFields(put.fields);
  checkCondition(put.condition);
  checkExpiry(put.expiresAtMs);
};

export const checkUpdate = (update: Update): void => {
  const { key, set = {}, remove = [], union = {} } = update;
  checkKey(key);
  checkFields(set);
  for (const name of remove) checkFieldName(name);
  for (const [name, members] of Object.entries(union)) {
    checkFieldName(name);
    checkMembers(name, members);
  }
  const names = [...Object.keys(set), ...new Set(remove), ...Object.keys(union)];
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw refuse('update', 'of each field in one way (set, remove or union)', twice);
  const isUnion = Object.values(union).some((members) => members.length > 0);
  if (Object.keys(set).length + remove.length === 0 && !isUnion && update.expiresAtMs === undefined) {
    throw refuse('update', 'a change of one field or more, or of the expiry', 'none');
  }
  checkPartCount(update.condition);
  checkExpiry(update.expiresAtMs);
  const { update: changes, condition } = updateExpression(update);
  checkExpression('update', changes);
  checkExpression('condition', condition);
};

export const checkDelete = (del: Delete | Check): void => {
  checkKey(del.key);
  checkCondition(del.condition);
};

export const checkKeys = (keys: readonly Key[]): void => {
  checkInteger('number of keys', keys.length, 0, MAX_BATCH_COUNT);
  for (const key of keys) checkKey(key);
};

/** Keys of which each may name its table. */
export const checkKeysOfTables = (keys: readonly (Key & { readonly table?: Table })[]): void =>
  checkKeys(keys.map(({ table: _table, ...key }) => key));

/** One text for a key of a table: no two keys have the same. */
export const keyText = (key: Key, table = ''): string => JSON.stringify([table, key.partition, key.sort]);

/** @param tableName Of the writes that name no table of their own. */
export const checkWrites = (
  tableName: string,
  writes: readonly (Write & { readonly table?: Table })[],
  options: { readonly token?: string },
): void => {
  checkNames(options, ['token']);
  checkInteger('number of writes', writes.length, 1, MAX_BATCH_COUNT);
  if (options.token !== undefined) checkText('token', options.token, 1, MAX_TOKEN_CHARACTERS);
  const seen = new Set<string>();
  for (const write of writes) {
    if (write.kind === 'put') checkPut(write);
    else if (write.kind === 'update') checkUpdate(write);
    else checkDelete(write);
    const text = keyText(write.key, write.table?.name ?? tableName);
    if (seen.has(text)) throw refuse('writes', 'each on another key', write.key.sort);
    seen.add(text);
  }
};

export const checkQuery = (options: Parameters<Table['query']>[0]): void => {
  checkNames(options, ['partition', 'sortPrefix', 'after', 'limit', 'descending', 'consistent']);
  checkText('partition', options.partition, 1, MAX_PARTITION_BYTES);
  checkText('sortPrefix', options.sortPrefix ?? '', 0, MAX_SORT_BYTES);
  checkText('after', options.after ?? 'a', 1, MAX_SORT_BYTES);
  checkInteger('limit', options.limit ?? MAX_PAGE_COUNT, 1, MAX_PAGE_COUNT);
};
