import * as v from 'valibot';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { ReceivedMessage } from '#primitives/queue';
import type { Json } from '#primitives/table';

import { recordFault } from '../json-fault.ts';
import { issueText, type Parsed } from '../message.ts';
import { type ItemMessage } from './messages.ts';
import { traceField } from './logged.ts';
import { effectKeyOf } from './records.ts';
import { PermanentFailure, SkippedItem, type Worker } from './types.ts';
import { isObsolete } from './urgency.ts';

/** An item of a batch: its message, and how often it was received. */
export interface Delivery {
  readonly item: ItemMessage;
  readonly attempt: number;
  /** The item's messages: they tell its trace. */
  readonly messages: readonly ReceivedMessage[];
  /** Of a FIFO queue: items of one group run one after the other. */
  readonly groupId?: string | undefined;
  /** Came in one message with others. */
  readonly isPacked: boolean;
}

export type RunOutcome =
  | { readonly status: 'done'; readonly output: Json }
  | { readonly status: 'skipped' | 'obsolete'; readonly reason: string }
  /** Not begun: it stands behind an item of its group that failed. */
  | { readonly status: 'blocked' }
  /** `isPermanent`: another attempt would fail as well. */
  | { readonly status: 'failed'; readonly reason: string; readonly isPermanent: boolean };

/** Ten outputs and their claims have to fit into one transaction, and an output into one record. */
const MAX_OUTPUT_BYTES = 65_536;
/**
 * And ninety, when there are nine in each message. A transaction takes 4 MB of records, which count up to half as much
 * again as JSON does: 90 × 20 KiB × 1.5 leave a third of it for keys and claims.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
const MAX_PACKED_OUTPUT_BYTES = 20_480;
const MAX_REASON_LENGTH = 500;
const OBSOLETE: RunOutcome = { status: 'obsolete', reason: 'deadline passed: the item was not begun' };

/** The output as it will be read again. */
const recordable = (output: Json, maxBytes: number): Json => {
  const text = JSON.stringify(output) ?? 'null';
  const length = Buffer.byteLength(text);
  if (length > maxBytes) {
    throw new PermanentFailure(`output of ${length} bytes, at most ${maxBytes} can be recorded`);
  }
  const value = JSON.parse(text) as Json;
  // Written with the effects of others: what the table refuses here would be refused with all of them.
  const fault = recordFault('output', value);
  if (fault !== undefined) throw new PermanentFailure(`the output cannot be recorded: ${fault}`);
  return value;
};

/** The payload as this worker wants it, or what is wrong with it. */
export const readPayload = (worker: Worker, payload: Json): Parsed<unknown> => {
  const result = v.safeParse(worker.payload, payload, { abortEarly: true });
  if (result.success) return { ok: true, value: result.output };
  return { ok: false, reason: issueText(result.issues[0]) };
};

/** Fit to be recorded, and to be read. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message || error.name : String(error)).slice(0, MAX_REASON_LENGTH).toWellFormed();

/** Another attempt would fail as well. What a primitive calls invalid now it will call invalid again. */
export const isPermanent = (error: unknown): boolean =>
  error instanceof PermanentFailure || error instanceof InvalidArgumentError;

const outcomeOf = (error: unknown): RunOutcome =>
  error instanceof SkippedItem
    ? { status: 'skipped', reason: reasonOf(error) }
    : {
        status: 'failed',
        reason: reasonOf(error),
        isPermanent: isPermanent(error),
      };

const never = (signal: AbortSignal): { readonly aborted: Promise<never>; readonly release: () => void } => {
  const { promise, reject } = Promise.withResolvers<never>();
  // Nobody waits any more once the items have ended.
  promise.catch(() => undefined);
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return { aborted: promise, release: () => signal.removeEventListener('abort', onAbort) };
};

/** The positions of the deliveries, those of one group together. */
const lanesOf = (deliveries: readonly Delivery[]): readonly (readonly number[])[] => {
  const lanes = new Map<string, number[]>();
  for (const [index, { groupId }] of deliveries.entries()) {
    const name = groupId === undefined ? `item ${index}` : `group ${groupId}`;
    lanes.set(name, [...(lanes.get(name) ?? []), index]);
  }
  return [...lanes.values()];
};

/**
 * Runs the items of a batch, `concurrency` at a time, and gives the outcomes in their order. None of them ends the
 * others, apart from those that stand behind it in its group: these are not begun. When `timeMs` is over, the signal of those that still run is aborted, and they and those not yet begun count
 * as failed: the others' work can then be recorded before the platform ends the invocation.
 */
export const runItems = async (
  deliveries: readonly Delivery[],
  options: {
    readonly workers: ReadonlyMap<string, Worker>;
    readonly concurrency: number;
    readonly timeMs: number;
    readonly clock: Clock;
    readonly log: Log;
  },
): Promise<readonly RunOutcome[]> => {
  const { workers, concurrency, timeMs, clock, log } = options;
  const work = new AbortController();
  const allEnded = new AbortController();
  const { aborted, release } = never(work.signal);
  void clock
    .sleep(timeMs, allEnded.signal)
    .then(() => work.abort(new Error(`not done within the ${Math.round(timeMs)} ms of an invocation`)))
    .catch(() => undefined);

  const runOne = async ({ item, attempt, isPacked, messages: [first] }: Delivery): Promise<RunOutcome> => {
    const worker = workers.get(item.worker);
    if (worker === undefined) return outcomeOf(new PermanentFailure(`unknown worker '${item.worker}'`));
    const payload = readPayload(worker, item.payload);
    if (!payload.ok) return outcomeOf(new PermanentFailure(`invalid payload: ${payload.reason}`));
    // Asked as late as can be: in a batch others may have run before it.
    if (isObsolete(item, clock.nowMs())) return OBSOLETE;
    try {
      work.signal.throwIfAborted();
      const key = effectKeyOf(item.jobId, item.id);
      const context = {
        jobId: item.jobId,
        effectKey: key,
        attempt,
        isFirst: attempt === 1 && first?.attributes.redrive === undefined,
        signal: work.signal,
        log: log.child({ item: key, ...(first === undefined ? {} : traceField(first)) }),
      };
      const maxBytes = isPacked ? MAX_PACKED_OUTPUT_BYTES : MAX_OUTPUT_BYTES;
      const running = worker.run({ id: item.id, payload: payload.value }, context);
      return { status: 'done', output: recordable(await Promise.race([running, aborted]), maxBytes) };
    } catch (error) {
      return outcomeOf(error);
    }
  };

  const outcomes: RunOutcome[] = deliveries.map(() => ({ status: 'blocked' }));
  const runLane = async (lane: readonly number[]): Promise<void> => {
    for (const index of lane) {
      const delivery = deliveries[index];
      if (delivery === undefined) return;
      const outcome = await runOne(delivery);
      outcomes[index] = outcome;
      if (outcome.status === 'failed') return;
    }
  };
  const lanes = lanesOf(deliveries).values();
  const runner = async (): Promise<void> => {
    // The runners share one iterator: each lane is taken by one of them.
    for (const lane of lanes) await runLane(lane);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, deliveries.length) }, runner));
    return outcomes;
  } finally {
    allEnded.abort();
    release();
  }
};
