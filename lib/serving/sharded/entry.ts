import type { Fields, Json } from '#primitives/table';
import { KEEP_MS } from './limits.ts';
import type { CacheShard } from './membership.ts';

/** Where the copies of an entry are, so that whoever writes it writes them, too. */
export interface Copies {
  /** The partition of the entry that they are copies of: those of another one are not looked at. */
  readonly home: string;
  readonly shards: readonly CacheShard[];
  /** Until then it has the copies of a hot key. */
  readonly hotUntilMs?: number;
}

/** What is stored under a key: a value, or (without one) that it was deleted. */
export interface Entry {
  /** Rises by one with each put and each delete. */
  readonly version: number;
  /** Rises by one with each write of any kind: what the next write is conditional on. */
  readonly revision: number;
  readonly value?: Json;
  /** From then on it is not served. Of the writer's clock. */
  readonly expiresAtMs?: number;
  readonly copies?: Copies;
}

export const entryFields = ({ version, revision, value, expiresAtMs, copies }: Entry): Fields => ({
  version,
  revision,
  ...(value === undefined ? {} : { value }),
  ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  ...(copies === undefined ? {} : { copies: { ...copies, shards: copies.shards.map((shard) => ({ ...shard })) } }),
});

/** Written by this library alone. */
export const readEntry = (fields: Fields): Entry => fields as object as Entry;

/** The value, unless it was deleted or has expired. */
export const valueOf = (entry: Entry | undefined, nowMs: number): Json | undefined => {
  if (entry?.value === undefined) return undefined;
  return entry.expiresAtMs !== undefined && entry.expiresAtMs <= nowMs ? undefined : entry.value;
};

/** When the table may drop the record: late attempts have come by then. */
export const dropAtMs = ({ value, expiresAtMs }: Entry, nowMs: number): { readonly expiresAtMs?: number } => {
  if (value === undefined) return { expiresAtMs: nowMs + KEEP_MS };
  return expiresAtMs === undefined ? {} : { expiresAtMs: expiresAtMs + KEEP_MS };
};
