import { equals, not, absent, type Fields } from '#primitives/table';
import { persist } from '../../pause.ts';
import { endJoin, publishIfNeeded } from './fire.ts';
import { applyParts, eachBucket } from './parts.ts';
import {
  ARRIVED,
  branchesIn,
  bucketKey,
  headKey,
  isComplete,
  markCount,
  markField,
  rootKey,
  statusOf,
  type Head,
} from './records.ts';
import type { JoinStore } from './store.ts';
import type { JoinStatus } from './types.ts';

const countsOf = (buckets: readonly (Fields | undefined)[]) => {
  const states = buckets.flatMap((bucket) => branchesIn(bucket).map(({ state }) => state));
  return { expected: states.length, arrived: states.filter((state) => state === ARRIVED).length };
};

const fireComplete = (store: JoinStore, joinId: string, { expected, expiresAtMs }: Head) =>
  endJoin(store, joinId, { status: 'fired', outcome: 'complete', expected, arrived: expected }, expiresAtMs);

const mark = async (store: JoinStore, joinId: string, buckets: readonly number[]): Promise<number> => {
  const set = Object.fromEntries(buckets.map((bucket) => [markField(bucket), true]));
  await persist('mark buckets', store.pause, () => store.table.update({ key: rootKey(joinId), set }));
  return markCount(await store.get(rootKey(joinId)));
};

/**
 * Called by whoever has written into a bucket, with what was read after that write. Of several arrivals at once the one
 * that was written last reads the bucket with all of them in it, so that somebody always sees that it is complete; the
 * same in the root, of buckets.
 *
 * API calls: none as long as the bucket waits; for the last of a bucket 2 (none when it is the only one); for the last
 * of the join 3.
 */
export const settleBucket = async (
  store: JoinStore,
  joinId: string,
  head: Head,
  bucket: number,
  fields: Fields | undefined,
): Promise<JoinStatus> => {
  await publishIfNeeded(store, joinId, head);
  if (head.status !== 'waiting' || !head.ready || !isComplete(fields)) return statusOf(head);
  const isWhole = head.buckets === 1 || (await mark(store, joinId, [bucket])) === head.buckets;
  return isWhole ? fireComplete(store, joinId, head) : statusOf(head);
};

/** Makes an open join that was closed ready: all its parts are in the buckets, and counted. */
const makeReady = async (store: JoinStore, joinId: string, head: Head): Promise<Head> => {
  await applyParts(store, joinId);
  const { expected } = countsOf(await store.buckets(joinId, head.buckets));
  await persist('make ready', store.pause, () =>
    store.table.update({ key: headKey(joinId), set: { ready: true, expected }, condition: equals('open', false) }),
  );
  return { ...head, ready: true, expected };
};

/**
 * Does whatever a join still needs, and may be called at any time by anybody: brings in its parts, marks its complete
 * buckets, fires it, publishes its end.
 *
 * @returns The head as it was found; undefined when there is no such join.
 */
export const settleJoin = async (store: JoinStore, joinId: string): Promise<Head | undefined> => {
  const found = await store.head(joinId);
  if (found === undefined) return undefined;
  if (found.status !== 'waiting') {
    await publishIfNeeded(store, joinId, found);
    return found;
  }
  if (found.open) return found;
  const head = found.ready ? found : await makeReady(store, joinId, found);
  const buckets = await store.buckets(joinId, head.buckets);
  const complete = buckets.flatMap((fields, bucket) => (isComplete(fields) ? [bucket] : []));
  if (complete.length === head.buckets) {
    await fireComplete(store, joinId, head);
    return (await store.head(joinId)) ?? head;
  }
  // Those that were complete before the join was ready, or whose last arrival crashed, have no mark yet.
  if (head.buckets > 1 && complete.length > 0) await mark(store, joinId, complete);
  return head;
};

/**
 * The deadline of a join. From here on arrivals are late: each bucket is closed before it is counted, so that what is
 * counted is what counts. Complete is complete also now; else the policy decides.
 *
 * A crash anywhere leaves buckets closed and the join waiting; the repeat ends it.
 *
 * API calls: 6 and one for each bucket.
 */
export const expireJoin = async (store: JoinStore, joinId: string): Promise<void> => {
  const head = await store.head(joinId);
  if (head === undefined) return;
  if (head.status !== 'waiting') return publishIfNeeded(store, joinId, head);
  await applyParts(store, joinId);
  await eachBucket(head.buckets, async (bucket) => {
    await persist('close bucket', store.pause, () =>
      store.table.update({ key: bucketKey(joinId, bucket), set: { closed: true }, condition: not(absent()) }),
    );
  });
  const { expected, arrived } = countsOf(await store.buckets(joinId, head.buckets));
  const isWhole = !head.open && arrived === expected;
  const outcome = isWhole ? 'complete' : 'deadline';
  const status = isWhole || head.onDeadline === 'fire' ? 'fired' : 'failed';
  await endJoin(store, joinId, { status, outcome, expected, arrived }, head.expiresAtMs);
};

/** Takes no more parts into an open join. Repeating it is no error. */
export const closeJoin = async (store: JoinStore, joinId: string): Promise<'closed' | 'unknown'> => {
  const outcome = await persist('close join', store.pause, () =>
    store.table.update({ key: headKey(joinId), set: { open: false }, condition: not(absent()) }),
  );
  if (outcome.status === 'refused') return 'unknown';
  await settleJoin(store, joinId);
  return 'closed';
};
