import { judgeBatch } from '#event-sources/batch-answer';
import { startBatching, stepBatching } from '#event-sources/batching';
import type { BatchingChange, BatchingRules } from '#event-sources/batching';
import type { EventSourceMapping } from '#event-sources/mapping';
import { concurrencyLimit, startScaling, stepScaling } from '#event-sources/scaling';
import { BATCH_LIMIT_BYTES, parseQueueArn, sqsPayload } from '#event-sources/sqs-event';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { intakeOf } from './intake.ts';
import type { Delivery, Intake, Item } from './intake.ts';
import { HOST_CHECK_MS, invokeForBatch } from './invocation.ts';
import type { Invoke, InvokeOutcome } from './invocation.ts';
import { receiptsOf } from './receipts.ts';
import type { Receipts } from './receipts.ts';
import { sqsQueueApi } from './sqs-api.ts';
import type { SqsQueueApi } from './sqs-api.ts';

export interface PollerOptions {
  readonly endpointUrl: string;
  readonly mapping: EventSourceMapping;
  readonly invoke: Invoke;
  readonly hostIsUp: () => boolean;
  readonly log: Log;
  readonly clock: Clock;
  /** The most batches at once that the machine can bear, whatever AWS would allow. */
  readonly capCount: number;
  /** How long a receive waits for a first message: 1..20 s. A stop waits for it. */
  readonly waitS: number;
  /** How long a stop waits for batches in flight. */
  readonly drainMs: number;
}

/** What one receive can bring. */
const RECEIVE_SIZE = 10;
/** Receives under way while there is a backlog: two outrun eight. */
const BACKLOG_RECEIVES = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const MS_PER_S = 1000;

/**
 * Feeds one function from one queue until it is stopped. No error of the queue, the function or the host ends it.
 *
 * Nothing is received while no host is up or no batch may start: every receive counts towards the dead-letter queue.
 *
 * @throws An `Error` when the mapping's source is no queue, and `InvalidPatternError` when a filter is no pattern.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #log: Log;
  readonly #queue: SqsQueueApi;
  readonly #receipts: Receipts;
  readonly #intake: Intake;
  readonly #rules: BatchingRules;
  readonly #stopping = new AbortController();
  /** The drain is over: nothing is waited for any more. */
  readonly #abandon = new AbortController();
  readonly #drained = Promise.withResolvers<void>();

  #batching = startBatching<Delivery>();
  #scaling;
  #runningCount = 0;
  #receiveCount = 0;
  /** Messages that the receives under way may bring. */
  #askedCount = 0;
  #hasBacklog = false;
  #errorsInARow = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #wake: { readonly atMs: number; readonly cancel: AbortController } | undefined;

  constructor(options: PollerOptions) {
    const { endpointUrl, mapping, clock } = options;
    const arn = parseQueueArn(mapping.eventSourceArn);
    if (arn === undefined)
      throw new Error(`Expected 'eventSourceArn' to be the ARN of a queue, got ${mapping.eventSourceArn}.`);
    this.#options = options;
    this.#log = options.log.child({ queue: arn.queueName, function: mapping.functionName });
    this.#queue = sqsQueueApi({ endpointUrl, arn });
    this.#receipts = receiptsOf({ queue: this.#queue, clock, log: this.#log });
    this.#intake = intakeOf({ ...options, region: arn.region, queue: this.#queue, receipts: this.#receipts });
    this.#rules = {
      batchSize: mapping.batchSize,
      windowMs: mapping.maximumBatchingWindowS * MS_PER_S,
      limitBytes: BATCH_LIMIT_BYTES,
      fifo: arn.queueName.endsWith('.fifo'),
    };
    this.#scaling = startScaling({
      ...(mapping.maximumConcurrency === undefined ? {} : { maximumConcurrency: mapping.maximumConcurrency }),
      capCount: options.capCount,
      nowMs: clock.monotonicMs(),
    });
    this.#pump({ kind: 'tick' });
  }

  /**
   * Takes nothing more, gives back what was received and not handed over, and waits for what is in flight, up to
   * `drainMs`. May be called again.
   */
  async stop(): Promise<void> {
    const { clock, drainMs } = this.#options;
    const inTime = new AbortController();
    const late = clock.sleep(drainMs, inTime.signal).then(
      () => this.#log.warn('stopped with batches in flight', { count: this.#runningCount }),
      () => undefined,
    );
    if (!this.#isStopping) {
      this.#stopping.abort();
      this.#wake?.cancel.abort();
      const { waiting } = this.#batching;
      this.#batching = startBatching();
      // Counted like a receive: the drain waits for it as well.
      this.#receiveCount += 1;
      void this.#giveBack(waiting).then(() => {
        this.#receiveCount -= 1;
        this.#pump({ kind: 'tick' });
      });
    }
    await Promise.race([this.#drained.promise, late]);
    inTime.abort();
    this.#abandon.abort();
    this.#queue.close();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #freeSlotCount(): number {
    return this.#isStopping ? 0 : Math.max(0, concurrencyLimit(this.#scaling) - this.#runningCount);
  }

  /** The one place where anything starts: called after everything that happens. */
  #pump(change: BatchingChange<Delivery>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const step = stepBatching(this.#rules, this.#batching, { ...change, nowMs, freeSlotCount: this.#freeSlotCount });
    this.#batching = step.state;
    for (const batch of step.batches) void this.#runBatch(batch);
    if (step.releases.length > 0) {
      const entries = step.releases.map(({ item, visibleInMs }) => ({
        receipt: item.content.receipt,
        visibilityS: Math.ceil(visibleInMs / MS_PER_S),
      }));
      void this.#receipts.release(entries);
    }
    if (step.expired.length > 0)
      this.#log.warn('messages waited beyond their visibility timeout', { count: step.expired.length });
    if (this.#isStopping) {
      if (this.#runningCount === 0 && this.#receiveCount === 0) this.#drained.resolve();
      return;
    }
    const receivesAtMs = this.#startReceives(nowMs);
    this.#wakeAt(Math.min(step.wakeAtMs ?? Number.POSITIVE_INFINITY, receivesAtMs));
  }

  /** Receives as far as there is room; tells when to come back for more if nothing else happens. */
  #startReceives(nowMs: number): number {
    const { batchSize } = this.#options.mapping;
    if (this.#pausedUntilMs > nowMs) return this.#pausedUntilMs;
    if (!this.#options.hostIsUp()) return nowMs + HOST_CHECK_MS;
    while (this.#receiveCount < (this.#hasBacklog ? BACKLOG_RECEIVES : 1)) {
      const room = this.#freeSlotCount * batchSize - this.#batching.waiting.length - this.#askedCount;
      if (room < 1) break;
      void this.#receive(Math.min(RECEIVE_SIZE, batchSize, room));
    }
    return Number.POSITIVE_INFINITY;
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
        this.#pump({ kind: 'tick' });
      },
      () => undefined,
    );
  }

  async #receive(maxCount: number): Promise<void> {
    this.#receiveCount += 1;
    this.#askedCount += maxCount;
    let items: readonly Item[] = [];
    try {
      const received = await this.#intake.receive(maxCount);
      items = received.items;
      this.#errorsInARow = 0;
      this.#learn(received.receivedCount, maxCount);
    } catch (error) {
      this.#pause(error);
    }
    // What a receive brings after the stop was asked for goes back at once.
    if (this.#isStopping) await this.#giveBack(items);
    this.#receiveCount -= 1;
    this.#askedCount -= maxCount;
    this.#pump(this.#isStopping ? { kind: 'tick' } : { kind: 'received', items });
  }

  #learn(receivedCount: number, maxCount: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    // A FIFO queue may have more although a receive was short: it gives little of each group.
    this.#hasBacklog = receivedCount >= (this.#rules.fifo ? 1 : maxCount);
    if (this.#hasBacklog) this.#scaling = stepScaling(this.#scaling, { kind: 'backlog', nowMs });
    else if (receivedCount === 0) this.#scaling = stepScaling(this.#scaling, { kind: 'empty', nowMs });
  }

  #pause(error: unknown): void {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#errorsInARow, 10), LONGEST_PAUSE_MS);
    this.#errorsInARow += 1;
    this.#pausedUntilMs = this.#options.clock.monotonicMs() + pauseMs;
    if (!this.#isStopping) this.#log.warn('receive failed, trying again', { error: String(error), pauseMs });
  }

  async #runBatch(batch: readonly Item[]): Promise<void> {
    const { invoke, hostIsUp, clock, mapping } = this.#options;
    this.#runningCount += 1;
    const outcome = await invokeForBatch(
      {
        invoke,
        hostIsUp,
        clock,
        signal: this.#stopping.signal,
        abandon: this.#abandon.signal,
        onThrottle: () => this.#slowDown(),
      },
      {
        functionName: mapping.functionName,
        payload: sqsPayload(batch.map((item) => item.content.record)),
        deadlineMs: Math.min(...batch.map((item) => item.hiddenUntilMs)),
      },
    );
    const kept = await this.#settle(batch, outcome);
    this.#runningCount -= 1;
    this.#pump({ kind: 'ended', batch, kept });
  }

  /** Deletes what is done; gives what is kept. */
  async #settle(batch: readonly Item[], outcome: InvokeOutcome): Promise<readonly Item[]> {
    if (outcome.status === 'throttled') {
      if (this.#isStopping) await this.#giveBack(batch);
      return batch;
    }
    const { reportBatchItemFailures } = this.#options.mapping;
    const verdict = judgeBatch(
      batch.map((item) => item.id),
      outcome,
      { reportBatchItemFailures },
    );
    if (this.#abandon.signal.aborted) return batch;
    if (verdict.problem !== undefined) {
      this.#slowDown();
      this.#log.warn('batch failed', { problem: verdict.problem, count: batch.length });
    }
    const done = new Set(verdict.done);
    await this.#receipts.delete(batch.filter((item) => done.has(item.id)).map((item) => item.content.receipt));
    return batch.filter((item) => !done.has(item.id));
  }

  #slowDown(): void {
    this.#scaling = stepScaling(this.#scaling, { kind: 'trouble', nowMs: this.#options.clock.monotonicMs() });
  }

  #giveBack(items: readonly Item[]): Promise<void> {
    return this.#receipts.release(items.map((item) => ({ receipt: item.content.receipt, visibilityS: 0 })));
  }
}
