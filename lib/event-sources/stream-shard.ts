import { isAfter } from './batching.ts';
import type { DiscardCondition } from './stream-event.ts';

/** A record of a shard on its way into a batch. */
export interface ShardItem<T> {
  /** Decimal digits, rising within the shard. */
  readonly sequenceNumber: string;
  /** Records of one lane go out in order, one batch at a time. */
  readonly lane: number;
  /** What it adds to the payload. */
  readonly sizeBytes: number;
  /** On the wall clock: the age of the record counts from here. */
  readonly createdAtMs: number;
  /** On the monotonic clock: the window counts from here. */
  readonly readAtMs: number;
  readonly content: T;
}

export interface ShardRules {
  readonly batchSize: number;
  /** 0: what is there goes out at once. */
  readonly windowMs: number;
  readonly limitBytes: number;
  /** Whether a batch that failed is halved before it is tried again. Halving counts as no try. */
  readonly bisect: boolean;
  /** Tries after the first; `Infinity`: no limit. */
  readonly maxRetryCount: number;
  /** `Infinity`: no limit. */
  readonly maxAgeMs: number;
}

/** Records that go to the function together, and again until they are done or given up. */
export interface ShardBatch<T> {
  readonly lane: number;
  readonly items: readonly ShardItem<T>[];
  /** How often it failed, not counting the times at which it was halved. */
  readonly failedCount: number;
  /** How often a function was called with these records. */
  readonly invokeCount: number;
  /** On the monotonic clock. */
  readonly notBeforeMs: number;
}

export interface ShardState<T> {
  /** In the order of the shard. */
  readonly waiting: readonly ShardItem<T>[];
  /** Batches that failed; those of a lane are in order, and go before what waits. */
  readonly retries: readonly ShardBatch<T>[];
  readonly running: readonly ShardBatch<T>[];
}

/** How a batch ended. */
export type BatchEnd =
  | { readonly kind: 'done' }
  /** The function failed, or its answer cannot be understood. */
  | { readonly kind: 'failed' }
  /** The function reported records; `index` is the lowest of them in the batch. What comes before is done. */
  | { readonly kind: 'reported'; readonly index: number }
  /** It was not handed over. */
  | { readonly kind: 'unstarted' };

export type ShardChange<T> =
  | { readonly kind: 'read'; readonly items: readonly ShardItem<T>[] }
  | { readonly kind: 'ended'; readonly batch: ShardBatch<T>; readonly end: BatchEnd }
  /** Time has passed, or a slot has become free. */
  | { readonly kind: 'tick' };

export type ShardEvent<T> = ShardChange<T> & {
  /** Monotonic. */
  readonly nowMs: number;
  /** Wall clock. */
  readonly wallMs: number;
  /** How many batches may go out at this step. */
  readonly freeSlotCount: number;
};

export interface Discard<T> {
  readonly condition: DiscardCondition;
  readonly batch: ShardBatch<T>;
}

export interface ShardStep<T> {
  readonly state: ShardState<T>;
  /** To invoke: at most one of each lane that has none running. */
  readonly batches: readonly ShardBatch<T>[];
  /** Given up: the on-failure destination is to be told. */
  readonly discards: readonly Discard<T>[];
  /** When to come back with a `tick`, if nothing else happens; monotonic. */
  readonly wakeAtMs?: number;
}

/** How long a batch that failed waits: 100 ms, doubled with each failure up to 5 s. AWS names no figures. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** The state of a shard of which nothing was read yet. */
export const startShard = <T>(): ShardState<T> => ({ waiting: [], retries: [], running: [] });

/**
 * The lowest sequence number that is not done, from which to read again after a stop; undefined when all that was
 * read is done. What comes after it may already be done (other lanes): it is delivered again then, never lost.
 */
export const lowestOpen = <T>(state: ShardState<T>): string | undefined =>
  [...state.running, ...state.retries]
    .flatMap(({ items }) => items)
    .concat(state.waiting)
    .map(({ sequenceNumber }) => sequenceNumber)
    .reduce<string | undefined>((low, each) => (low === undefined || isAfter(low, each) ? each : low), undefined);

const pauseMs = (failedCount: number): number => Math.min(FIRST_PAUSE_MS * 2 ** (failedCount - 1), LONGEST_PAUSE_MS);

interface Failed<T> {
  readonly retries: readonly ShardBatch<T>[];
  readonly discards: readonly Discard<T>[];
}

/** What becomes of a batch after a failure that nothing divides. */
const tryAgain = <T>(rules: ShardRules, batch: ShardBatch<T>, nowMs: number): Failed<T> => {
  const failedCount = batch.failedCount + 1;
  if (failedCount > rules.maxRetryCount)
    return { retries: [], discards: [{ condition: 'RetryAttemptsExhausted', batch: { ...batch, failedCount } }] };
  return { retries: [{ ...batch, failedCount, notBeforeMs: nowMs + pauseMs(failedCount) }], discards: [] };
};

const halves = <T>(batch: ShardBatch<T>): Failed<T> => {
  const middle = Math.ceil(batch.items.length / 2);
  const parts = [batch.items.slice(0, middle), batch.items.slice(middle)];
  return { retries: parts.map((items) => ({ ...batch, items })), discards: [] };
};

const afterEnd = <T>(rules: ShardRules, ran: ShardBatch<T>, end: BatchEnd, nowMs: number): Failed<T> => {
  if (end.kind === 'done') return { retries: [], discards: [] };
  if (end.kind === 'unstarted') return { retries: [ran], discards: [] };
  const batch = { ...ran, invokeCount: ran.invokeCount + 1 };
  if (end.kind === 'failed')
    return rules.bisect && batch.items.length > 1 ? halves(batch) : tryAgain(rules, batch, nowMs);
  const rest = { ...batch, items: batch.items.slice(end.index) };
  // A report divides the batch by itself: what is left is tried as it is.
  if (rules.bisect && end.index > 0) return { retries: [rest], discards: [] };
  return tryAgain(rules, rest, nowMs);
};

/** Takes a batch of one lane from what waits. */
const cut = <T>(
  rules: ShardRules,
  items: readonly ShardItem<T>[],
): { readonly size: number; readonly full: boolean } => {
  let sizeBytes = 0;
  for (const [size, item] of items.entries()) {
    sizeBytes += item.sizeBytes;
    // The first always goes: a record is far under the limit.
    if (size >= rules.batchSize || (size > 0 && sizeBytes > rules.limitBytes)) return { size, full: true };
  }
  return { size: items.length, full: items.length >= rules.batchSize };
};

/** What a lane may send out: a batch now, or one at a later time. */
type Next<T> =
  | { readonly kind: 'batch'; readonly batch: ShardBatch<T> }
  | { readonly kind: 'later'; readonly atMs: number };

const nextOf = <T>(
  rules: ShardRules,
  lane: { readonly id: number; readonly items: readonly ShardItem<T>[]; readonly retry: ShardBatch<T> | undefined },
  nowMs: number,
): Next<T> | undefined => {
  const { retry, items } = lane;
  if (retry !== undefined)
    return retry.notBeforeMs > nowMs ? { kind: 'later', atMs: retry.notBeforeMs } : { kind: 'batch', batch: retry };
  const [first] = items;
  if (first === undefined) return undefined;
  const { size, full } = cut(rules, items);
  const dueAtMs = first.readAtMs + rules.windowMs;
  if (!full && dueAtMs > nowMs) return { kind: 'later', atMs: dueAtMs };
  const batch = { lane: lane.id, items: items.slice(0, size), failedCount: 0, invokeCount: 0, notBeforeMs: nowMs };
  return { kind: 'batch', batch };
};

/** Divides a batch into what is too old, always the front of it, and the rest. */
const dropOld = <T>(rules: ShardRules, batch: ShardBatch<T>, wallMs: number): Failed<T> => {
  const isOld = (item: ShardItem<T>): boolean => wallMs - item.createdAtMs > rules.maxAgeMs;
  const young = batch.items.findIndex((item) => !isOld(item));
  const count = young === -1 ? batch.items.length : young;
  const part = (items: readonly ShardItem<T>[]): readonly ShardBatch<T>[] =>
    items.length === 0 ? [] : [{ ...batch, items }];
  return {
    retries: part(batch.items.slice(count)),
    discards: part(batch.items.slice(0, count)).map((old) => ({ condition: 'RecordAgeExceeded', batch: old })),
  };
};

/** The lanes that have something to do and no batch running, in the order of what they have to do. */
const idleLanes = <T>(state: ShardState<T>): ReadonlyMap<number, readonly ShardItem<T>[]> => {
  const busy = new Set(state.running.map(({ lane }) => lane));
  const lanes = new Map<number, ShardItem<T>[]>();
  for (const { lane } of state.retries) if (!busy.has(lane)) lanes.set(lane, []);
  for (const item of state.waiting) {
    if (busy.has(item.lane)) continue;
    const items = lanes.get(item.lane);
    if (items === undefined) lanes.set(item.lane, [item]);
    else items.push(item);
  }
  return lanes;
};

const sendOut = <T>(rules: ShardRules, state: ShardState<T>, event: ShardEvent<T>): ShardStep<T> => {
  const batches: ShardBatch<T>[] = [];
  const discards: Discard<T>[] = [];
  let { waiting, retries } = state;
  let wakeAtMs = Number.POSITIVE_INFINITY;
  for (const [id, items] of idleLanes(state)) {
    if (batches.length >= event.freeSlotCount) break;
    const retry = retries.find(({ lane }) => lane === id);
    const next = nextOf(rules, { id, items, retry }, event.nowMs);
    if (next?.kind === 'later') wakeAtMs = Math.min(wakeAtMs, next.atMs);
    if (next?.kind !== 'batch') continue;
    if (retry === undefined) {
      const taken = new Set(next.batch.items);
      waiting = waiting.filter((item) => !taken.has(item));
    } else retries = retries.filter((each) => each !== retry);
    const aged = dropOld(rules, next.batch, event.wallMs);
    discards.push(...aged.discards);
    batches.push(...aged.retries);
    // A lane whose whole batch was too old has perhaps more: it comes at once.
    if (aged.retries.length === 0) wakeAtMs = event.nowMs;
  }
  const next = { waiting, retries, running: [...state.running, ...batches] };
  return { state: next, batches, discards, ...(Number.isFinite(wakeAtMs) ? { wakeAtMs } : {}) };
};

/**
 * One step of a shard. Records of a lane go out in order, with one batch in flight; a batch that fails goes out again,
 * before anything that comes after it in its lane, until it is done, was tried often enough, or is too old.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export const stepShard = <T>(rules: ShardRules, state: ShardState<T>, event: ShardEvent<T>): ShardStep<T> => {
  if (event.kind === 'tick') return sendOut(rules, state, event);
  if (event.kind === 'read') return sendOut(rules, { ...state, waiting: [...state.waiting, ...event.items] }, event);
  const { retries, discards } = afterEnd(rules, event.batch, event.end, event.nowMs);
  const running = state.running.filter((batch) => batch !== event.batch);
  const step = sendOut(rules, { ...state, running, retries: [...retries, ...state.retries] }, event);
  return { ...step, discards: [...discards, ...step.discards] };
};
