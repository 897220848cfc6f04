import type { ReceivedMessage } from '#primitives/queue';
import { parseTraceparent, TRACEPARENT } from '#primitives/trace';
import { parseLogBatch, type LogBatch } from './log-batch.ts';
import { logEntry, type LogEntry } from './log-entry.ts';
import type { LogStore } from './log-store.ts';
import { readLine, readMessage, type ReadLine } from './read-line.ts';

/** What became of a message. */
export interface Normalised {
  /** Entries by format. */
  readonly entryCounts: Readonly<Record<string, number>>;
  readonly unparsedCount: number;
}

const traceOf = ({ attributes }: ReceivedMessage): { readonly traceparent?: string } => {
  const { [TRACEPARENT]: traceparent } = attributes;
  return traceparent !== undefined && parseTraceparent(traceparent) !== undefined ? { traceparent } : {};
};

/** The lines of a batch, each with what tells it from all others. */
const entriesOf = (
  batch: LogBatch,
  message: ReceivedMessage,
  receivedAtMs: number,
): readonly (readonly [ReadLine, LogEntry])[] => {
  const { source, format, identity, batchId = message.id } = batch;
  const seen = new Map<string, number>();
  return batch.lines.map((line, at) => {
    const read = readLine(line, format, receivedAtMs);
    // Without a time of its own, a line's place in the store would differ from batch to batch.
    const isByContent = identity === 'content' && read.parsed.timeMs !== undefined;
    const times = seen.get(line) ?? 0;
    if (isByContent) seen.set(line, times + 1);
    const own = isByContent
      ? { identity: ['content', line, String(times)], place: Math.min(times, 99_999) }
      : { identity: ['batch', batchId, String(at)], place: at };
    return [read, logEntry(read, { source, receivedAtMs, ...traceOf(message), ...own })];
  });
};

/**
 * Turns messages of the queue into entries of the store. A batch is a few writes, none of which depends on the others,
 * and all of which can be made again: a message that comes again after a crash leaves the entries that it would have left.
 *
 * A message that is no batch is kept, as one entry that is marked; nothing that a message holds makes it fail. What does
 * fail is the store: then the message has to come again.
 */
export const normaliser =
  (options: { readonly store: LogStore }) =>
  async (message: ReceivedMessage): Promise<Normalised> => {
    const batch = parseLogBatch(message.body);
    const receivedAtMs = await receivedAt(options.store, batch, message);
    const read: readonly (readonly [ReadLine, LogEntry])[] =
      batch === undefined ? [unreadable(message)] : entriesOf(batch, message, receivedAtMs);
    await options.store.add(
      read.map(([, entry]) => entry),
      receivedAtMs,
    );
    const entryCounts: Record<string, number> = {};
    for (const [{ format }] of read) entryCounts[format] = (entryCounts[format] ?? 0) + 1;
    return { entryCounts, unparsedCount: read.filter(([{ isUnparsed }]) => isUnparsed).length };
  };

/** A message that comes again was sent when it was sent; one that is sent again has only its batch's id to tell. */
const receivedAt = async (store: LogStore, batch: LogBatch | undefined, message: ReceivedMessage): Promise<number> => {
  const { source, batchId, receivedAtMs = message.sentAtMs } = batch ?? {};
  return source === undefined || batchId === undefined ? receivedAtMs : store.begin({ source, batchId }, receivedAtMs);
};

const unreadable = (message: ReceivedMessage): readonly [ReadLine, LogEntry] => {
  const read = readMessage(message.body);
  const context = { source: 'unknown', receivedAtMs: message.sentAtMs, identity: ['message', message.id], place: 0 };
  return [read, logEntry(read, { ...context, ...traceOf(message) })];
};
