import { judgeBatch } from '#event-sources/batch-answer';
import { compileStreamFilter } from '#event-sources/filter';
import type { EventSourceMapping } from '#event-sources/mapping';
import { BATCH_LIMIT_BYTES, recordBytes, sqsPayload } from '#event-sources/sqs-event';
import { discardNotice, laneOf, streamRecord } from '#event-sources/stream-event';
import type { StreamArn, WireStreamRecord } from '#event-sources/stream-event';
import type { StreamSettings } from '#event-sources/stream-mapping';
import { lowestOpen, startShard, stepShard } from '#event-sources/stream-shard';
import type { BatchEnd, Discard, ShardBatch, ShardChange, ShardItem, ShardRules } from '#event-sources/stream-shard';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { invokeForBatch } from './invocation.ts';
import type { Invoke, InvokeOutcome } from './invocation.ts';
import type { StreamApi } from './stream-api.ts';
import { readShard } from './stream-shard-reader.ts';
import type { ShardPosition, ShardReader } from './stream-shard-reader.ts';

/** Batches that may run at once, of all shards of a mapping. */
export interface Slots {
  take(): void;
  /** Also tells the shards that one is free. */
  giveBack(): void;
  readonly freeCount: number;
}

export interface ShardPollerOptions {
  readonly mapping: EventSourceMapping;
  readonly stream: StreamSettings;
  readonly arn: StreamArn;
  readonly api: StreamApi;
  readonly shardId: string;
  readonly position: ShardPosition;
  readonly slots: Slots;
  readonly invoke: Invoke;
  readonly hostIsUp: () => boolean;
  /** Sends text to a queue or topic. */
  readonly deliver: (arn: string, body: string) => Promise<void>;
  readonly uuid: () => string;
  readonly log: Log;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Nothing is waited for any more. */
  readonly abandon: AbortSignal;
  readonly onHeld: () => void;
  readonly onDone: () => void;
}

type Batch = ShardBatch<string>;

const MS_PER_S = 1000;
const DELIVERY_TRIES = 5;
const DELIVERY_PAUSE_MS = 200;
const unlimited = (value: number): number => (value < 0 ? Number.POSITIVE_INFINITY : value);

const rulesOf = (mapping: EventSourceMapping, stream: StreamSettings): ShardRules => ({
  batchSize: mapping.batchSize,
  windowMs: mapping.maximumBatchingWindowS * MS_PER_S,
  limitBytes: BATCH_LIMIT_BYTES,
  bisect: stream.bisectBatchOnFunctionError,
  maxRetryCount: unlimited(stream.maximumRetryAttempts),
  maxAgeMs: unlimited(stream.maximumRecordAgeS) * MS_PER_S,
});

/** Feeds one function from one shard until it is stopped. No error of the stream, the function or the host ends it. */
export class ShardPoller {
  readonly #options: ShardPollerOptions;
  readonly #rules: ShardRules;
  readonly #passes: (record: unknown) => boolean;
  readonly #reader: ShardReader;
  readonly #drained = Promise.withResolvers<void>();

  #state = startShard<string>();
  #deliveryCount = 0;
  #isClosed = false;
  #wake: { readonly atMs: number; readonly cancel: AbortController } | undefined;

  constructor(options: ShardPollerOptions) {
    this.#options = options;
    this.#rules = rulesOf(options.mapping, options.stream);
    this.#passes = compileStreamFilter(options.mapping.filterPatterns);
    options.stopping.addEventListener('abort', () => this.pump(), { once: true });
    this.#reader = readShard({
      api: options.api,
      shardId: options.shardId,
      position: options.position,
      room: () => this.#room(),
      onRecords: (records) => this.pump({ kind: 'read', items: records.flatMap((record) => this.#itemOf(record)) }),
      onHeld: options.onHeld,
      onClosed: () => {
        this.#isClosed = true;
        this.pump();
      },
      clock: options.clock,
      log: options.log,
      signal: options.stopping,
    });
  }

  /** From where another poller goes on: nothing that is not done is passed over. */
  get position(): ShardPosition {
    const sequenceNumber = lowestOpen(this.#state);
    if (sequenceNumber !== undefined) return { start: { kind: 'AT_SEQUENCE_NUMBER', sequenceNumber } };
    return this.#isClosed ? { ...this.#reader.position, done: true } : this.#reader.position;
  }

  get runningCount(): number {
    return this.#state.running.length;
  }

  /** Resolves when the poller was told to stop and nothing runs any more. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** The one place where anything starts: called after everything that happens. */
  pump(change: ShardChange<string> = { kind: 'tick' }): void {
    const { clock, slots, stopping } = this.#options;
    const step = stepShard(this.#rules, this.#state, {
      ...change,
      nowMs: clock.monotonicMs(),
      wallMs: clock.nowMs(),
      freeSlotCount: stopping.aborted ? 0 : slots.freeCount,
    });
    this.#state = step.state;
    for (const discard of step.discards) void this.#tellOf(discard);
    for (const batch of step.batches) void this.#run(batch);
    this.#reader.nudge();
    const isIdle = this.runningCount === 0 && this.#deliveryCount === 0;
    if (stopping.aborted) {
      this.#wake?.cancel.abort();
      if (isIdle) this.#drained.resolve();
      return;
    }
    if (step.wakeAtMs !== undefined) this.#wakeAt(step.wakeAtMs);
    if (isIdle && this.#isClosed && lowestOpen(this.#state) === undefined) this.#options.onDone();
  }

  /** A batch for each lane beside those that run; no more bytes than they may carry. */
  #room(): number {
    const { mapping, stream } = this.#options;
    const { waiting } = this.#state;
    const bytes = waiting.reduce((sum, item) => sum + item.sizeBytes, 0);
    if (bytes >= BATCH_LIMIT_BYTES * stream.parallelizationFactor) return 0;
    return mapping.batchSize * stream.parallelizationFactor - waiting.length;
  }

  #itemOf(wire: WireStreamRecord): readonly ShardItem<string>[] {
    const { mapping, stream, clock } = this.#options;
    const record = streamRecord(wire, mapping.eventSourceArn);
    if (!this.#passes(record)) return [];
    const content = JSON.stringify(record);
    return [
      {
        sequenceNumber: wire.dynamodb.SequenceNumber,
        lane: laneOf(wire.dynamodb.Keys, stream.parallelizationFactor),
        sizeBytes: recordBytes(content),
        createdAtMs: wire.dynamodb.ApproximateCreationDateTime * MS_PER_S,
        readAtMs: clock.monotonicMs(),
        content,
      },
    ];
  }

  async #run(batch: Batch): Promise<void> {
    const { invoke, hostIsUp, clock, mapping, slots, stopping, abandon } = this.#options;
    slots.take();
    const ageMs = clock.nowMs() - (batch.items[0]?.createdAtMs ?? 0);
    const outcome = await invokeForBatch(
      { invoke, hostIsUp, clock, signal: stopping, abandon, onThrottle: () => undefined },
      {
        functionName: mapping.functionName,
        payload: sqsPayload(batch.items.map((item) => item.content)),
        deadlineMs: clock.monotonicMs() + this.#rules.maxAgeMs - ageMs,
      },
    );
    // Who goes on from here has to begin with this batch.
    if (abandon.aborted) return;
    this.pump({ kind: 'ended', batch, end: this.#endOf(batch, outcome) });
    slots.giveBack();
  }

  #endOf(batch: Batch, outcome: InvokeOutcome): BatchEnd {
    if (outcome.status === 'throttled') return { kind: 'unstarted' };
    const ids = batch.items.map((item) => item.sequenceNumber);
    const { reportBatchItemFailures } = this.#options.mapping;
    const { kept, problem } = judgeBatch(ids, outcome, { reportBatchItemFailures });
    if (problem !== undefined) {
      this.#options.log.warn('batch failed', { problem, count: ids.length });
      return { kind: 'failed' };
    }
    const [lowest] = kept;
    return lowest === undefined ? { kind: 'done' } : { kind: 'reported', index: ids.indexOf(lowest) };
  }

  async #tellOf({ condition, batch }: Discard<string>): Promise<void> {
    const { mapping, stream, arn, clock, log } = this.#options;
    const first = batch.items[0];
    const last = batch.items.at(-1);
    log.warn('records given up', { condition, count: batch.items.length });
    if (stream.onFailureArn === undefined || first === undefined || last === undefined) return;
    const body = discardNotice({
      requestId: this.#options.uuid(),
      functionArn: `arn:aws:lambda:${arn.region}:${arn.accountId}:function:${mapping.functionName}`,
      condition,
      invokeCount: batch.invokeCount,
      nowMs: clock.nowMs(),
      streamArn: mapping.eventSourceArn,
      shardId: this.#options.shardId,
      first,
      last,
      count: batch.items.length,
    });
    this.#deliveryCount += 1;
    await this.#deliver(stream.onFailureArn, body);
    this.#deliveryCount -= 1;
    this.pump();
  }

  async #deliver(arn: string, body: string): Promise<void> {
    const { deliver, clock, log, abandon } = this.#options;
    for (let tries = 1; !abandon.aborted; tries += 1) {
      try {
        return await deliver(arn, body);
      } catch (error) {
        if (tries >= DELIVERY_TRIES)
          return log.error('the destination of given up records was not told', { arn, error });
        await clock.sleep(DELIVERY_PAUSE_MS * 2 ** tries, abandon).catch(() => undefined);
      }
    }
  }

  /** One timer at a time, the earliest that is wanted. */
  #wakeAt(atMs: number): void {
    if (atMs >= (this.#wake?.atMs ?? Number.POSITIVE_INFINITY)) return;
    this.#wake?.cancel.abort();
    const wake = { atMs, cancel: new AbortController() };
    this.#wake = wake;
    const { clock } = this.#options;
    clock.sleep(atMs - clock.monotonicMs(), wake.cancel.signal).then(
      () => {
        this.#wake = undefined;
        this.pump();
      },
      () => undefined,
    );
  }
}
