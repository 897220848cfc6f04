import { createHash } from 'node:crypto';
import { checkInteger, checkNames } from '#primitives/checks';
import { UnavailableError } from '#primitives/errors';
import { absent, type Put, type Table, type TableRecord } from '#primitives/table';
import type { LogEntry } from './log-entry.ts';

/** Days are spread over so many partitions: one of DynamoDB's takes 1 000 writes a second. */
const SHARDS = 4;
/** Writes of a transaction, and bytes of all of them: DynamoDB takes 100 and 4 MB. */
const MAX_WRITES = 100;
const MAX_BYTES = 3_000_000;
const MAX_PAGE = 1_000;
/** A function answers with 6 MB at most. */
const MAX_PAGE_BYTES = 1_000_000;

/** Time, and what tells entries of one instant apart: what comes behind sorts behind. */
const SORT_KEY = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\/\d{5}-[\w-]{22}$/;
const DAY = /^\d{4}-\d\d-\d\d$/;

const partition = (day: string, shard: number): string => `logs/${day}/${shard}`;
const shardOf = (id: string): number => createHash('sha256').update(id).digest().readUInt8(0) % SHARDS;

const putOf = (entry: LogEntry, expiresAtMs: number): Put & { readonly bytes: number } => {
  const body = JSON.stringify(entry);
  const sort = `${entry.time}/${entry.id}`;
  return {
    key: { partition: partition(entry.time.slice(0, 10), shardOf(entry.id)), sort },
    fields: { entry: body },
    expiresAtMs,
    bytes: Buffer.byteLength(body) + 2 * sort.length,
  };
};

/** Splits into parts that one transaction takes. */
const partsOf = (puts: readonly (Put & { readonly bytes: number })[]): readonly (readonly Put[])[] => {
  const parts: { bytes: number; puts: Put[] }[] = [];
  for (const { bytes, ...put } of puts) {
    const last = parts.at(-1);
    if (last === undefined || last.puts.length === MAX_WRITES || last.bytes + bytes > MAX_BYTES)
      parts.push({ bytes, puts: [put] });
    else {
      last.bytes += bytes;
      last.puts.push(put);
    }
  }
  return parts.map((part) => part.puts);
};

export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** To be given as `before` for the next page; absent at the end. */
  readonly next?: string;
}

/** Entries by day, newest first. */
export interface LogStore {
  /**
   * When a batch came first: `receivedAtMs`, unless the same batch came before. One conditional write. A line that does
   * not say when it was written has this time, and so the same place whenever its batch is sent again.
   */
  begin(batch: { readonly source: string; readonly batchId: string }, receivedAtMs: number): Promise<number>;
  /** Writes entries, 100 to a call; those that are there already are written once more, to the same effect. */
  add(entries: readonly LogEntry[], receivedAtMs: number): Promise<void>;
  /**
   * A page of a UTC day (`2026-11-25`): up to `limit` (1..1000) entries and 1 MB are read, those that `filter` wants are
   * given. A page may be empty although there is more. Four calls. Undefined for what is no day, or no `next` of a page of it.
   */
  page(options: {
    readonly day: string;
    readonly before?: string;
    readonly limit: number;
    readonly filter?: (entry: LogEntry) => boolean;
  }): Promise<LogPage | undefined>;
}

/** What the shards gave, newest first, as far down as every one of them was read. */
const mergeShards = (pages: readonly { readonly records: readonly TableRecord[]; readonly next?: string }[]) => {
  // Below this, a shard may have entries that were not read.
  const floor = pages.map(({ next = '' }) => next).reduce((one, other) => (one > other ? one : other), '');
  const records = pages
    .flatMap((page) => page.records)
    .filter(({ key }) => key.sort >= floor)
    .toSorted((one, other) => Number(one.key.sort < other.key.sort) - Number(one.key.sort > other.key.sort));
  return { records, floor };
};

/** As many as may be on one page, one at least. */
const pageOf = (records: readonly TableRecord[], limit: number): readonly TableRecord[] => {
  let bytes = 0;
  const end = records.findIndex(({ fields: { entry } }, at) => {
    bytes += typeof entry === 'string' ? Buffer.byteLength(entry) : 0;
    return at >= limit || (at > 0 && bytes > MAX_PAGE_BYTES);
  });
  return end < 0 ? records : records.slice(0, end);
};

const entryOf = ({ fields }: TableRecord): LogEntry[] => {
  const { entry } = fields;
  return typeof entry === 'string' ? [JSON.parse(entry) as LogEntry] : [];
};

/**
 * Where entries are kept: the key of each is made of its time and its id, so that writing it again changes nothing.
 *
 * @param options.keepMs How long entries are kept after they came.
 */
export const logStore = (options: { readonly table: Table; readonly keepMs: number }): LogStore => {
  checkNames(options, ['table', 'keepMs']);
  const { table, keepMs } = options;
  checkInteger('keepMs', keepMs, 1, 10 * 365 * 86_400_000);

  const write = async (puts: readonly Put[]): Promise<void> => {
    const [only] = puts;
    if (puts.length === 1 && only !== undefined) return void (await table.put(only));
    const outcome = await table.transact(puts.map((put) => ({ kind: 'put', ...put })));
    // Another delivery of the same batch writes at the same time.
    if (outcome.status !== 'written') throw new UnavailableError(`table ${table.name}`);
  };

  return Object.freeze<LogStore>({
    begin: async ({ source, batchId }, receivedAtMs) => {
      const key = { partition: `batches/${source}/${batchId}`, sort: 'batch' };
      const expiresAtMs = receivedAtMs + keepMs;
      const outcome = await table.put({ key, fields: { receivedAtMs }, expiresAtMs, condition: absent() });
      const first = outcome.status === 'written' ? receivedAtMs : outcome.current?.['receivedAtMs'];
      return typeof first === 'number' ? first : receivedAtMs;
    },
    add: async (entries, receivedAtMs) => {
      for (const part of partsOf(entries.map((entry) => putOf(entry, receivedAtMs + keepMs)))) await write(part);
    },
    page: async ({ day, before, limit, filter = () => true }) => {
      checkInteger('limit', limit, 1, MAX_PAGE);
      const isOfDay = before === undefined || (SORT_KEY.test(before) && before.startsWith(`${day}T`));
      if (!DAY.test(day) || !isOfDay) return undefined;
      const query = { limit, descending: true, ...(before === undefined ? {} : { after: before }) };
      const pages = await Promise.all(
        Array.from({ length: SHARDS }, (_, shard) => table.query({ ...query, partition: partition(day, shard) })),
      );
      const { records, floor } = mergeShards(pages);
      const taken = pageOf(records, limit);
      const next = taken.length < records.length ? taken.at(-1)?.key.sort : floor;
      return {
        entries: taken.flatMap(entryOf).filter(filter),
        ...(next === undefined || next === '' ? {} : { next }),
      };
    },
  });
};
