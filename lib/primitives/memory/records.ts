import { refuse } from '../checks.ts';
import type { Fields, Json, Key, Put, Update } from '../table.ts';
import { isList, isSet, valueBytes } from '../table-limits.ts';
import { compareUtf8 } from '../utf8.ts';

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (item size) */
const MAX_RECORD_BYTES = 409_600;

/** Of all records that a transaction leaves, or reads. */
const MAX_TRANSACTION_BYTES = 4_194_304;

/**
 * @param name What the caller gave: `writes` or `keys`.
 * @throws {@link InvalidArgumentError} when records are larger together than one transaction takes
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
 */
export const checkTogether = (name: string, records: readonly StoredRecord[]): void => {
  const bytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes > MAX_TRANSACTION_BYTES) throw refuse(name, `at most ${MAX_TRANSACTION_BYTES} bytes together`, bytes);
};

/** A record as it is kept: never changed, only replaced. */
export interface StoredRecord {
  readonly key: Key;
  readonly fields: Fields;
  readonly expiresAtMs?: number;
  readonly sizeBytes: number;
}

// `__proto__` is a name like any other for a table; an assignment to it would not be.
const objectFrom = <T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> =>
  Object.fromEntries(entries);

export const copyJson = (value: Json): Json => {
  if (typeof value === 'number') return value === 0 ? 0 : value; // A table knows no −0.
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => copyJson(item));
  return objectFrom(Object.entries(value).map(([name, item]) => [name, copyJson(item)] as const));
};

/** A deep copy: what a caller does with its own object changes no record, and the other way round. */
export const copyFields = (fields: Fields): Fields =>
  objectFrom(
    Object.entries(fields).map(([name, value]) => [name, isSet(value) ? new Set(value) : copyJson(value)] as const),
  );

const record = (key: Key, fields: Fields, expiresAtMs: number | undefined): StoredRecord => {
  const { partition, sort } = key;
  const sizeBytes = Object.entries({ pk: partition, sk: sort, ...fields }).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value),
    0,
  );
  if (sizeBytes > MAX_RECORD_BYTES) throw refuse('record', `at most ${MAX_RECORD_BYTES} bytes`, sizeBytes);
  const kept = { key: Object.freeze({ partition, sort }), fields, sizeBytes };
  return Object.freeze(expiresAtMs === undefined ? kept : { ...kept, expiresAtMs });
};

export const putRecord = ({ key, fields, expiresAtMs }: Put): StoredRecord =>
  record(key, copyFields(fields), expiresAtMs);

/** @throws {@link InvalidArgumentError} when `union` names a field that holds something else than a set. */
export const updateRecord = (current: StoredRecord | undefined, update: Update): StoredRecord => {
  const { key, set = {}, remove = [], union = {}, expiresAtMs = current?.expiresAtMs } = update;
  const fields = new Map(Object.entries(current?.fields ?? {}));
  for (const [name, value] of Object.entries(copyFields(set))) fields.set(name, value);
  for (const name of remove) fields.delete(name);
  for (const [name, members] of Object.entries(union)) {
    if (members.length === 0) continue;
    const before = fields.get(name) ?? new Set<string>();
    if (!isSet(before)) throw refuse(name, 'a set of strings, to take members', before);
    fields.set(name, new Set([...before, ...members]));
  }
  return record(key, objectFrom([...fields]), expiresAtMs);
};

/** Where `sort` is or would be among records that are ordered by sort key. */
const placeOf = (records: readonly StoredRecord[], sort: string): number => {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = records[middle];
    if (at !== undefined && compareUtf8(at.key.sort, sort) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** The records of a table, by partition and in the order of their sort keys. */
export interface RecordStore {
  get(key: Key): StoredRecord | undefined;
  set(record: StoredRecord): void;
  delete(key: Key): void;
  /** All records of a partition in order. The list is the store's own: don't keep it. */
  partition(partition: string): readonly StoredRecord[];
  all(): readonly StoredRecord[];
}

export const recordStore = (): RecordStore => {
  const partitions = new Map<string, StoredRecord[]>();
  const at = ({ partition, sort }: Key) => {
    const records = partitions.get(partition) ?? [];
    const place = placeOf(records, sort);
    return { records, place, found: records[place]?.key.sort === sort ? records[place] : undefined };
  };
  return {
    get: (key) => at(key).found,
    set: (next) => {
      const { records, place, found } = at(next.key);
      records.splice(place, found === undefined ? 0 : 1, next);
      partitions.set(next.key.partition, records);
    },
    delete: (key) => {
      const { records, place, found } = at(key);
      if (found === undefined) return;
      records.splice(place, 1);
      if (records.length === 0) partitions.delete(key.partition);
    },
    partition: (partition) => partitions.get(partition) ?? [],
    all: () => [...partitions.values()].flat(),
  };
};
