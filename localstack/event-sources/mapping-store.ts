import type { EventSourceMapping } from '#event-sources/mapping';

export interface StoredMapping {
  readonly mapping: EventSourceMapping;
  readonly modifiedAtMs: number;
}

/** The event source mappings of an endpoint, in memory: the API writes them, the event sources follow them. */
export interface MappingStore {
  get(uuid: string): StoredMapping | undefined;
  /** In the order in which they were made. */
  list(): readonly StoredMapping[];
  put(stored: StoredMapping): void;
  delete(uuid: string): void;
  /** Whether what comes to the source from now on reaches the function: true from the first start of a poller on. */
  isReady(uuid: string): boolean;
  setReady(uuid: string): void;
  /** Calls `listener` after each change, at once and in order. Returns what ends it. */
  onChange(listener: () => void): () => void;
}

/** A store that holds nothing yet. */
export const mappingStore = (): MappingStore => {
  const mappings = new Map<string, StoredMapping>();
  const ready = new Set<string>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return Object.freeze({
    get: (uuid: string) => mappings.get(uuid),
    list: () => [...mappings.values()],
    put: (stored: StoredMapping) => {
      mappings.set(stored.mapping.uuid, stored);
      changed();
    },
    delete: (uuid: string) => {
      ready.delete(uuid);
      if (mappings.delete(uuid)) changed();
    },
    isReady: (uuid: string) => ready.has(uuid),
    setReady: (uuid: string) => {
      if (mappings.has(uuid)) ready.add(uuid);
    },
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
};
