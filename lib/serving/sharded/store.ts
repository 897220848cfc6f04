import type { Clock } from '#primitives/clock';
import type { Fields, Json, Key, Table, Write } from '#primitives/table';
import { dropAtMs, entryFields, readEntry, valueOf, type Entry } from './entry.ts';
import { tableAt } from './epochs.ts';
import type { CacheShard } from './membership.ts';
import { fenceKey, type Home, type Route } from './routes.ts';

/**
 * What a read of a key's places came to. `stale`: a fence is of another epoch; `again`: it met a transaction. `left`: what
 * is still at the place that the key moves away from.
 */
export type Found =
  | { readonly status: 'current'; readonly entry: Entry | undefined; readonly left?: Entry }
  | { readonly status: 'stale' | 'again' };

/** What a conditional write came to; `refused` with what stood against it, `again`: it met another one. */
export type Written =
  | { readonly status: 'written' }
  | { readonly status: 'refused'; readonly entry: Entry | undefined }
  | { readonly status: 'again' };

type TableWrite = Write & { readonly table?: Table };

const keyIn = ({ partition }: Home, key: string): Key => ({ partition, sort: key });
const copyKey = (slot: number, shard: string, key: string): Key => ({ partition: `copy/${slot}/${shard}`, sort: key });
const isOf = (fence: Fields | undefined, epoch: number): boolean => fence?.['epoch'] === epoch;
const unchanged = (entry: Entry | undefined): NonNullable<Write['condition']> =>
  entry === undefined ? { kind: 'absent' } : { kind: 'equals', field: 'revision', value: entry.revision };

/** The calls that the cache makes, each of them one. */
export const store = (options: { readonly tables: readonly Table[]; readonly clock: Clock }) => {
  const { tables, clock } = options;
  const at = (shard: CacheShard): Table => tableAt(tables, shard);

  /**
   * What is at a key's places, and their fences, as they stood together at one instant. A batch of reads would not do: it
   * may see the fence before a plan begins and the entry after it has moved, and so find nothing; nor would two reads,
   * between which the entry goes from the one to the other.
   */
  const read = async ({ home, from, epoch }: Route, key: string): Promise<Found> => {
    const places = [home, ...(from === undefined ? [] : [from])];
    const found = await at(home.shard).transactGet(
      places.flatMap((place) => [keyIn(place, key), place.fence].map((each) => ({ ...each, table: at(place.shard) }))),
    );
    if (found === undefined) return { status: 'again' };
    const [own, fence, left, leftFence] = found;
    if (!isOf(fence, epoch) || (from !== undefined && !isOf(leftFence, epoch))) return { status: 'stale' };
    const entry = own === undefined ? undefined : readEntry(own);
    return { status: 'current', entry, ...(left === undefined ? {} : { left: readEntry(left) }) };
  };

  /** Whether an epoch still holds at the shard of a key. */
  const holds = async ({ home, epoch }: Route): Promise<boolean> => isOf(await at(home.shard).get(home.fence), epoch);

  /**
   * Takes entries from one place to another, all or none: each leaves one in the transaction in which it arrives at the
   * other, so that it is never at neither, and what wants to change it meanwhile is refused.
   */
  const move = async (
    moves: readonly { readonly from: Home; readonly to: Home; readonly key: string; readonly entry: Entry }[],
  ): Promise<'moved' | 'refused' | 'again'> => {
    const outcome = await at(moves[0]?.from.shard ?? { name: '', weight: 1, table: 0 }).transact(
      moves.flatMap(({ from, to, key, entry }): readonly TableWrite[] => [
        { kind: 'delete', key: keyIn(from, key), condition: unchanged(entry), table: at(from.shard) },
        {
          kind: 'put',
          key: keyIn(to, key),
          fields: entryFields(entry),
          condition: { kind: 'absent' },
          table: at(to.shard),
          ...dropAtMs(entry, clock.nowMs()),
        },
      ]),
    );
    if (outcome.status === 'written') return 'moved';
    return outcome.status === 'refused' ? 'refused' : 'again';
  };

  /** Drops what came late to a place that the key has left. */
  const drop = async (from: Home, key: string, entry: Entry): Promise<void> => {
    await at(from.shard).delete({ key: keyIn(from, key), condition: unchanged(entry) });
  };

  /** Puts an entry in the place of `before`, with its copies, and without those that it has no more. */
  const write = async (
    { home, slot }: Route,
    key: string,
    before: Entry | undefined,
    next: Entry,
  ): Promise<Written> => {
    const fields = entryFields(next);
    const own = { key: keyIn(home, key), fields, condition: unchanged(before), ...dropAtMs(next, clock.nowMs()) };
    const kept = next.copies?.shards ?? [];
    const gone = (before?.copies?.shards ?? []).filter(({ name }) => !kept.some((shard) => shard.name === name));
    if (kept.length + gone.length === 0) {
      const outcome = await at(home.shard).put(own);
      if (outcome.status === 'written') return outcome;
      return { status: 'refused', entry: outcome.current === undefined ? undefined : readEntry(outcome.current) };
    }
    const outcome = await at(home.shard).transact([
      { kind: 'put', ...own },
      ...kept.map((shard): TableWrite => {
        const copy = { kind: 'put' as const, key: copyKey(slot, shard.name, key), table: at(shard) };
        return { ...copy, fields: { ...fields, home: home.partition }, ...dropAtMs(next, clock.nowMs()) };
      }),
      ...gone.map((shard): TableWrite => ({ kind: 'delete', key: copyKey(slot, shard.name, key), table: at(shard) })),
    ]);
    if (outcome.status === 'conflict') return { status: 'again' };
    if (outcome.status === 'written') return { status: 'written' };
    const current = outcome.refusals[0]?.current;
    return { status: 'refused', entry: current === undefined ? undefined : readEntry(current) };
  };

  /** The value of a copy, when there is one of what is at `route.home` now. */
  const readCopy = async (route: Route, shard: CacheShard, key: string): Promise<Json | undefined> => {
    const { slot, epoch, home } = route;
    const keys = [copyKey(slot, shard.name, key), fenceKey(shard.name, 0)];
    // Together, as `read`: the copy is of the epoch whose fence is seen.
    const [fields, fence] = (await at(shard).transactGet(keys)) ?? [];
    if (fields === undefined || !isOf(fence, epoch) || fields['home'] !== home.partition) return undefined;
    return valueOf(readEntry(fields), clock.nowMs());
  };

  return Object.freeze({ read, holds, move, drop, write, readCopy, at, keyIn });
};

export type Store = ReturnType<typeof store>;
