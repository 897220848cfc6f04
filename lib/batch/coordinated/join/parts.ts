import { absent, and, equals, type Fields } from '#primitives/table';
import { inTurns } from '#resilience/in-turns';
import { persist } from '../../pause.ts';
import { branchField, bucketKey, bucketOf, EXPECTED, headKey, MAX_BUCKETS, partKey, readHead } from './records.ts';
import type { JoinStore } from './store.ts';
import { MAX_PARTS } from './types.ts';

export type PartOutcome = 'accepted' | 'unknown' | 'closed' | 'too-many';

/** Fields of one update: its expressions are texts of at most 4 KB. */
const FIELDS_A_CALL = 64;
/** Buckets at a time. */
const CONCURRENCY = 8;

/** Runs `run` for each bucket, some at a time. */
export const eachBucket = async (count: number, run: (bucket: number) => Promise<void>): Promise<void> => {
  const buckets = Array.from({ length: count }, (_, bucket) => bucket);
  await inTurns(buckets, CONCURRENCY, run);
};

/** Adds branches that the bucket does not know; what arrived meanwhile stays arrived. */
const addToBucket = async (
  store: JoinStore,
  joinId: string,
  bucket: number,
  branches: readonly string[],
): Promise<void> => {
  let fresh = branches;
  while (fresh.length > 0) {
    const some = fresh.slice(0, FIELDS_A_CALL);
    const outcome = await persist('add branches', store.pause, () =>
      store.table.update({
        key: bucketKey(joinId, bucket),
        set: Object.fromEntries(some.map((branch) => [branchField(branch), EXPECTED])),
        condition: and(...some.map((branch) => absent(branchField(branch)))),
      }),
    );
    const known: Fields = outcome.status === 'refused' ? (outcome.current ?? {}) : {};
    const done = new Set(outcome.status === 'written' ? some : []);
    fresh = fresh.filter((branch) => !done.has(branch) && known[branchField(branch)] === undefined);
  }
};

/** Brings an accepted part into the buckets. May be repeated, and run twice at a time. */
const applyPart = async (store: JoinStore, joinId: string, part: string, branches: readonly string[]) => {
  const groups = Map.groupBy(new Set(branches), (branch) => bucketOf(joinId, branch, MAX_BUCKETS));
  await inTurns([...groups], CONCURRENCY, ([bucket, names]) => addToBucket(store, joinId, bucket, names));
  await persist('end part', store.pause, () =>
    store.table.update({ key: partKey(joinId, part), set: { applied: true }, remove: ['branches'] }),
  );
};

/** Applies the parts that a crash has left. */
export const applyParts = async (store: JoinStore, joinId: string): Promise<void> => {
  let after: string | undefined;
  do {
    const from = after === undefined ? {} : { after };
    const page = await persist('read parts', store.pause, () =>
      store.table.query({ partition: headKey(joinId).partition, sortPrefix: 'part/', limit: 10, ...from }),
    );
    for (const { key, fields } of page.records) {
      if (fields.applied === true) continue;
      const branches = Array.isArray(fields.branches) ? fields.branches : [];
      await applyPart(
        store,
        joinId,
        key.sort.slice('part/'.length),
        branches.filter((each) => typeof each === 'string'),
      );
    }
    after = page.next;
  } while (after !== undefined);
};

/**
 * Takes a part into an open join. Accepted is durable: the join does not fire before the part's branches have arrived,
 * whatever crashes. The same `partId` again is the same part.
 *
 * API calls: 3, and one for each bucket that gets branches (at most 96).
 */
export const addPart = async (
  store: JoinStore,
  joinId: string,
  partId: string,
  branches: readonly string[],
): Promise<PartOutcome> => {
  const { table, pause } = store;
  const outcome = await persist<PartOutcome>('accept part', pause, async () => {
    const fields = await table.get(headKey(joinId));
    if (fields === undefined) return 'unknown';
    const head = readHead(fields);
    const isFull = head.parts >= MAX_PARTS;
    if (!head.open || head.status !== 'waiting' || isFull) {
      const known = (await table.get(partKey(joinId, partId))) !== undefined;
      return known ? 'accepted' : isFull && head.open ? 'too-many' : 'closed';
    }
    const answer = await table.transact([
      {
        kind: 'update',
        key: headKey(joinId),
        set: { parts: head.parts + 1 },
        condition: and(equals('open', true), equals('status', 'waiting'), equals('parts', head.parts)),
      },
      {
        kind: 'put',
        key: partKey(joinId, partId),
        fields: { branches: [...branches], applied: false },
        condition: absent(),
        expiresAtMs: head.expiresAtMs,
      },
    ]);
    if (answer.status === 'written') return 'accepted';
    return answer.status === 'refused' && answer.refusals[1] !== undefined ? 'accepted' : undefined;
  });
  if (outcome === 'accepted') await applyPart(store, joinId, partId, branches);
  return outcome;
};
