import type { EventSourceMapping } from '#event-sources/mapping';
import { CEILING_COUNT } from '#event-sources/scaling';
import { checkNumber } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { systemClock } from '#primitives/system-clock';
import type { Invoke } from './invocation.ts';
import type { MappingStore } from './mapping-store.ts';
import { Poller } from './poller.ts';
import { loopbackUrl } from './sqs-api.ts';

export interface EventSourcesOptions {
  /** Where SQS is; an http address on loopback. */
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
   * back to its queue. What is still in flight then comes again when its visibility timeout ends.
   */
  stop(): Promise<void>;
}

interface Running {
  readonly mapping: EventSourceMapping;
  readonly poller: Poller;
  stopped?: Promise<void>;
}

/**
 * Runs the event source mappings of a store: each enabled one has a poller, and every change of the store is followed
 * at once. A changed mapping starts anew when its former poller has drained, so that its limits hold throughout.
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
    log,
    clock: options.clock ?? systemClock(),
    capCount: options.capCount ?? CEILING_COUNT,
    waitS: options.waitS ?? 1,
    drainMs: options.drainMs ?? 10_000,
  };
  loopbackUrl(settings.endpointUrl);
  checkNumber('capCount', settings.capCount, 1, CEILING_COUNT);
  checkNumber('waitS', settings.waitS, 1, 20);
  checkNumber('drainMs', settings.drainMs, 0, 900_000);
  const running = new Map<string, Running>();
  let ended = false;

  const start = (mapping: EventSourceMapping): void => {
    try {
      running.set(mapping.uuid, { mapping, poller: new Poller({ ...settings, mapping }) });
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
