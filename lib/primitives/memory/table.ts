import { checkNames, checkText, refuse } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { PatternError } from '../errors.ts';
import { queryRange } from '../query-range.ts';
import type { Condition, Fields, Key, Page, Table, TableRecord, Write, WriteOutcome } from '../table.ts';
import {
  checkDelete,
  checkKey,
  checkKeys,
  checkKeysOfTables,
  checkPut,
  checkQuery,
  checkUpdate,
  checkWrites,
  OLDEST_EXPIRY_MS,
} from '../table-limits.ts';
import { compareUtf8 } from '../utf8.ts';
import { holds } from './conditions.ts';
import {
  checkTogether,
  copyFields,
  putRecord,
  recordStore,
  updateRecord,
  type RecordStore,
  type StoredRecord,
} from './records.ts';
import { memoryWire, type MemoryWire, type Operation } from './wire.ts';

/** What a transaction meets that holds a record: an interceptor raises it to make `conflict` of a call. */
export class TransactionConflictError extends PatternError {
  constructor() {
    super('primitives/conflict', 'another transaction holds a record', { retryable: true });
  }
}

export interface MemoryTable extends Table {
  /**
   * Removes the records whose expiry has come within the last five years, and says how many: what DynamoDB does at a
   * time of its own choosing. It never happens by itself here, so that a reader that relied on it is found out.
   */
  sweepExpired(): number;
  /** All records with their expiry, for checkers; ordered by sort key in each partition. Not a call of the API. */
  dump(): readonly (TableRecord & { readonly expiresAtMs?: number })[];
}

export interface MemoryTableOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly wire?: MemoryWire;
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html */
const MAX_PAGE_BYTES = 1_048_576;
/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (ClientRequestToken) */
const TOKEN_MS = 600_000;

type Result = StoredRecord | 'delete' | 'keep';

interface Inner {
  readonly store: RecordStore;
  /** Transactions of the last ten minutes by their token. */
  readonly done: Map<string, { readonly writes: string; readonly atMs: number }>;
}

/** A transaction reaches into the other tables of its writes. */
const inners = new WeakMap<Table, Inner>();

const innerOf = (table: Table): Inner => {
  const inner = inners.get(table);
  if (inner === undefined) throw refuse('table', 'a memory table', table.name);
  return inner;
};

const current = (record: StoredRecord | undefined): Fields | undefined =>
  record === undefined ? undefined : copyFields(record.fields);

const isRefused = (condition: Condition | undefined, record: StoredRecord | undefined): boolean =>
  condition !== undefined && !holds(condition, record?.fields);

const resultOf = (write: Write, record: StoredRecord | undefined): Result => {
  switch (write.kind) {
    case 'put':
      return putRecord(write);
    case 'update':
      return updateRecord(record, write);
    case 'delete':
      return 'delete';
    case 'check':
      return 'keep';
  }
};

const commit = (store: RecordStore, key: Key, result: Result): void => {
  if (result === 'delete') store.delete(key);
  else if (result !== 'keep') store.set(result);
};

const pageOf = (store: RecordStore, options: Parameters<Table['query']>[0]): Page => {
  const { partition, sortPrefix = '', limit = 1000, descending = false } = options;
  const range = queryRange(options);
  if (range.kind === 'nothing') return Object.freeze({ records: [] });
  const matching = store.partition(partition).filter(({ key }) => key.sort.startsWith(sortPrefix));
  const ordered = descending ? matching.toReversed() : matching;
  const records: TableRecord[] = [];
  let bytes = 0;
  for (const { key, fields, sizeBytes } of ordered) {
    const order = range.kind === 'start' ? compareUtf8(key.sort, range.after) : 0;
    if (range.kind === 'start' && (descending ? order >= 0 : order <= 0)) continue;
    records.push(Object.freeze({ key, fields: copyFields(fields) }));
    bytes += sizeBytes;
    // As in DynamoDB a full page has a `next`, also when nothing happens to be left.
    if (records.length === limit || bytes >= MAX_PAGE_BYTES) return Object.freeze({ records, next: key.sort });
  }
  return Object.freeze({ records });
};

const transactIn = (table: Table, clock: Clock, ...[writes, options = {}]: Parameters<Table['transact']>) => {
  const { done } = innerOf(table);
  const nowMs = clock.monotonicMs();
  for (const [token, { atMs }] of done) if (atMs + TOKEN_MS <= nowMs) done.delete(token);
  const { token } = options;
  const text =
    token === undefined
      ? ''
      : JSON.stringify(writes, (_, value: unknown) => (value instanceof Set ? [...value] : value));
  const earlier = token === undefined ? undefined : done.get(token);
  if (earlier !== undefined && earlier.writes !== text) throw refuse('token', 'of the same writes as before', token);
  if (earlier !== undefined) return { status: 'written' } as const;

  const planned = writes.map((write) => {
    const { store } = innerOf(write.table ?? table);
    const record = store.get(write.key);
    return { write, store, record, refused: isRefused(write.condition, record) };
  });
  if (planned.some(({ refused }) => refused)) {
    const refusals = planned.map(({ record, refused }) =>
      refused ? Object.freeze({ current: current(record) }) : undefined,
    );
    return { status: 'refused', refusals: Object.freeze(refusals) } as const;
  }
  // All results first: one that is too large leaves everything as it was.
  const results = planned.map(({ write, record }) => resultOf(write, record));
  checkTogether(
    'writes',
    results.filter((result) => typeof result === 'object'),
  );
  for (const [at, result] of results.entries()) {
    const { write, store } = planned[at] ?? {};
    if (write !== undefined && store !== undefined) commit(store, write.key, result);
  }
  if (token !== undefined) done.set(token, { writes: text, atMs: nowMs });
  return { status: 'written' } as const;
};

/**
 * A table in memory that behaves as DynamoDB does: the same conditions, limits, order and pages, and transactions over
 * several memory tables. Every call is one instant. It never conflicts by itself: raise {@link TransactionConflictError}
 * in an interceptor.
 */
export const memoryTable = (options: MemoryTableOptions): MemoryTable => {
  checkNames(options, ['name', 'clock', 'wire']);
  checkText('name', options.name, 1, 255);
  const { name, clock, wire = memoryWire() } = options;
  const store = recordStore();

  const operation = (
    called: string,
    isWrite: boolean,
    entryCount = 1,
    tables: readonly string[] = [name],
  ): Operation => ({
    primitive: 'table',
    name: tables.join(','),
    operation: `dynamodb.${called}`,
    isWrite,
    entryCount,
  });
  const write = (called: string, one: Write): Promise<WriteOutcome> =>
    wire.call(operation(called, true), (): WriteOutcome => {
      const record = store.get(one.key);
      if (isRefused(one.condition, record)) return Object.freeze({ status: 'refused', current: current(record) });
      commit(store, one.key, resultOf(one, record));
      return Object.freeze({ status: 'written' });
    });
  const readAll = (keys: readonly Key[]) => Object.freeze(keys.map((key) => current(store.get(key))));
  const orConflict = async <T, C>(answer: Promise<T>, conflict: C): Promise<T | C> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof TransactionConflictError) return conflict;
      throw error;
    }
  };

  const table: MemoryTable = Object.freeze<MemoryTable>({
    name,
    get: async (key) => {
      checkKey(key);
      return wire.call(operation('GetItem', false), () => current(store.get(key)));
    },
    getMany: async (keys) => {
      checkKeys(keys);
      if (keys.length === 0) return [];
      return wire.call(operation('BatchGetItem', false, keys.length), () => readAll(keys));
    },
    put: async (put) => {
      checkPut(put);
      return write('PutItem', { ...put, kind: 'put' });
    },
    update: async (update) => {
      checkUpdate(update);
      return write('UpdateItem', { ...update, kind: 'update' });
    },
    delete: async (del) => {
      checkDelete(del);
      return write('DeleteItem', { ...del, kind: 'delete' });
    },
    query: async (request) => {
      checkQuery(request);
      if (queryRange(request).kind === 'nothing') return { records: [] };
      return wire.call(operation('Query', false), () => pageOf(store, request));
    },
    transact: async (writes, how = {}) => {
      checkWrites(name, writes, how);
      const tables = [...new Set(writes.map((one) => one.table?.name ?? name))];
      return orConflict(
        wire.call(operation('TransactWriteItems', true, writes.length, tables), () =>
          Object.freeze(transactIn(table, clock, writes, how)),
        ),
        Object.freeze({ status: 'conflict' }),
      );
    },
    transactGet: async (keys) => {
      checkKeysOfTables(keys);
      if (keys.length === 0) return [];
      const tables = [...new Set(keys.map((one) => one.table?.name ?? name))];
      const read = () => {
        const found = keys.map((one) => innerOf(one.table ?? table).store.get(one));
        // Each record once: twins are one read.
        checkTogether(
          'keys',
          [...new Set(found)].filter((record) => record !== undefined),
        );
        return Object.freeze(found.map(current));
      };
      return orConflict(wire.call(operation('TransactGetItems', false, keys.length, tables), read), undefined);
    },
    sweepExpired: () => {
      const nowMs = clock.nowMs();
      const expired = store
        .all()
        .filter(({ expiresAtMs = Infinity }) => expiresAtMs <= nowMs && expiresAtMs > nowMs - OLDEST_EXPIRY_MS);
      for (const { key } of expired) store.delete(key);
      return expired.length;
    },
    dump: () =>
      store.all().map(({ key, fields, expiresAtMs }) => ({
        key,
        fields: copyFields(fields),
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      })),
  });
  inners.set(table, { store, done: new Map() });
  return table;
};
