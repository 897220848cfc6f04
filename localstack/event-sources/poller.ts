import { judgeBatch } from '#event-sources/batch-answer';
import { startBatching, stepBatching } from '#event-sources/batching';
import type { BatchingEvent, BatchingRules, BatchItem } from '#event-sources/batching';
import { compileRecordFilter } from '#event-sources/filter';
import type { EventSourceMapping } from '#event-sources/mapping';
import { concurrencyLimit, startScaling, stepScaling } from '#event-sources/scaling';
import { BATCH_LIMIT_BYTES, parseQueueArn, recordBytes, sqsPayload, sqsRecord } from '#event-sources/sqs-event';
import type { WireMessage } from '#event-sources/sqs-event';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { HOST_CHECK_MS, invokeForBatch } from './invocation.ts';
import type { Invoke, InvokeOutcome } from './invocation.ts';
import { receiptsOf } from './receipts.ts';
import { sqsQueueApi } from './sqs-api.ts';

export interface PollerOptions {
  readonly endpointUrl: string;
  readonly mapping: EventSourceMapping;
  readonly invoke: Invoke;
  readonly hostIsUp: () => boolean;
  readonly log: Log;
  readonly clock: Clock;
  /** The most batches at once that the machine can bear, whatever AWS would allow. */
  readonly capCount: number;
  /** How long a receive waits for a first message: 0..20 s. A stop waits for it. */
  readonly waitS: number;
  /** How long a stop waits for batches in flight. */
  readonly drainMs: number;
}

export interface Poller {
  /** Takes nothing more, gives back what was not yet handed over, and waits for what is in flight, so far as `drainMs`. */
  stop(): Promise<void>;
}

/** What one receive can bring. */
const RECEIVE_SIZE = 10;
/** Receives under way while there is a backlog: two outrun eight. */
const BACKLOG_RECEIVES = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** The queue's visibility timeout may change: it is read again after so long. */
const ATTRIBUTES_AGE_MS = 30_000;
const MS_PER_S = 1000;

interface Delivery {
  readonly receipt: string;
  /** The record, as JSON. */
  readonly record: string;
}
type Item = BatchItem<Delivery>;

/**
 * Feeds one function from one queue until it is stopped. No error of the queue, the function or the host ends it.
 *
 * Nothing is received while no host is up or no batch may start: every receive counts towards the dead-letter queue.
 */
export const startPoller = (options: PollerOptions): Poller => {
  const { mapping, clock } = options;
  const log = options.log.child({ queue: mapping.eventSourceArn, function: mapping.functionName });
  const arn = parseQueueArn(mapping.eventSourceArn);
  if (arn === undefined) throw new Error(`Expected 'eventSourceArn' to be the ARN of a queue, got ${mapping.eventSourceArn}.`);
  const passes = compileRecordFilter(mapping.filterPatterns);
  const rules: BatchingRules = {
    batchSize: mapping.batchSize,
    windowMs: mapping.maximumBatchingWindowS * MS_PER_S,
    limitBytes: BATCH_LIMIT_BYTES,
    fifo: arn.queueName.endsWith('.fifo'),
  };
  const queue = sqsQueueApi({ endpointUrl: options.endpointUrl, arn });
  const receipts = receiptsOf({ queue, clock, log });
  const stopping = new AbortController();
  const drained = Promise.withResolvers<void>();

  let batching = startBatching<Delivery>();
  let scaling = startScaling({
    ...(mapping.maximumConcurrency === undefined ? {} : { maximumConcurrency: mapping.maximumConcurrency }),
    capCount: options.capCount,
    nowMs: clock.monotonicMs(),
  });
  let runningCount = 0;
  let receiveCount = 0;
  let askedCount = 0;
  let hasBacklog = false;
  let visibility: { readonly ms: number; readonly readAtMs: number } | undefined;
  let troubleCount = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let wakeAtMs = Number.POSITIVE_INFINITY;

  const trouble = (): void => {
    scaling = stepScaling(scaling, { kind: 'trouble', nowMs: clock.monotonicMs() });
  };

  const release = (items: readonly Item[], visibleInMs: (item: Item) => number): Promise<void> =>
    receipts.release(
      items.map((item) => ({ receipt: item.content.receipt, visibilityS: Math.ceil(visibleInMs(item) / MS_PER_S) })),
    );

  const wakeAt = (atMs: number): void => {
    if (atMs >= wakeAtMs || stopping.signal.aborted) return;
    wakeAtMs = atMs;
    const woken = (): void => {
      // A later, earlier wake may have taken this one's place: then this one is only one tick more.
      if (wakeAtMs === atMs) wakeAtMs = Number.POSITIVE_INFINITY;
      pump({ kind: 'tick' });
    };
    clock.sleep(atMs - clock.monotonicMs(), stopping.signal).then(woken, () => undefined);
  };

  const itemOf = (message: WireMessage, record: string, receivedAtMs: number, visibilityMs: number): Item => {
    const { MessageGroupId: groupId, SequenceNumber: sequenceNumber } = message.Attributes ?? {};
    return {
      id: message.MessageId,
      sizeBytes: recordBytes(record),
      receivedAtMs,
      hiddenUntilMs: receivedAtMs + visibilityMs,
      ...(groupId === undefined ? {} : { groupId }),
      ...(sequenceNumber === undefined ? {} : { sequenceNumber }),
      content: { receipt: message.ReceiptHandle, record },
    };
  };

  /** What passes the filter; the rest is deleted, which is waited for, so that it can't pile up. */
  const itemsOf = async (messages: readonly WireMessage[], visibilityMs: number): Promise<readonly Item[]> => {
    const nowMs = clock.monotonicMs();
    const items: Item[] = [];
    const unwanted: string[] = [];
    for (const message of messages) {
      const record = sqsRecord(message, { arn: mapping.eventSourceArn, region: arn.region });
      if (passes(record)) items.push(itemOf(message, JSON.stringify(record), nowMs, visibilityMs));
      else unwanted.push(message.ReceiptHandle);
    }
    await receipts.delete(unwanted);
    return items;
  };

  const visibilityMs = async (): Promise<number> => {
    const nowMs = clock.monotonicMs();
    if (visibility === undefined || nowMs - visibility.readAtMs > ATTRIBUTES_AGE_MS) {
      // Zero would hand the same message out for ever: a second is the least that Lambda allows.
      visibility = { ms: Math.max(1, await queue.visibilityTimeoutS()) * MS_PER_S, readAtMs: nowMs };
    }
    return visibility.ms;
  };

  const receive = async (maxCount: number): Promise<readonly Item[]> => {
    const hiddenMs = await visibilityMs();
    const messages = await queue.receive({ maxCount, waitS: options.waitS });
    troubleCount = 0;
    const nowMs = clock.monotonicMs();
    hasBacklog = rules.fifo ? messages.length > 0 : messages.length >= maxCount;
    if (hasBacklog) scaling = stepScaling(scaling, { kind: 'backlog', nowMs });
    else if (messages.length === 0) scaling = stepScaling(scaling, { kind: 'empty', nowMs });
    return itemsOf(messages, hiddenMs);
  };

  const receiveOnce = async (maxCount: number): Promise<void> => {
    receiveCount += 1;
    askedCount += maxCount;
    let items: readonly Item[] = [];
    try {
      items = await receive(maxCount);
    } catch (error) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(troubleCount, 10), LONGEST_PAUSE_MS);
      troubleCount += 1;
      pausedUntilMs = clock.monotonicMs() + pauseMs;
      if (!stopping.signal.aborted) log.warn('receive failed, trying again', { error: String(error), pauseMs });
    }
    if (stopping.signal.aborted) await release(items, () => 0);
    receiveCount -= 1;
    askedCount -= maxCount;
    pump(stopping.signal.aborted ? { kind: 'tick' } : { kind: 'received', items });
  };

  const settle = async (batch: readonly Item[], outcome: InvokeOutcome): Promise<readonly Item[]> => {
    if (outcome.status === 'throttled') {
      if (stopping.signal.aborted) await release(batch, () => 0);
      return batch;
    }
    const verdict = judgeBatch(
      batch.map((item) => item.id),
      outcome,
      { reportBatchItemFailures: mapping.reportBatchItemFailures },
    );
    if (verdict.problem !== undefined) {
      trouble();
      log.warn('batch failed', { problem: verdict.problem, count: batch.length });
    }
    const done = new Set(verdict.done);
    await receipts.delete(batch.filter((item) => done.has(item.id)).map((item) => item.content.receipt));
    return batch.filter((item) => !done.has(item.id));
  };

  const runBatch = async (batch: readonly Item[]): Promise<void> => {
    runningCount += 1;
    const outcome = await invokeForBatch(
      { invoke: options.invoke, hostIsUp: options.hostIsUp, clock, signal: stopping.signal, onThrottle: trouble },
      {
        functionName: mapping.functionName,
        payload: sqsPayload(batch.map((item) => item.content.record)),
        deadlineMs: Math.min(...batch.map((item) => item.hiddenUntilMs)),
      },
    );
    const kept = await settle(batch, outcome);
    runningCount -= 1;
    pump({ kind: 'ended', batch, kept });
  };

  const startReceives = (): void => {
    const nowMs = clock.monotonicMs();
    if (pausedUntilMs > nowMs) return wakeAt(pausedUntilMs);
    if (!options.hostIsUp()) return wakeAt(nowMs + HOST_CHECK_MS);
    while (receiveCount < (hasBacklog ? BACKLOG_RECEIVES : 1)) {
      const freeSlotCount = concurrencyLimit(scaling) - runningCount;
      const room = freeSlotCount * mapping.batchSize - batching.waiting.length - askedCount;
      if (room < 1) return undefined;
      void receiveOnce(Math.min(RECEIVE_SIZE, mapping.batchSize, room));
    }
    return undefined;
  };

  /** The one place where anything starts: called after everything that happened. */
  const pump = (event: EventKind): void => {
    const stopped = stopping.signal.aborted;
    const nowMs = clock.monotonicMs();
    const freeSlotCount = stopped ? 0 : Math.max(0, concurrencyLimit(scaling) - runningCount);
    const step = stepBatching(rules, batching, { ...event, nowMs, freeSlotCount });
    batching = step.state;
    for (const batch of step.batches) void runBatch(batch);
    if (step.releases.length > 0) {
      const visibleInMs = new Map(step.releases.map((entry) => [entry.item, entry.visibleInMs]));
      void release([...visibleInMs.keys()], (item) => visibleInMs.get(item) ?? 0);
    }
    if (step.expired.length > 0) log.warn('messages waited beyond their visibility timeout', { count: step.expired.length });
    if (step.wakeAtMs !== undefined) wakeAt(step.wakeAtMs);
    if (!stopped) startReceives();
    else if (runningCount === 0 && receiveCount === 0) drained.resolve();
  };

  const stop = async (): Promise<void> => {
    if (!stopping.signal.aborted) {
      stopping.abort();
      await release(batching.waiting, () => 0);
      batching = startBatching();
      pump({ kind: 'tick' });
    }
    const inTime = new AbortController();
    const late = clock.sleep(options.drainMs, inTime.signal).then(
      () => log.warn('stopped with batches in flight', { count: runningCount }),
      () => undefined,
    );
    await Promise.race([drained.promise, late]);
    inTime.abort();
    queue.close();
  };

  pump({ kind: 'tick' });
  return Object.freeze({ stop });
};

type EventKind = BatchingEvent<Delivery> extends infer E
  ? E extends { readonly kind: string }
    ? Omit<E, 'nowMs' | 'freeSlotCount'>
    : never
  : never;
