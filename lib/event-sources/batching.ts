/** A received message on its way into a batch. */
export interface BatchItem<T> {
  readonly id: string;
  /** What it adds to the payload. */
  readonly sizeBytes: number;
  readonly receivedAtMs: number;
  /** When its visibility timeout ends: from then on it belongs to whoever receives it next. */
  readonly hiddenUntilMs: number;
  /** FIFO queues only. */
  readonly groupId?: string;
  /** FIFO queues only: decimal digits, rising within a group. */
  readonly sequenceNumber?: string;
  readonly content: T;
}

export interface BatchingRules {
  readonly batchSize: number;
  /** 0: what one receive brought goes out at once. */
  readonly windowMs: number;
  readonly limitBytes: number;
  readonly fifo: boolean;
}

/** The group waits until its first failed message is received again, or is visible again (or in the dead-letter queue). */
interface Hold {
  readonly sequenceNumber: string;
  readonly untilMs: number;
}

export interface Batching<T> {
  readonly waiting: readonly BatchItem<T>[];
  readonly waitingBytes: number;
  /** FIFO: groups with a batch in flight. */
  readonly busyGroups: ReadonlySet<string>;
  readonly holds: ReadonlyMap<string, Hold>;
}

export type BatchingChange<T> =
  | { readonly kind: 'received'; readonly items: readonly BatchItem<T>[] }
  /** A batch that went out has ended; `kept` are those of it that were not deleted. */
  | { readonly kind: 'ended'; readonly batch: readonly BatchItem<T>[]; readonly kept: readonly BatchItem<T>[] }
  /** Time has passed, or a slot has become free. */
  | { readonly kind: 'tick' };

export type BatchingEvent<T> = BatchingChange<T> & {
  readonly nowMs: number;
  /** How many batches may go out at this step. */
  readonly freeSlotCount: number;
};

export interface BatchingStep<T> {
  readonly state: Batching<T>;
  /** To invoke, in order. */
  readonly batches: readonly (readonly BatchItem<T>[])[];
  /** FIFO: to hide for so long and no longer; they stand behind a failed message of their group. */
  readonly releases: readonly { readonly item: BatchItem<T>; readonly visibleInMs: number }[];
  /** Dropped: their visibility ended while they waited, so another delivery owns them. */
  readonly expired: readonly BatchItem<T>[];
  /** When to come back with a `tick`, if nothing else happens. */
  readonly wakeAtMs?: number;
}

/** The state of a poller that has received nothing yet. */
export const startBatching = <T>(): Batching<T> => ({
  waiting: [],
  waitingBytes: 0,
  busyGroups: new Set(),
  holds: new Map(),
});

/** Decimal strings of any length: 20 digits are more than a number can hold. */
export const isAfter = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length);

const bytesOf = <T>(items: readonly BatchItem<T>[]): number => items.reduce((sum, item) => sum + item.sizeBytes, 0);

/** Ends the hold of a group whose failed message is here again, or whose time is over. */
const liftHolds = <T>(
  holds: ReadonlyMap<string, Hold>,
  items: readonly BatchItem<T>[],
  nowMs: number,
): ReadonlyMap<string, Hold> => {
  if (holds.size === 0) return holds;
  const kept = new Map([...holds].filter(([, hold]) => hold.untilMs > nowMs));
  for (const item of items) {
    const hold = item.groupId === undefined ? undefined : kept.get(item.groupId);
    if (item.groupId === undefined || hold === undefined) continue;
    if (!isAfter(item.sequenceNumber ?? '', hold.sequenceNumber)) kept.delete(item.groupId);
  }
  return kept;
};

/** Holds the groups of what was kept, each from its first kept message on that has its time still to come. */
const addHolds = <T>(
  holds: ReadonlyMap<string, Hold>,
  kept: readonly BatchItem<T>[],
  nowMs: number,
): ReadonlyMap<string, Hold> => {
  const next = new Map(holds);
  for (const item of kept) {
    if (item.groupId === undefined || item.hiddenUntilMs <= nowMs) continue;
    const sequenceNumber = item.sequenceNumber ?? '';
    const known = next.get(item.groupId);
    if (known === undefined || isAfter(known.sequenceNumber, sequenceNumber)) {
      next.set(item.groupId, { sequenceNumber, untilMs: item.hiddenUntilMs });
    }
  }
  return next;
};

interface Cut<T> {
  readonly batch: readonly BatchItem<T>[];
  readonly rest: readonly BatchItem<T>[];
  /** The batch can't take more: it goes out although the window is open. */
  readonly full: boolean;
}

/** Takes one batch from the front, over messages of busy groups, which stay in their order. */
const cut = <T>(rules: BatchingRules, waiting: readonly BatchItem<T>[], busyGroups: ReadonlySet<string>): Cut<T> => {
  const batch: BatchItem<T>[] = [];
  const skipped: BatchItem<T>[] = [];
  let sizeBytes = 0;
  let index = 0;
  let overflows = false;
  for (; index < waiting.length && batch.length < rules.batchSize; index += 1) {
    const item = waiting[index];
    if (item === undefined) break;
    if (item.groupId !== undefined && busyGroups.has(item.groupId)) {
      skipped.push(item);
      continue;
    }
    // The first always goes: alone it is at most a message, which SQS keeps under the limit.
    overflows = batch.length > 0 && sizeBytes + item.sizeBytes > rules.limitBytes;
    if (overflows) break;
    sizeBytes += item.sizeBytes;
    batch.push(item);
  }
  return { batch, rest: [...skipped, ...waiting.slice(index)], full: overflows || batch.length >= rules.batchSize };
};

/** Sends out what is due, as far as there are free slots. */
const sendOut = <T>(
  rules: BatchingRules,
  state: Batching<T>,
  event: { readonly nowMs: number; readonly freeSlotCount: number },
): Pick<BatchingStep<T>, 'state' | 'batches' | 'wakeAtMs'> => {
  const batches: (readonly BatchItem<T>[])[] = [];
  const busyGroups = new Set(state.busyGroups);
  let waiting = state.waiting;
  let wakeAtMs: number | undefined;
  while (batches.length < event.freeSlotCount) {
    const { batch, rest, full } = cut(rules, waiting, busyGroups);
    const [first] = batch;
    if (first === undefined) break;
    const dueAtMs = first.receivedAtMs + rules.windowMs;
    if (!full && dueAtMs > event.nowMs) {
      wakeAtMs = dueAtMs;
      break;
    }
    for (const item of batch) if (item.groupId !== undefined) busyGroups.add(item.groupId);
    batches.push(batch);
    waiting = rest;
  }
  const next = batches.length === 0 ? state : { ...state, waiting, waitingBytes: bytesOf(waiting), busyGroups };
  return { state: next, batches, ...(wakeAtMs === undefined ? {} : { wakeAtMs }) };
};

/** Without groups a standard queue's messages are all alike, although they may carry a group id (fair queues). */
const ungrouped = <T>({ groupId: _, ...item }: BatchItem<T>): BatchItem<T> => item;

const applied = <T>(rules: BatchingRules, state: Batching<T>, event: BatchingEvent<T>): Batching<T> => {
  switch (event.kind) {
    case 'received': {
      const items = rules.fifo ? event.items : event.items.map(ungrouped);
      return {
        ...state,
        waiting: [...state.waiting, ...items],
        waitingBytes: state.waitingBytes + bytesOf(items),
        holds: liftHolds(state.holds, items, event.nowMs),
      };
    }
    case 'ended': {
      if (!rules.fifo) return state;
      const ended = new Set(event.batch.map((item) => item.groupId));
      return {
        ...state,
        busyGroups: new Set([...state.busyGroups].filter((group) => !ended.has(group))),
        holds: addHolds(liftHolds(state.holds, [], event.nowMs), event.kept, event.nowMs),
      };
    }
    case 'tick':
      return { ...state, holds: liftHolds(state.holds, [], event.nowMs) };
  }
};

/**
 * Assembles batches from what was received. A batch goes out when a slot is free and it is full (size or bytes), or
 * its first message has waited for the window.
 *
 * FIFO: messages of a group go out in order, a group has one batch in flight, a batch may hold several groups; after a
 * failure nothing of the group goes out before the failed message came back or had its time to. Never goes out: a
 * message whose visibility has ended.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export const stepBatching = <T>(rules: BatchingRules, state: Batching<T>, event: BatchingEvent<T>): BatchingStep<T> => {
  const next = applied(rules, state, event);
  const fresh: BatchItem<T>[] = [];
  const expired: BatchItem<T>[] = [];
  const releases: { item: BatchItem<T>; visibleInMs: number }[] = [];
  for (const item of next.waiting) {
    const hold = item.groupId === undefined ? undefined : next.holds.get(item.groupId);
    if (item.hiddenUntilMs <= event.nowMs) expired.push(item);
    else if (hold !== undefined) releases.push({ item, visibleInMs: hold.untilMs - event.nowMs });
    else fresh.push(item);
  }
  const changed = fresh.length < next.waiting.length;
  const clean = changed ? { ...next, waiting: fresh, waitingBytes: bytesOf(fresh) } : next;
  return { ...sendOut(rules, clean, event), releases, expired };
};
