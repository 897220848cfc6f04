import type { EventSourceMapping } from '#event-sources/mapping';
import { CEILING_COUNT } from '#event-sources/scaling';
import { checkNumber } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';
import type { Invoke } from './invocation.ts';
import type { MappingStore } from './mapping-store.ts';
import { Poller } from './poller.ts';
import { failureDestination } from './stream-destination.ts';
import { StreamPoller } from './stream-poller.ts';
import type { StreamPositions } from './stream-poller.ts';

export interface EventSourcesOptions {
  /** Where SQS and DynamoDB Streams are; an http address on loopback. */
  readonly endpointUrl: string;
  readonly mappings: MappingStore;
  readonly invoke: Invoke;
  /** Whether an invocation has somewhere to go: while it has not, nothing is received. */
  readonly hostIsUp: () => boolean;
  readonly log: Log;
  readonly clock?: Clock;
  /** The most batches at once of one mapping, 1..1 250. Default: AWS's 1 250, each of which may be a process here. */
  readonly capCount?: number;
  /** How long a receive waits for a first message, 1..20 s. Default 1: a stop waits for it. */
  readonly waitS?: number;
  /** How long a stop waits for batches in flight. Default 10 000. */
  readonly drainMs?: number;
}

export interface EventSources {
  /**
   * Ends all polling: batches in flight are waited for up to `drainMs`, what was received and not handed over is given
   * back to its queue. What is still in flight then comes again when its visibility timeout ends; of a stream, with the
   * next poller of the mapping.
   */
  stop(): Promise<void>;
}

interface Running {
  readonly mapping: EventSourceMapping;
  readonly poller: Poller | StreamPoller;
  stopped?: Promise<void>;
}

/**
 * Runs the event source mappings of a store: each enabled one has a poller, and every change of the store is followed
 * at once. A changed mapping starts anew when its former poller has drained, so that its limits hold throughout; a
 * stream is read on from where that one was.
 *
 * @throws An `Error` when the endpoint is not on loopback: an event source must never drain somebody's real queue; and
 * when an option is out of its range.
 */
export const startEventSources = (options: EventSourcesOptions): EventSources => {
  const { mappings, log } = options;
  const settings = {
    endpointUrl: options.endpointUrl,
    invoke: options.invoke,
    hostIsUp: options.hostIsUp,
    deliver: failureDestination(options.endpointUrl),
    log,
    clock: options.clock ?? systemClock(),
    capCount: options.capCount ?? CEILING_COUNT,
    waitS: options.waitS ?? 1,
    drainMs: options.drainMs ?? 10_000,
  };
  checkNumber('capCount', settings.capCount, 1, CEILING_COUNT);
  checkNumber('waitS', settings.waitS, 1, 20);
  checkNumber('drainMs', settings.drainMs, 0, 900_000);
  const random = systemRandom();
  const running = new Map<string, Running>();
  const positions = new Map<string, StreamPositions>();
  let ended = false;

  const pollerOf = (mapping: EventSourceMapping): Poller | StreamPoller => {
    const { uuid } = mapping;
    if (mapping.stream === undefined) return new Poller({ ...settings, mapping });
    const known = positions.get(uuid) ?? new Map();
    positions.set(uuid, known);
    const onReady = (): void => mappings.setReady(uuid);
    return new StreamPoller({ ...settings, mapping, positions: known, uuid: () => random.uuid(), onReady });
  };

  const start = (mapping: EventSourceMapping): void => {
    try {
      running.set(mapping.uuid, { mapping, poller: pollerOf(mapping) });
    } catch (error) {
      log.error('event source not started', { uuid: mapping.uuid, error: String(error) });
    }
  };

  const end = (entry: Running): Promise<void> => {
    entry.stopped ??= entry.poller.stop().then(() => {
      running.delete(entry.mapping.uuid);
      follow();
    });
    return entry.stopped;
  };

  const follow = (): void => {
    for (const entry of running.values()) {
      if (ended || mappings.get(entry.mapping.uuid)?.mapping !== entry.mapping) void end(entry);
    }
    if (ended) return;
    for (const uuid of positions.keys())
      if (!running.has(uuid) && mappings.get(uuid) === undefined) positions.delete(uuid);
    for (const { mapping } of mappings.list()) {
      if (mapping.enabled && !running.has(mapping.uuid)) start(mapping);
    }
  };

  const unfollow = mappings.onChange(follow);
  follow();
  return Object.freeze({
    stop: async () => {
      ended = true;
      unfollow();
      await Promise.all([...running.values()].map(end));
    },
  });
};
