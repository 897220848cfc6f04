import { failed, inBatches, succeeded } from '../batches.ts';
import type { Bus, BusEvent } from '../bus.ts';
import { eventBytes, eventFault } from '../bus-limits.ts';
import { checkInteger, checkNames, checkText } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { PatternError } from '../errors.ts';
import type { EntryOutcome } from '../queue.ts';
import { copyJson } from './records.ts';
import { memoryWire, type MemoryWire } from './wire.ts';

export interface PublishedEvent extends BusEvent {
  /** Of this event on this bus. */
  readonly id: string;
  readonly atMs: number;
}

export interface MemoryBus extends Bus {
  /** The newest events, oldest first: up to `keptCount`. */
  published(): readonly PublishedEvent[];
  /**
   * Calls `target` with every event from now on, after its publish was applied. What it throws is an unhandled
   * rejection, so that no test overlooks it.
   *
   * @returns Ends the subscription.
   */
  subscribe(target: (event: PublishedEvent) => void | Promise<void>): () => void;
}

export interface MemoryBusOptions {
  readonly name: string;
  readonly clock: Clock;
  /** How many events `published` keeps. 0..1_000_000, default 10_000. */
  readonly keptCount?: number;
  readonly wire?: MemoryWire;
}

/** A bus in memory: keeps what was published and passes it to whoever subscribed. */
export const memoryBus = (options: MemoryBusOptions): MemoryBus => {
  checkNames(options, ['name', 'clock', 'keptCount', 'wire']);
  checkText('name', options.name, 1, 256);
  const { name, clock, keptCount = 10_000, wire = memoryWire() } = options;
  checkInteger('keptCount', keptCount, 0, 1_000_000);
  const kept: PublishedEvent[] = [];
  const targets = new Set<(event: PublishedEvent) => void | Promise<void>>();
  let publishedCount = 0;

  const accept = (event: BusEvent): EntryOutcome => {
    publishedCount += 1;
    const { source, type, atMs = clock.nowMs() } = event;
    const detail = copyJson(event.detail) as BusEvent['detail'];
    const published = Object.freeze({ source, type, detail, atMs, id: `${name}-${publishedCount}` });
    kept.push(published);
    if (kept.length > keptCount) kept.shift();
    for (const target of targets) void Promise.resolve(published).then(target);
    return succeeded;
  };

  const send = async (events: readonly BusEvent[]): Promise<readonly EntryOutcome[]> => {
    const operation = {
      primitive: 'bus',
      name,
      operation: 'events.PutEvents',
      isWrite: true,
      entryCount: events.length,
    } as const;
    try {
      return await wire.call(operation, (without) =>
        events.map((event, at) => (without?.has(at) === true ? failed('InternalFailure', true) : accept(event))),
      );
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return events.map(() => failed(error.message, error.retryable));
    }
  };

  return Object.freeze<MemoryBus>({
    name,
    publish: (events) => inBatches({ entries: events, fault: eventFault, bytes: eventBytes, send }),
    published: () => Object.freeze([...kept]),
    subscribe: (target) => {
      targets.add(target);
      return () => targets.delete(target);
    },
  });
};
