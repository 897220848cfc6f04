import { absent, and, equals, type Json } from '#primitives/table';
import { persist } from '../../pause.ts';
import { isLeftToWatch } from './fire.ts';
import {
  ARRIVED,
  branchField,
  bucketKey,
  bucketOf,
  dataKey,
  EXPECTED,
  headKey,
  LATE,
  readHead,
  statusOf,
} from './records.ts';
import { settleBucket } from './settle.ts';
import type { JoinStore } from './store.ts';
import type { Arrival, ArrivalOutcome } from './types.ts';

/** Joins whose number of buckets a host remembers. */
const REMEMBERED_COUNT = 1_000;

/** How many buckets a join has never changes: it is read once. */
const bucketCounts = (store: JoinStore) => {
  const known = new Map<string, number>();
  return async (joinId: string): Promise<number | undefined> => {
    const count = known.get(joinId) ?? (await store.head(joinId))?.buckets;
    if (count !== undefined && !known.has(joinId)) {
      const [oldest] = known.keys();
      if (known.size >= REMEMBERED_COUNT && oldest !== undefined) known.delete(oldest);
      known.set(joinId, count);
    }
    return count;
  };
};

/**
 * Notes down who has arrived: a name in a set, not a count, so that a repeat changes nothing. Undefined: no such branch.
 */
const record = async (
  store: JoinStore,
  joinId: string,
  bucket: number,
  branch: string,
): Promise<Arrival | undefined> => {
  const [key, field] = [bucketKey(joinId, bucket), branchField(branch)];
  const arrive = () =>
    store.table.update({ key, set: { [field]: ARRIVED }, condition: and(equals(field, EXPECTED), absent('closed')) });
  const outcome = await persist('record arrival', store.pause, arrive);
  if (outcome.status === 'written') return 'recorded';
  const state = outcome.current?.[field];
  if (state === undefined) return undefined;
  // Ours perhaps, and the answer was lost: that is no other case.
  if (state === ARRIVED) return 'duplicate';
  if (state === LATE) return 'late';
  const beLate = () => store.table.update({ key, set: { [field]: LATE }, condition: equals(field, EXPECTED) });
  await persist('record late arrival', store.pause, beLate);
  return 'late';
};

/** What a branch brings along: the first counts. Only for branches that there are. */
const keepData = async (
  store: JoinStore,
  joinId: string,
  bucket: number,
  branch: string,
  data: Json,
): Promise<boolean> => {
  const fields = await store.get(bucketKey(joinId, bucket));
  if (fields?.[branchField(branch)] === undefined) return false;
  const expiresAtMs = (await store.head(joinId))?.expiresAtMs ?? store.clock.nowMs() + store.keepMs;
  const put = { key: dataKey(joinId, branch), fields: { data }, condition: absent(), expiresAtMs };
  await persist('keep data', store.pause, () => store.table.put(put));
  return true;
};

const readBoth = (store: JoinStore, joinId: string, bucket: number) =>
  persist('read join', store.pause, () => store.table.getMany([headKey(joinId), bucketKey(joinId, bucket)]));

/**
 * The arrival of a branch. When it was the last one, the join has fired when this returns, or fires at the next look.
 * Duplicates and late ones change nothing of that; a repeat after a crash goes on where the first attempt ended.
 *
 * API calls: 2 (3 for the first of a join on this host); with data 3 more; for the last one 3 more.
 */
export const arrivals = (store: JoinStore) => {
  const bucketCountOf = bucketCounts(store);
  return async (joinId: string, branch: string, data?: Json): Promise<ArrivalOutcome> => {
    const count = await bucketCountOf(joinId);
    if (count === undefined) return 'unknown-join';
    const bucket = bucketOf(joinId, branch, count);
    if (data !== undefined && !(await keepData(store, joinId, bucket, branch, data))) return 'unknown-branch';
    const arrival = await record(store, joinId, bucket, branch);
    if (arrival === undefined) return 'unknown-branch';
    const [fields, bucketFields] = await readBoth(store, joinId, bucket);
    if (fields === undefined) return 'unknown-join';
    const head = readHead(fields);
    try {
      return { arrival, status: await settleBucket(store, joinId, head, bucket, bucketFields) };
    } catch (error) {
      // The arrival is recorded, and what is left is done by the watch: the client has nothing to repeat.
      if (!isLeftToWatch(error)) throw error;
      store.log.warn('join not settled, the watch will', { joinId, error });
      return { arrival, status: statusOf(head) };
    }
  };
};
