import type { WireStreamRecord } from '#event-sources/stream-event';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { StreamCallError } from './stream-api.ts';
import type { ShardStart, StreamApi } from './stream-api.ts';

/** How far a mapping has read a shard. */
export interface ShardPosition {
  /** From where to ask for an iterator. */
  readonly start: ShardStart;
  /** One that stands there already. It tells LATEST of then from LATEST of now. */
  readonly iterator?: string;
  /** The shard has ended, and all of it is done. */
  readonly done?: boolean;
}

export interface ShardReaderOptions {
  readonly api: StreamApi;
  readonly shardId: string;
  readonly position: ShardPosition;
  /** How many records there is room for. */
  readonly room: () => number;
  readonly onRecords: (records: readonly WireStreamRecord[]) => void;
  /** The place where reading begins is held: what is written from now on is read. */
  readonly onHeld: () => void;
  /** The shard has no more, and never will. */
  readonly onClosed: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ShardReader {
  /** Where reading goes on. */
  readonly position: ShardPosition;
  /** There may be room again. */
  nudge(): void;
}

/** What one GetRecords can bring. */
const READ_SIZE = 1000;
/** Lambda asks each shard four times a second. @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
const IDLE_MS = 250;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Reads a shard in order, as fast as there is room, until the signal or the end of the shard. No error ends it. */
export const readShard = (options: ShardReaderOptions): ShardReader => {
  const { api, shardId, clock, signal } = options;
  let { start, iterator } = options.position;
  let errorsInARow = 0;
  let isHeld = false;
  let roomFreed = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => roomFreed.resolve(), { once: true });

  const sleep = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => undefined);

  const recover = async (error: unknown): Promise<void> => {
    if (signal.aborted) return;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(errorsInARow, 10), LONGEST_PAUSE_MS);
    errorsInARow += 1;
    // The same iterator again when the call was lost: of LATEST another one would stand further on.
    if (error instanceof StreamCallError && error.iteratorIsStale) {
      iterator = undefined;
      if (error.code === 'streams/TrimmedDataAccessException') start = { kind: 'TRIM_HORIZON' };
    }
    options.log.warn('reading a stream failed, trying again', { shard: shardId, error: String(error), pauseMs });
    await sleep(pauseMs);
  };

  /** Whether there may be more. */
  const readOnce = async (limit: number): Promise<boolean> => {
    iterator ??= await api.iterator(shardId, start, signal);
    if (!isHeld) options.onHeld();
    isHeld = true;
    const { records, next } = await api.records(iterator, limit, signal);
    if (signal.aborted) return false;
    errorsInARow = 0;
    iterator = next;
    const last = records.at(-1);
    if (last !== undefined) {
      start = { kind: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: last.dynamodb.SequenceNumber };
      options.onRecords(records);
    } else if (next !== undefined) await sleep(IDLE_MS);
    return next !== undefined;
  };

  const readAll = async (): Promise<void> => {
    let isOpen = true;
    while (isOpen && !signal.aborted) {
      const room = options.room();
      if (room < 1) {
        await roomFreed.promise;
        roomFreed = Promise.withResolvers();
        continue;
      }
      try {
        isOpen = await readOnce(Math.min(READ_SIZE, room));
      } catch (error) {
        await recover(error);
      }
    }
    if (!signal.aborted) options.onClosed();
  };

  void readAll();
  return Object.freeze({
    get position() {
      return { start, ...(iterator === undefined ? {} : { iterator }) };
    },
    nudge: () => roomFreed.resolve(),
  });
};
