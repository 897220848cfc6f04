import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { OLDEST_EXPIRY_MS } from '#primitives/table-limits';
import { isJsonObject, type JsonObject } from './call.ts';

/** Calls the tables' own server. Rejects when it refuses. */
export type TablesCall = (operation: string, input: JsonObject) => Promise<JsonObject>;

export interface TtlSweep {
  /** Whether the record of a table's stream is that of an item that the sweep removed. */
  isExpiry(table: string, sequenceNumber: bigint): boolean;
  /** Resolves when {@link isExpiry} knows all that is in the streams by now. */
  settled(): Promise<void>;
  /** Ends the sweeping; resolves when none is under way. */
  close(): Promise<void>;
}

export interface TtlSweepOptions {
  readonly call: TablesCall;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const OLDEST_S = OLDEST_EXPIRY_MS / 1_000;
const MAX_TABLES = 500;
const PAGE_SIZE = 500;
/** Of one table in one sweep: the next sweep goes on where this one ended. */
const MAX_PAGES = 100;
/** Removed together. Who reads a stream waits for it, so that it must not take long. */
const BURST_SIZE = 25;
const MAX_KNOWN = 10_000;
const READ_PAGES = 20;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const objectsOf = (value: unknown): readonly JsonObject[] => listOf(value).filter(isJsonObject);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const member = (value: unknown, name: string): unknown => (isJsonObject(value) ? value[name] : undefined);

const keyText = (key: JsonObject): string =>
  JSON.stringify(Object.entries(key).toSorted(([a], [b]) => (a < b ? -1 : 1)));

interface Table {
  readonly name: string;
  readonly attribute: string;
  readonly keyNames: readonly string[];
  readonly streamArn: string | undefined;
}

const conditionOf = (attribute: string, nowMs: number): JsonObject => {
  const nowS = Math.floor(nowMs / 1000);
  return {
    ExpressionAttributeNames: { '#ttl': attribute },
    ExpressionAttributeValues: { ':now': { N: String(nowS) }, ':oldest': { N: String(nowS - OLDEST_S) } },
  };
};
const EXPIRED = '#ttl <= :now AND #ttl > :oldest';

/** The tables with a time to live, by name. */
async function* expiringTables(call: TablesCall): AsyncGenerator<Table> {
  let from: string | undefined;
  for (let seen = 0; seen < MAX_TABLES;) {
    const page = await call('ListTables', from === undefined ? {} : { ExclusiveStartTableName: from });
    const names = listOf(page['TableNames']).map(textOf);
    seen += names.length;
    for (const TableName of names) {
      const described = (await call('DescribeTimeToLive', { TableName }))['TimeToLiveDescription'];
      if (member(described, 'TimeToLiveStatus') !== 'ENABLED') continue;
      const { Table: table } = await call('DescribeTable', { TableName });
      const streamIsOn = member(member(table, 'StreamSpecification'), 'StreamEnabled') === true;
      yield {
        name: TableName,
        attribute: textOf(member(described, 'AttributeName')),
        keyNames: objectsOf(member(table, 'KeySchema')).map((key) => textOf(key['AttributeName'])),
        streamArn: streamIsOn ? textOf(member(table, 'LatestStreamArn')) : undefined,
      };
    }
    from = textOf(page['LastEvaluatedTableName']);
    if (from === '' || names.length === 0) return;
  }
}

/** An iterator at the end of a stream, which has one shard. */
const endOf = async (call: TablesCall, StreamArn: string): Promise<string> => {
  const { StreamDescription } = await call('DescribeStream', { StreamArn });
  const [shard] = objectsOf(member(StreamDescription, 'Shards'));
  const found = await call('GetShardIterator', { StreamArn, ShardId: shard?.['ShardId'], ShardIteratorType: 'LATEST' });
  return textOf(found['ShardIterator']);
};

/** The sequence numbers of the first removal of each key from the iterator on. */
const removalsFrom = async (
  call: TablesCall,
  iterator: string,
  keys: ReadonlySet<string>,
): Promise<readonly bigint[]> => {
  const open = new Set(keys);
  const found: bigint[] = [];
  let from = iterator;
  for (let pages = 0; pages < READ_PAGES && open.size > 0 && from !== ''; pages += 1) {
    const { Records, NextShardIterator } = await call('GetRecords', { ShardIterator: from });
    const records = objectsOf(Records);
    if (records.length === 0) return found;
    for (const { eventName, dynamodb } of records) {
      const key = member(dynamodb, 'Keys');
      if (eventName !== 'REMOVE' || !isJsonObject(key) || !open.delete(keyText(key))) continue;
      found.push(BigInt(textOf(member(dynamodb, 'SequenceNumber'))));
    }
    from = textOf(NextShardIterator);
  }
  return found;
};

/**
 * Removes items whose time to live has passed, every `intervalMs`, as DynamoDB does within days: an item that was
 * renewed meanwhile stays, since the removal states the condition again. Which records of a stream stand for removals
 * by the sweep is known in memory only, for the last 10 000.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export const ttlSweep = (options: TtlSweepOptions): TtlSweep => {
  const { call, clock, log } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const known = new Set<string>();
  /** Where the scan of a table goes on that one sweep did not see to its end. */
  const cursors = new Map<string, JsonObject>();
  let burst: Promise<void> = Promise.resolve();

  const remember = (table: string, numbers: readonly bigint[]): void => {
    for (const number of numbers) known.add(`${table} ${number}`);
    for (const oldest of known) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(oldest);
    }
  };

  const removed = async (table: Table, Key: JsonObject): Promise<boolean> => {
    const condition = { ConditionExpression: EXPIRED, ...conditionOf(table.attribute, clock.nowMs()) };
    try {
      await call('DeleteItem', { TableName: table.name, Key, ...condition });
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes('ConditionalCheckFailed')) return false;
      throw error;
    }
  };

  const removeAll = async (table: Table, keys: readonly JsonObject[]): Promise<void> => {
    const iterator = table.streamArn === undefined ? undefined : await endOf(call, table.streamArn);
    const gone = new Set<string>();
    try {
      for (const key of keys) if (await removed(table, key)) gone.add(keyText(key));
    } finally {
      if (iterator !== undefined && gone.size > 0) remember(table.name, await removalsFrom(call, iterator, gone));
    }
  };

  const sweepTable = async (table: Table): Promise<void> => {
    let from = cursors.get(table.name);
    cursors.delete(table.name);
    for (let pages = 0; pages < MAX_PAGES && !signal.aborted; pages += 1) {
      const { ExpressionAttributeNames: names, ...values } = conditionOf(table.attribute, clock.nowMs());
      const keyNames = Object.fromEntries(table.keyNames.map((name, index) => [`#k${index}`, name]));
      const page = await call('Scan', {
        TableName: table.name,
        Limit: PAGE_SIZE,
        FilterExpression: EXPIRED,
        ProjectionExpression: Object.keys(keyNames).join(', '),
        ExpressionAttributeNames: { ...(isJsonObject(names) ? names : {}), ...keyNames },
        ...values,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      });
      const keys = objectsOf(page['Items']);
      for (let start = 0; start < keys.length && !signal.aborted; start += BURST_SIZE) {
        const work = removeAll(table, keys.slice(start, start + BURST_SIZE));
        burst = work.catch(() => undefined);
        await work;
      }
      from = isJsonObject(page['LastEvaluatedKey']) ? page['LastEvaluatedKey'] : undefined;
      if (from === undefined) return;
    }
    if (from !== undefined) cursors.set(table.name, from);
  };

  const sweep = async (): Promise<void> => {
    try {
      for await (const table of expiringTables(call)) {
        if (signal.aborted) return;
        await sweepTable(table);
      }
    } catch (error) {
      // A table may go while it is swept. The next sweep begins anew.
      if (!signal.aborted) log.warn('the sweep of expired items failed', { error: String(error) });
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(options.intervalMs, signal).catch(() => undefined);
      if (!signal.aborted) await sweep();
    }
  };

  const ended = run();
  return Object.freeze({
    isExpiry: (table: string, sequenceNumber: bigint) => known.has(`${table} ${sequenceNumber}`),
    settled: () => burst,
    close: async () => {
      ending.abort();
      await ended;
    },
  });
};
