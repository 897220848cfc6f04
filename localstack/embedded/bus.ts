import type { Random } from '#primitives/random';
import type { Clock } from '#primitives/clock';

export interface PutEntry {
  readonly Source?: string | undefined;
  readonly DetailType?: string | undefined;
  readonly Detail?: string | undefined;
  readonly EventBusName?: string | undefined;
  readonly Resources?: readonly string[] | undefined;
  /** Seconds since the epoch. */
  readonly Time?: number | undefined;
  readonly TraceHeader?: string | undefined;
}

/** An event as rules and targets see it. */
export interface AcceptedEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: { readonly [name: string]: unknown };
}

export type PutResult = { readonly EventId: string } | { readonly ErrorCode: string; readonly ErrorMessage: string };

/** An event of AWS itself. */
export interface ServiceEvent {
  /** `aws.…`, which nobody else may put. */
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  readonly atMs: number;
  readonly detail: AcceptedEvent['detail'];
}

export interface EventBuses {
  /** Takes events; each has its own result, in order. */
  put(entries: readonly PutEntry[]): readonly PutResult[];
  /** Takes an event of AWS itself, which comes on the default bus. */
  emit(event: ServiceEvent): void;
  /** Puts an event that another bus took; false when there is no such bus. */
  forward(bus: string, event: AcceptedEvent): boolean;
  /** The latest events of a bus, the oldest first; undefined when there is no such bus. */
  events(bus: string): readonly AcceptedEvent[] | undefined;
  /** False when there is one of the name already. */
  create(name: string): boolean;
  delete(name: string): void;
  has(name: string): boolean;
  /** Ordered by name. */
  names(): readonly string[];
}

export const DEFAULT_BUS = 'default';
/** Of each bus; the oldest go. */
const MAX_KEPT_EVENTS = 1_000;

/** A bus may be given by its ARN. */
export const busNameOf = (nameOrArn: string | undefined): string =>
  nameOrArn === undefined ? DEFAULT_BUS : nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);

/** The time of an event, as it is written in it. */
export const eventTime = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

const parsedDetail = (detail: string): AcceptedEvent['detail'] | undefined => {
  try {
    const value: unknown = JSON.parse(detail);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

const missing = (name: string): PutResult => ({
  ErrorCode: 'InvalidArgument',
  ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
});

/** The event buses and what they accepted lately, in memory. */
export const eventBuses = (options: {
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called with what no bus took: AWS accepts it and drops it. */
  readonly onDropped: (bus: string) => void;
  /** Called with each event that a bus took. */
  readonly onTaken: (bus: string, event: AcceptedEvent, isForwarded: boolean) => void;
  /** False while so much waits for targets that nothing more is to be taken. */
  readonly hasRoom: () => boolean;
}): EventBuses => {
  const buses = new Map<string, AcceptedEvent[]>([[DEFAULT_BUS, []]]);

  const take = (bus: string, event: AcceptedEvent, isForwarded: boolean): boolean => {
    const kept = buses.get(bus);
    if (kept === undefined) return false;
    kept.push(event);
    if (kept.length > MAX_KEPT_EVENTS) kept.shift();
    options.onTaken(bus, event, isForwarded);
    return true;
  };

  const keep = (bus: string, id: string, event: ServiceEvent): void => {
    const taken = take(
      bus,
      {
        version: '0',
        id,
        'detail-type': event.detailType,
        source: event.source,
        account: options.accountId,
        time: eventTime(event.atMs),
        region: options.region,
        resources: event.resources,
        detail: event.detail,
      },
      false,
    );
    if (!taken) options.onDropped(bus);
  };

  const accept = (entry: PutEntry): PutResult => {
    const { Source: source, DetailType: type, Detail: detail } = entry;
    if (source === undefined || source === '') return missing('Source');
    if (type === undefined || type === '') return missing('DetailType');
    if (detail === undefined || detail === '') return missing('Detail');
    if (source.startsWith('aws.'))
      return { ErrorCode: 'NotAuthorizedForSource', ErrorMessage: 'Not authorized for the source.' };
    const parsed = parsedDetail(detail);
    if (parsed === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    if (!options.hasRoom())
      return { ErrorCode: 'ThrottlingException', ErrorMessage: 'Too many events wait for their targets.' };
    const id = options.random.uuid();
    const atMs = entry.Time === undefined ? options.clock.nowMs() : entry.Time * 1_000;
    const resources = entry.Resources ?? [];
    keep(busNameOf(entry.EventBusName), id, { source, detailType: type, resources, atMs, detail: parsed });
    return { EventId: id };
  };

  return Object.freeze({
    forward: (bus: string, event: AcceptedEvent) => take(bus, event, true),
    put: (entries: readonly PutEntry[]) => entries.map(accept),
    emit: (event: ServiceEvent) => keep(DEFAULT_BUS, options.random.uuid(), event),
    events: (bus: string) => buses.get(bus)?.slice(),
    create: (name: string) => {
      if (buses.has(name)) return false;
      buses.set(name, []);
      return true;
    },
    delete: (name: string) => void buses.delete(name),
    has: (name: string) => buses.has(name),
    names: () => [...buses.keys()].toSorted(),
  });
};
