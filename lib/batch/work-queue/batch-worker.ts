import { failuresOf, type PartialBatchAnswer } from '#batch/partial-batch';
import { checkInteger } from '#primitives/checks';
import { checkList } from '#primitives/part-checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { countsOf, readBatch, type Entry } from './batch-entries.ts';
import { cancelledJobs } from './cancelled-jobs.ts';
import { claim } from './claim.ts';
import { finish, type Ending } from './finish.ts';
import { endedItem, endedItems, judge, type Attempted } from './judge.ts';
import { jitteredPause, persist } from '../pause.ts';
import { checkGiven } from './option-checks.ts';
import { effectKey, effectKeyOf } from './records.ts';
import { traceField } from './logged.ts';
import { retryLater, type Backoff, type Retry } from './retry-later.ts';
import { runItems } from './run-items.ts';
import { workReporter } from './scaling/work-reports.ts';
import { sendPersistently } from './send.ts';
import type { Worker } from './types.ts';
import { undeliverable, type Rejected } from './undeliverable.ts';

export interface BatchWorkerOptions {
  /** Where claims are written. */
  readonly jobs: Table;
  /** Where effects are written; of the same backend as `jobs`. */
  readonly effects: Table;
  readonly undeliverable: Queue;
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** As in the redrive policy of the queue of items: at this receive a failure is final. 1..1000. */
  readonly maxReceiveCount: number;
  /** How long a claim counts as in flight when its worker says nothing more. At least the function's timeout. */
  readonly leaseMs: number;
  /** How long effects and claims are kept. At least 15 days: longer than any redelivery. */
  readonly keepMs: number;
  /** Items that run at a time, 1..10; 10 unless told. */
  readonly concurrency?: number;
  /**
   * The queue that the messages come from. With it a failed item is put off by `backoff`; without, it comes again after
   * the queue's visibility timeout.
   */
  readonly source?: Queue;
  /** 1 s doubling up to a minute unless told. */
  readonly backoff?: Backoff;
  /** The messages come from a FIFO queue, and `undeliverable` is one: items of a group run in their order. */
  readonly ordered?: boolean;
  /** After so long at the latest a cancellation is seen. 0..900_000 ms, 2_000 unless told. */
  readonly cancelCacheMs?: number;
  /**
   * Tells the controller of the queue's concurrency what was done, by one write in so long while there is work.
   * 1_000..900_000 ms; not told unless given.
   */
  readonly reportEveryMs?: number;
}

/** A transaction takes 100 writes: ten effects and at most ten claims stay far below, and meet few others. */
const MOST_AT_ONCE = 10;
const KEEP_AT_LEAST_MS = 15 * 24 * 3_600_000;

const MAX_VISIBILITY_MS = 43_200_000;
const DEFAULT_BACKOFF: Backoff = { baseMs: 1_000, limitMs: 60_000 };
const DEFAULT_CACHE_MS = 2_000;
const CANCELLED: Ending = { status: 'cancelled', reason: 'the job was cancelled' };

const validate = (options: BatchWorkerOptions): void => {
  checkGiven(options, ['jobs', 'effects', 'undeliverable', 'clock', 'random', 'log']);
  checkList('workers', options.workers, 'a list of workers');
  const { concurrency = MOST_AT_ONCE, maxReceiveCount, keepMs, leaseMs, backoff = DEFAULT_BACKOFF } = options;
  checkInteger('concurrency', concurrency, 1, MOST_AT_ONCE);
  checkInteger('maxReceiveCount', maxReceiveCount, 1, 1_000);
  checkInteger('leaseMs', leaseMs, 1, MAX_VISIBILITY_MS);
  checkInteger('keepMs', keepMs, KEEP_AT_LEAST_MS, Number.MAX_SAFE_INTEGER);
  checkInteger('backoff.baseMs', backoff.baseMs, 1, MAX_VISIBILITY_MS);
  checkInteger('backoff.limitMs', backoff.limitMs, backoff.baseMs, MAX_VISIBILITY_MS);
  if (options.reportEveryMs !== undefined) checkInteger('reportEveryMs', options.reportEveryMs, 1_000, 900_000);
  checkInteger('cancelCacheMs', options.cancelCacheMs ?? DEFAULT_CACHE_MS, 0, 900_000);
};

/** Items of one message come again together: when the first of them is to. */
const perMessage = (retries: readonly Retry[]): readonly Retry[] => {
  const first = new Map<string, Retry>();
  for (const retry of retries) {
    const known = first.get(retry.message.id);
    if (known === undefined || retry.delayMs < known.delayMs) first.set(retry.message.id, retry);
  }
  return [...first.values()];
};

/**
 * Does the work of batches of item messages: each item has one effect, or ends as undeliverable with a reason.
 *
 * A batch is claimed by one call, run, and recorded by one transaction. Crash before the transaction: nothing was
 * recorded, the messages come again. Crash after it: they come again and are found to be done. The answer names the
 * messages that have to come again; those that never will succeed are sent on before it is given.
 *
 * Items of a cancelled job are not run: they are recorded as cancelled. A cancellation is seen after `cancelCacheMs` at
 * the latest; what runs by then ends as it would have.
 *
 * An item whose deadline has passed is not run either: it is recorded as obsolete, which counts as failed. One that was
 * begun in time ends as it would have.
 *
 * With `ordered`, an item runs when those before it in its group have ended, in this batch or before. The first that
 * fails keeps the rest of its group waiting until it is tried again, or was sent on as undeliverable.
 *
 * API calls for ten items of one job without faults: claim 1, finish 1 (with the queue's send, receive and delete
 * 0.5 an item in all), and 1 read of the job in each `cancelCacheMs`. A batch with redeliveries reads their effects
 * first: 1 more. One with failures puts them off: 1 more.
 *
 * @see Burns, Designing Distributed Systems, chapter 11
 * @throws {@link InvalidArgumentError} when an option is out of range
 */
export const batchWorker = (options: BatchWorkerOptions) => {
  validate(options);
  const { jobs, effects, clock, random, log, leaseMs, keepMs, concurrency = MOST_AT_ONCE } = options;
  const { cancelCacheMs: cacheMs = DEFAULT_CACHE_MS, backoff = DEFAULT_BACKOFF, ordered = false } = options;
  const report =
    options.reportEveryMs === undefined ? undefined : workReporter({ ...options, everyMs: options.reportEveryMs });
  const workers = new Map(options.workers.map((worker) => [worker.name, worker]));
  const pause = jitteredPause(options);
  const whichAreCancelled = cancelledJobs({ jobs, clock, cacheMs, pause });

  /** Gives the messages that could not be sent on: they come again. */
  const sendOn = async (rejected: readonly Rejected[]): Promise<readonly string[]> => {
    if (rejected.length === 0) return [];
    const messages = rejected.map(({ message, verdict }) => undeliverable(message, verdict, ordered));
    const outcomes = await sendPersistently(options.undeliverable, messages, pause);
    return rejected.filter((_, index) => outcomes[index]?.ok !== true).map(({ message }) => message.id);
  };

  /** A redelivery may be of work that was recorded, its answer lost: such items are not run again. */
  const withoutEnded = async (entries: readonly Entry[]): Promise<readonly Entry[]> => {
    const again = entries.filter(({ attempt }) => attempt > 1);
    if (again.length === 0) return entries;
    const keys = again.map(({ item }) => effectKey(item.jobId, item.id));
    const found = await persist('look for effects', pause, () => effects.getMany(keys));
    const ended = new Set(again.filter((_, index) => found[index] !== undefined));
    return entries.filter((entry) => !ended.has(entry));
  };

  /** Runs what is to be run, and records what has ended. Gives what is to be settled: what has not. */
  const runAndRecord = async (entries: readonly Entry[], endsAtMs: number): Promise<readonly Attempted[]> => {
    const cancelled = await whichAreCancelled([...countsOf(entries).keys()]);
    const isCancelled = ({ item }: Entry): boolean => item.jobId !== undefined && cancelled.has(item.jobId);
    const wanted = entries.filter((entry) => !isCancelled(entry));
    const claimId = random.uuid();
    const nowMs = clock.nowMs();
    const counts = countsOf(wanted);
    await claim({ jobs, claimId, counts, leaseUntilMs: nowMs + leaseMs, expiresAtMs: nowMs + keepMs, pause });
    const deliveries = wanted.map((entry) => (ordered ? entry : { ...entry, groupId: undefined }));
    const timeMs = endsAtMs - clock.monotonicMs();
    const outcomes = await runItems(deliveries, { workers, concurrency, timeMs, clock, log });
    const items = [
      ...entries.filter(isCancelled).map((entry) => endedItem(entry, CANCELLED, entry.attempt - 1)),
      ...wanted.flatMap((entry, index) => endedItems(entry, outcomes[index])),
    ];
    const jobIds = [...countsOf(entries).keys()];
    await finish({ jobs, effects, claimId, jobIds, items, nowMs: clock.nowMs(), keepMs, pause });
    return wanted.flatMap((entry, index) => {
      const outcome = outcomes[index];
      return outcome?.status === 'failed' || outcome?.status === 'blocked' ? [{ entry, outcome }] : [];
    });
  };

  const settle = async (
    attempted: readonly Attempted[],
    unreadable: readonly Rejected[],
    source: Queue | undefined,
  ) => {
    const { rejected, retries } = judge(attempted, { ...options, backoff });
    for (const { entry, outcome } of attempted) {
      if (outcome.status === 'blocked') continue;
      const item = effectKeyOf(entry.item.jobId, entry.item.id);
      const [first] = entry.messages;
      const trace = first === undefined ? {} : traceField(first);
      log.warn('item failed', { item, attempt: entry.attempt, reason: outcome.reason, ...trace });
    }
    const unsent = await sendOn([...unreadable, ...rejected]);
    if (source !== undefined) await retryLater(source, perMessage(retries));
    return [...new Set([...retries.map(({ message }) => message.id), ...unsent])];
  };

  const work = async (batch: readonly ReceivedMessage[], endsAtMs: number, source: Queue | undefined) => {
    const { entries, unreadable } = readBatch(batch);
    try {
      const attempted = await runAndRecord(await withoutEnded(entries), endsAtMs);
      return await settle(attempted, unreadable, source);
    } catch (error) {
      log.error('batch not recorded, it will come again', { error, count: batch.length });
      const again = entries.flatMap(({ messages }) => messages.map(({ id }) => id));
      return [...new Set([...again, ...(await sendOn(unreadable))])];
    }
  };

  /**
   * @param source The queue that these messages come from, when it is not the one of the options.
   * @param timeMs How long the work may take; what still runs then is aborted and comes again. Leave room behind it
   *   for recording what was done.
   */
  return async (
    messages: readonly ReceivedMessage[],
    timeMs: number,
    source = options.source,
  ): Promise<PartialBatchAnswer> => {
    const startedMs = clock.monotonicMs();
    const endsAtMs = startedMs + timeMs;
    const failed: string[] = [];
    for (let from = 0; from < messages.length; from += MOST_AT_ONCE) {
      failed.push(...(await work(messages.slice(from, from + MOST_AT_ONCE), endsAtMs, source)));
    }
    await report?.({ endedCount: messages.length - failed.length, busyMs: clock.monotonicMs() - startedMs });
    return failuresOf(failed);
  };
};
