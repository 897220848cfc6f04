import { failuresOf, type PartialBatchAnswer } from '#batch/partial-batch';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { claim } from './claim.ts';
import { finish, type DoneItem } from './finish.ts';
import { itemMessage, parseMessage, type ItemMessage } from './messages.ts';
import { jitteredPause, persist } from './pause.ts';
import { effectKey, effectKeyOf } from './records.ts';
import { runItems, type RunOutcome } from './run-items.ts';
import { sendPersistently } from './send.ts';
import type { Worker } from './types.ts';
import { undeliverable, type Verdict } from './undeliverable.ts';

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
}

/** Deliveries of one item: a batch may hold the same item twice. */
interface Entry {
  readonly item: ItemMessage;
  readonly messages: ReceivedMessage[];
  readonly attempt: number;
}

/** A transaction takes 100 writes: ten effects and at most ten claims stay far below, and meet few others. */
const MOST_AT_ONCE = 10;
const KEEP_AT_LEAST_MS = 15 * 24 * 3_600_000;

const validate = ({ concurrency = MOST_AT_ONCE, maxReceiveCount, keepMs, leaseMs }: BatchWorkerOptions): void => {
  const expectInteger = (name: string, value: number, from: number, to: number): void => {
    if (Number.isInteger(value) && value >= from && value <= to) return;
    throw new InvalidArgumentError(`Expected '${name}' to be an integer from ${from} to ${to}, got ${value}.`);
  };
  expectInteger('concurrency', concurrency, 1, MOST_AT_ONCE);
  expectInteger('maxReceiveCount', maxReceiveCount, 1, 1_000);
  expectInteger('leaseMs', leaseMs, 1, 43_200_000);
  expectInteger('keepMs', keepMs, KEEP_AT_LEAST_MS, Number.MAX_SAFE_INTEGER);
};

const entriesOf = (parsed: readonly { readonly message: ReceivedMessage; readonly item: ItemMessage }[]): Entry[] => {
  const entries = new Map<string, Entry>();
  for (const { message, item } of parsed) {
    const key = effectKeyOf(item.jobId, item.id);
    const known = entries.get(key);
    const messages = [...(known?.messages ?? []), message];
    // The first message decides the work, the one received most often whether there will be another attempt.
    entries.set(key, {
      item: known?.item ?? item,
      messages,
      attempt: Math.max(...messages.map((m) => m.receiveCount)),
    });
  }
  return [...entries.values()];
};

const countsOf = (entries: readonly Entry[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { item } of entries) {
    if (item.jobId !== undefined) counts.set(item.jobId, (counts.get(item.jobId) ?? 0) + 1);
  }
  return counts;
};

/**
 * Does the work of batches of item messages: each item has one effect, or ends as undeliverable with a reason.
 *
 * A batch is claimed by one call, run, and recorded by one transaction. Crash before the transaction: nothing was
 * recorded, the messages come again. Crash after it: they come again and are found to be done. The answer names the
 * messages that have to come again; those that never will succeed are sent on before it is given.
 *
 * API calls for ten items of one job without faults: claim 1, finish 1 (with the queue's send, receive and delete
 * 0.5 an item in all). A batch with redeliveries reads their effects first: 1 more.
 *
 * @see Burns, Designing Distributed Systems, chapter 11
 * @throws {@link InvalidArgumentError} when an option is out of range
 */
export const batchWorker = (options: BatchWorkerOptions) => {
  validate(options);
  const { jobs, effects, clock, random, log, maxReceiveCount, leaseMs, keepMs, concurrency = MOST_AT_ONCE } = options;
  const workers = new Map(options.workers.map((worker) => [worker.name, worker]));
  const pause = jitteredPause(options);

  /** Gives the messages that could not be sent on: they come again. */
  const sendOn = async (rejected: readonly { readonly message: ReceivedMessage; readonly verdict: Verdict }[]) => {
    if (rejected.length === 0) return [];
    const messages = rejected.map(({ message, verdict }) => undeliverable(message, verdict));
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

  const record = async (entries: readonly Entry[], outcomes: readonly RunOutcome[], claimId: string) => {
    const items: DoneItem[] = entries.flatMap(({ item, attempt }, index) => {
      const outcome = outcomes[index];
      if (outcome?.status !== 'done') return [];
      return [{ jobId: item.jobId, id: item.id, worker: item.worker, output: outcome.output, attempts: attempt }];
    });
    const jobIds = [...countsOf(entries).keys()];
    await finish({ jobs, effects, claimId, jobIds, items, nowMs: clock.nowMs(), keepMs, pause });
  };

  const work = async (batch: readonly ReceivedMessage[], endsAtMs: number): Promise<readonly string[]> => {
    const parsed = batch.map((message) => ({ message, result: parseMessage(itemMessage, message.body) }));
    const rejected = parsed.flatMap(({ message, result }) =>
      result.ok ? [] : [{ message, verdict: { reason: result.reason, attempts: message.receiveCount } }],
    );
    const valid = parsed.flatMap(({ message, result }) => (result.ok ? [{ message, item: result.value }] : []));
    const again: string[] = [];
    try {
      const entries = await withoutEnded(entriesOf(valid));
      const claimId = random.uuid();
      const nowMs = clock.nowMs();
      const counts = countsOf(entries);
      await claim({ jobs, claimId, counts, leaseUntilMs: nowMs + leaseMs, expiresAtMs: nowMs + keepMs, pause });
      const timeMs = endsAtMs - clock.monotonicMs();
      const outcomes = await runItems(entries, { workers, concurrency, timeMs, clock, log });
      await record(entries, outcomes, claimId);
      for (const [index, { messages, attempt, item }] of entries.entries()) {
        const outcome = outcomes[index];
        if (outcome?.status !== 'failed') continue;
        log.warn('item failed', { item: effectKeyOf(item.jobId, item.id), attempt, reason: outcome.reason });
        const isFinal = outcome.isPermanent || attempt >= maxReceiveCount;
        const verdict = { reason: outcome.reason, attempts: attempt };
        if (isFinal) rejected.push(...messages.map((message) => ({ message, verdict })));
        else again.push(...messages.map(({ id }) => id));
      }
    } catch (error) {
      log.error('batch not recorded, it will come again', { error, count: valid.length });
      again.push(...valid.map(({ message }) => message.id));
    }
    return [...again, ...(await sendOn(rejected))];
  };

  /**
   * @param timeMs How long the work may take; what still runs then is aborted and comes again. Leave room behind it
   *   for recording what was done.
   */
  return async (messages: readonly ReceivedMessage[], timeMs: number): Promise<PartialBatchAnswer> => {
    const endsAtMs = clock.monotonicMs() + timeMs;
    const failed: string[] = [];
    for (let from = 0; from < messages.length; from += MOST_AT_ONCE) {
      failed.push(...(await work(messages.slice(from, from + MOST_AT_ONCE), endsAtMs)));
    }
    return failuresOf(failed);
  };
};
