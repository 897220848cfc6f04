import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Fields, Json, Table } from '#primitives/table';

/** What a variant got, and what came of it. */
export type VariantCount = {
  readonly requests: number;
  readonly errors: number;
  /** Senders: one that comes again counts once in each host that remembers him. */
  readonly senders: number;
};

export type VariantCounts = Readonly<Record<string, VariantCount>>;

export interface VariantCountsOptions {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this host among all: new with each start, e.g. a UUID. */
  readonly hostId: string;
  /** The counts of a host are written, and those of the others read, at most so often. 100..3_600_000 ms. */
  readonly flushMs: number;
  /** How long a host's counts are kept. 60_000 ms..30 days. */
  readonly keepMs: number;
  /** So many senders and experiments are remembered. 1..1_000_000. */
  readonly maxSenders: number;
}

/**
 * Counts over all hosts without a write for each request: a host counts in memory, and writes its own record, which
 * nobody else writes, when its counts are `flushMs` old. It writes sums, so that a write that is repeated counts once.
 *
 * A host that dies takes along what it has not written: at most `flushMs` of it.
 */
export interface Counts {
  /** Counts one request. No call. */
  add(
    experiment: string,
    version: string,
    service: string,
    what: { readonly isError: boolean; readonly sender?: string },
  ): void;
  /** As far as this host knows: its own counts up to now, the others' as of the last flush. No call. */
  known(experiment: string, version: string): VariantCounts;
  /** Starts to write and read when that is due, and does not wait: for the moments in which something else is waited for. */
  flushSoon(experiment: string, version: string): void;
  /** Writes what there is to write, and reads what the others have written. 1 write, and 1 read for each 1 000 hosts. */
  flush(experiment: string, version: string): Promise<void>;
}

interface Counter {
  own: Record<string, VariantCount>;
  others: VariantCounts;
  readonly senders: Set<string>;
  isDirty: boolean;
  flushedAtMs: number;
  flushing: Promise<void> | undefined;
}

const OPTIONS = ['table', 'clock', 'log', 'hostId', 'flushMs', 'keepMs', 'maxSenders'];
const NONE: VariantCount = Object.freeze({ requests: 0, errors: 0, senders: 0 });
const MAX_EXPERIMENTS = 100;
const MAX_HOSTS = 10_000;
const DAY_MS = 86_400_000;

const plus = (one: VariantCount, other: VariantCount): VariantCount => ({
  requests: one.requests + other.requests,
  errors: one.errors + other.errors,
  senders: one.senders + other.senders,
});

const sum = (all: readonly VariantCounts[]): VariantCounts => {
  const total = new Map<string, VariantCount>();
  for (const [service, count] of all.flatMap((counts) => Object.entries(counts)))
    total.set(service, plus(total.get(service) ?? NONE, count));
  return Object.fromEntries(total);
};

const countOf = (value: Json | undefined): number => (typeof value === 'number' && value >= 0 ? value : 0);

const countsOf = ({ counts }: Fields): VariantCounts => {
  if (typeof counts !== 'object' || counts === null || Array.isArray(counts) || counts instanceof Set) return {};
  return Object.fromEntries(
    Object.entries(counts as Readonly<Record<string, Json>>).flatMap(([service, count]) => {
      if (typeof count !== 'object' || count === null || Array.isArray(count)) return [];
      const { requests, errors, senders } = count as Readonly<Record<string, Json>>;
      return [[service, { requests: countOf(requests), errors: countOf(errors), senders: countOf(senders) }] as const];
    }),
  );
};

const remember = <T>(all: Map<string, T>, key: string, make: () => T, limit: number): T => {
  const found = all.get(key) ?? make();
  all.delete(key);
  all.set(key, found);
  const [oldest] = all.keys();
  if (all.size > limit && oldest !== undefined) all.delete(oldest);
  return found;
};

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const variantCounts = (options: VariantCountsOptions): Counts => {
  checkNames(options, OPTIONS);
  const { table, clock, log, hostId, flushMs, keepMs, maxSenders } = options;
  checkInteger('flushMs', flushMs, 100, 3_600_000);
  checkInteger('keepMs', keepMs, 60_000, 30 * DAY_MS);
  checkInteger('maxSenders', maxSenders, 1, 1_000_000);
  const counters = new Map<string, Counter>();

  const partitionOf = (experiment: string, version: string): string => `experiment/${experiment}/${version}`;
  const make = (): Counter => ({
    own: {},
    others: {},
    senders: new Set(),
    isDirty: false,
    flushedAtMs: clock.monotonicMs(),
    flushing: undefined,
  });
  const counterOf = (partition: string): Counter => remember(counters, partition, make, MAX_EXPERIMENTS);

  const isNew = ({ senders }: Counter, service: string, sender: string | undefined): boolean => {
    if (sender === undefined) return true;
    const mark = `${service}\n${sender}`;
    if (senders.has(mark)) return false;
    senders.add(mark);
    const [oldest] = senders;
    if (senders.size > maxSenders && oldest !== undefined) senders.delete(oldest);
    return true;
  };

  const write = async (partition: string, counter: Counter): Promise<void> => {
    counter.isDirty = false;
    try {
      await table.put({
        key: { partition, sort: `host/${hostId}` },
        fields: { counts: counter.own },
        expiresAtMs: clock.nowMs() + keepMs,
      });
    } catch (error) {
      counter.isDirty = true;
      throw error;
    }
  };

  const readOthers = async (partition: string): Promise<VariantCounts> => {
    const found: VariantCounts[] = [];
    let after: string | undefined;
    for (let hosts = 0; hosts < MAX_HOSTS;) {
      const page = await table.query({ partition, sortPrefix: 'host/', ...(after === undefined ? {} : { after }) });
      hosts += page.records.length;
      found.push(
        ...page.records.flatMap(({ key, fields }) => (key.sort === `host/${hostId}` ? [] : [countsOf(fields)])),
      );
      if (page.next === undefined) break;
      after = page.next;
    }
    return sum(found);
  };

  const flushNow = async (partition: string, counter: Counter): Promise<void> => {
    counter.flushedAtMs = clock.monotonicMs();
    if (counter.isDirty) await write(partition, counter);
    counter.others = await readOthers(partition);
  };

  const flush = (partition: string, counter: Counter): Promise<void> => {
    counter.flushing ??= flushNow(partition, counter).finally(() => {
      counter.flushing = undefined;
    });
    return counter.flushing;
  };

  return Object.freeze<Counts>({
    add: (experiment, version, service, { isError, sender }) => {
      const counter = counterOf(partitionOf(experiment, version));
      const one = { requests: 1, errors: isError ? 1 : 0, senders: isNew(counter, service, sender) ? 1 : 0 };
      counter.own = { ...counter.own, [service]: plus(counter.own[service] ?? NONE, one) };
      counter.isDirty = true;
    },
    known: (experiment, version) => {
      const { own, others } = counterOf(partitionOf(experiment, version));
      return sum([own, others]);
    },
    flushSoon: (experiment, version) => {
      const partition = partitionOf(experiment, version);
      const counter = counterOf(partition);
      if (!counter.isDirty || clock.monotonicMs() - counter.flushedAtMs < flushMs) return;
      flush(partition, counter).catch((error: unknown) =>
        log.warn('the counts of an experiment were not written', { experiment, error }),
      );
    },
    flush: (experiment, version) => {
      const partition = partitionOf(experiment, version);
      return flush(partition, counterOf(partition));
    },
  });
};
