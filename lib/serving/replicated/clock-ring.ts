/** What is kept: its owner sets `isUsed` at each use, which is all that a use costs. */
export interface RingEntry {
  readonly key: string;
  readonly sizeBytes: number;
  /** Set since the hand passed: it is spared once. */
  isUsed: boolean;
  /** Where it stands on the ring; the ring's own. */
  place: number;
}

export interface ClockRing<E extends RingEntry> {
  get(key: string): E | undefined;
  /** Puts an entry in the place of one with its key; false when it alone is larger than the limit, and not kept. */
  set(entry: E): boolean;
  delete(key: string): void;
  count(): number;
  sizeBytes(): number;
  /** How many were pushed out to make room. */
  evictedCount(): number;
}

/**
 * Keeps entries within a number and a size. A hand goes round: it spares what was used since it last passed and pushes
 * out the first that was not. Nearly as good a choice as the least recently used one, and a use moves nothing.
 *
 * @see https://www.usenix.org/conference/nsdi13/technical-sessions/presentation/fan (MemC3, section 3.2)
 */
export const clockRing = <E extends RingEntry>(limits: {
  readonly maxCount: number;
  readonly maxBytes: number;
}): ClockRing<E> => {
  const { maxCount, maxBytes } = limits;
  const byKey = new Map<string, E>();
  const places: (E | undefined)[] = [];
  const free: number[] = [];
  let hand = 0;
  let bytes = 0;
  let evicted = 0;

  const remove = (entry: E): void => {
    byKey.delete(entry.key);
    places[entry.place] = undefined;
    free.push(entry.place);
    bytes -= entry.sizeBytes;
  };

  const evictOne = (): void => {
    for (;;) {
      hand = hand + 1 < places.length ? hand + 1 : 0;
      const entry = places[hand];
      if (entry === undefined) continue;
      if (!entry.isUsed) {
        remove(entry);
        evicted += 1;
        return;
      }
      entry.isUsed = false;
    }
  };

  return Object.freeze<ClockRing<E>>({
    get: (key) => byKey.get(key),
    set: (entry) => {
      const former = byKey.get(entry.key);
      if (former !== undefined) remove(former);
      if (entry.sizeBytes > maxBytes) return false;
      while (byKey.size >= maxCount || bytes + entry.sizeBytes > maxBytes) evictOne();
      entry.place = free.pop() ?? places.length;
      places[entry.place] = entry;
      byKey.set(entry.key, entry);
      bytes += entry.sizeBytes;
      return true;
    },
    delete: (key) => {
      const entry = byKey.get(key);
      if (entry !== undefined) remove(entry);
    },
    count: () => byKey.size,
    sizeBytes: () => bytes,
    evictedCount: () => evicted,
  });
};
