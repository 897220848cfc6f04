import type { LockRecord } from './record.ts';

/** A lock as it was last seen here, and since when it has stood so, by the monotonic clock of this host. */
export interface Sighting {
  readonly record: LockRecord;
  readonly seenAtMs: number;
}

export interface Sightings {
  get(name: string): Sighting | undefined;
  /** @param atMs When the answer that showed it had come: what it shows was written before. */
  saw(name: string, record: LockRecord | undefined, atMs: number): void;
}

/** Nobody holds the lock, or its holder was not heard of for a whole lease: who watched that may take it over. */
export const isForTaking = ({ record, seenAtMs }: Sighting, nowMs: number): boolean =>
  record.holder === '' || nowMs - seenAtMs >= record.leaseMs;

/**
 * What this host has seen of locks. Time is counted from when it first saw a beat, never from what another host's clock
 * said; the lease's length is told by the record.
 *
 * @param limit So many locks, the one that changed least recently is forgotten first: it has to be watched anew.
 */
export const sightingsOf = (limit: number): Sightings => {
  const known = new Map<string, Sighting>();
  return Object.freeze<Sightings>({
    get: (name) => known.get(name),
    saw: (name, record, atMs) => {
      const before = known.get(name);
      if (record !== undefined && before?.record.beat === record.beat) return;
      known.delete(name);
      if (record === undefined) return;
      known.set(name, Object.freeze({ record, seenAtMs: atMs }));
      const [oldest] = known.keys();
      if (known.size > limit && oldest !== undefined) known.delete(oldest);
    },
  });
};
