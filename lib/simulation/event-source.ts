import { createHash } from 'node:crypto';
import { judgeBatch } from '#event-sources/batch-answer';
import { startBatching, stepBatching, type BatchingChange, type BatchItem } from '#event-sources/batching';
import { compileRecordFilter } from '#event-sources/filter';
import { concurrencyLimit, startScaling, stepScaling } from '#event-sources/scaling';
import { BATCH_LIMIT_BYTES, recordBytes, sqsPayload, sqsRecord, type SqsRecord } from '#event-sources/sqs-event';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { SimulatedFunction } from './function-host.ts';

export interface EventSourceOptions {
  readonly queue: Queue;
  readonly function: SimulatedFunction;
  readonly clock: Clock;
  /** The queue's own. */
  readonly visibilityMs: number;
  /** 1..10_000, default 10. */
  readonly batchSize?: number;
  /** 0..300_000, default 0. */
  readonly windowMs?: number;
  /** Default true. */
  readonly reportBatchItemFailures?: boolean;
  /** Batches at a time, 1..1_000, default 5. */
  readonly maximumConcurrency?: number;
  /** Patterns as of an event source mapping; what none matches is deleted. Default: everything passes. */
  readonly filterPatterns?: readonly string[];
}

export interface EventSource {
  /** Feeds the function, without end. */
  run(): Promise<never>;
  /** Whether nothing that was received is on its way. */
  isIdle(): boolean;
}

interface Delivery {
  readonly receipt: string;
  readonly record: string;
}
type Item = BatchItem<Delivery>;

const REGION = 'us-east-1';
const RECEIVE_COUNT = 10;
const WAIT_MS = 20_000;
const PAUSE_MS = 1_000;

const recordOf = (message: ReceivedMessage, queueName: string, sequenceNumber: string): SqsRecord =>
  sqsRecord(
    {
      MessageId: message.id,
      ReceiptHandle: message.receipt,
      Body: message.body,
      MD5OfBody: createHash('md5').update(message.body).digest('hex'),
      Attributes: {
        ApproximateReceiveCount: String(message.receiveCount),
        SentTimestamp: String(message.sentAtMs),
        ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId, SequenceNumber: sequenceNumber }),
      },
      MessageAttributes: Object.fromEntries(
        Object.entries(message.attributes).map(([name, text]) => [name, { DataType: 'String', StringValue: text }]),
      ),
    },
    { arn: `arn:aws:sqs:${REGION}:000000000000:${queueName}`, region: REGION },
  );

const NAMES = [
  'queue',
  'function',
  'clock',
  'visibilityMs',
  'batchSize',
  'windowMs',
  'reportBatchItemFailures',
  'maximumConcurrency',
  'filterPatterns',
] as const;

/**
 * An event source mapping from a queue to a function, by the same steps as the local stack's: batching, the judgement
 * of answers, concurrency, filters. What it cannot delete comes again; no fault ends it.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const eventSource = (options: EventSourceOptions): EventSource => {
  const { queue, clock, visibilityMs, batchSize = 10, windowMs = 0, maximumConcurrency = 5 } = options;
  const { reportBatchItemFailures = true } = options;
  checkNames(options, NAMES);
  checkInteger('batchSize', batchSize, 1, 10_000);
  checkInteger('windowMs', windowMs, 0, 300_000);
  checkInteger('maximumConcurrency', maximumConcurrency, 1, 1_000);
  const rules = { batchSize, windowMs, limitBytes: BATCH_LIMIT_BYTES, fifo: queue.name.endsWith('.fifo') };
  const passes = compileRecordFilter(options.filterPatterns ?? []);
  let batching = startBatching<Delivery>();
  let scaling = startScaling({ maximumConcurrency, nowMs: clock.monotonicMs() });
  let runningCount = 0;
  let changed = Promise.withResolvers<void>();

  const freeSlotCount = (): number => Math.max(0, concurrencyLimit(scaling) - runningCount);

  /** The one place where batches start: called after everything that happens. */
  const pump = (change: BatchingChange<Delivery>): void => {
    const nowMs = clock.monotonicMs();
    const step = stepBatching(rules, batching, { ...change, nowMs, freeSlotCount: freeSlotCount() });
    batching = step.state;
    for (const batch of step.batches) void runBatch(batch);
    const releases = step.releases.map(({ item, visibleInMs }) => ({
      receipt: item.content.receipt,
      visibilityMs: visibleInMs,
    }));
    if (releases.length > 0) void queue.changeVisibilityBatch(releases);
    if (step.wakeAtMs !== undefined) void clock.sleep(step.wakeAtMs - nowMs).then(() => pump({ kind: 'tick' }));
    changed.resolve();
    changed = Promise.withResolvers();
  };

  const runBatch = async (batch: readonly Item[]): Promise<void> => {
    runningCount += 1;
    const answer = await options.function.invoke(sqsPayload(batch.map(({ content }) => content.record)));
    const verdict = judgeBatch(
      batch.map(({ id }) => id),
      answer,
      { reportBatchItemFailures },
    );
    if (verdict.problem !== undefined) scaling = stepScaling(scaling, { kind: 'trouble', nowMs: clock.monotonicMs() });
    const done = new Set(verdict.done);
    await queue.deleteBatch(batch.filter(({ id }) => done.has(id)).map(({ content }) => content.receipt));
    runningCount -= 1;
    pump({ kind: 'ended', batch, kept: batch.filter(({ id }) => !done.has(id)) });
  };

  const itemOf = (message: ReceivedMessage, receivedAtMs: number): Item & { readonly isWanted: boolean } => {
    // Memory queues number their messages.
    const sequenceNumber = /\d+$/.exec(message.id)?.[0] ?? '0';
    const record = recordOf(message, queue.name, sequenceNumber);
    const text = JSON.stringify(record);
    return {
      id: message.id,
      sizeBytes: recordBytes(text),
      receivedAtMs,
      hiddenUntilMs: receivedAtMs + visibilityMs,
      ...(message.groupId === undefined ? {} : { groupId: message.groupId, sequenceNumber }),
      content: { receipt: message.receipt, record: text },
      isWanted: passes(record),
    };
  };

  const receive = async (maxCount: number): Promise<void> => {
    const messages = await queue.receive({ maxCount, waitMs: WAIT_MS, visibilityMs });
    const nowMs = clock.monotonicMs();
    if (messages.length === 0) scaling = stepScaling(scaling, { kind: 'empty', nowMs });
    else if (messages.length === maxCount) scaling = stepScaling(scaling, { kind: 'backlog', nowMs });
    const all = messages.map((message) => itemOf(message, nowMs));
    pump({ kind: 'received', items: all.filter(({ isWanted }) => isWanted) });
    await queue.deleteBatch(all.filter(({ isWanted }) => !isWanted).map(({ content }) => content.receipt));
  };

  const run = async (): Promise<never> => {
    for (;;) {
      const room = freeSlotCount() * batchSize - batching.waiting.length;
      if (room < 1) {
        await changed.promise;
        continue;
      }
      try {
        await receive(Math.min(RECEIVE_COUNT, batchSize, room));
      } catch {
        await clock.sleep(PAUSE_MS);
      }
    }
  };

  return Object.freeze<EventSource>({ run, isIdle: () => runningCount === 0 && batching.waiting.length === 0 });
};
