import { absent, type Fields, type Table } from '#primitives/table';
import { persist } from '../../pause.ts';
import { sha256 } from '#primitives/sha256';
import {
  branchField,
  bucketCountFor,
  bucketKey,
  bucketOf,
  EXPECTED,
  headKey,
  markField,
  MAX_BUCKETS,
  rootKey,
} from './records.ts';
import type { JoinStore } from './store.ts';
import type { JoinPlan } from './types.ts';
import { sendWatch } from './watch-message.ts';

type Writes = Parameters<Table['transact']>[0];

/** What tells one list from another; the deadline is part of what was asked for. */
const listOf = ({ deadlineMs, onDeadline = 'fail', open }: JoinPlan, branches: readonly string[]): string =>
  sha256(JSON.stringify([open === true, branches.toSorted(), deadlineMs ?? null, onDeadline]));

const firstDelayMs = ({ watch }: JoinStore, { deadlineMs = Infinity }: JoinPlan): number =>
  Math.min(watch.firstMs, deadlineMs);

const headFields = (plan: JoinPlan, branches: readonly string[], buckets: number): Fields => ({
  status: 'waiting',
  open: plan.open === true,
  ready: plan.open !== true,
  buckets,
  parts: 0,
  list: listOf(plan, branches),
  onDeadline: plan.onDeadline ?? 'fail',
  hop: 0,
  expected: branches.length,
  arrived: 0,
  published: false,
  ...(plan.deadlineMs === undefined ? {} : { deadlineMs: plan.deadlineMs }),
});

const writesOf = (joinId: string, plan: JoinPlan, watchMs: number, expiresAtMs: number): Writes => {
  const branches = [...new Set(plan.branches)];
  const count = plan.open === true ? MAX_BUCKETS : bucketCountFor(branches.length);
  const buckets = Array.from({ length: count }, (): Record<string, number> => ({}));
  for (const branch of branches) {
    const bucket = buckets[bucketOf(joinId, branch, count)];
    if (bucket !== undefined) bucket[branchField(branch)] = EXPECTED;
  }
  // A bucket without branches waits for nobody.
  const empty = buckets.flatMap((fields, bucket) => (Object.keys(fields).length === 0 ? [bucket] : []));
  const marks = plan.open === true ? {} : Object.fromEntries(empty.map((bucket) => [markField(bucket), true]));
  const put = { kind: 'put', condition: absent(), expiresAtMs } as const;
  return [
    { ...put, key: headKey(joinId), fields: { ...headFields(plan, branches, count), watchMs, expires: expiresAtMs } },
    { ...put, key: rootKey(joinId), fields: marks },
    ...buckets.map((fields, bucket) => ({ ...put, key: bucketKey(joinId, bucket), fields })),
  ];
};

/**
 * Makes a join, whole or not at all, and lets it be looked after. The same again is no error: a repeat after a crash
 * finds what there is and sends the first watch once more.
 *
 * API calls: 2.
 *
 * @returns `another` when there is another join under this id.
 */
export const createJoin = async (store: JoinStore, joinId: string, plan: JoinPlan): Promise<'made' | 'another'> => {
  const { table, clock, keepMs, pause } = store;
  const delayMs = firstDelayMs(store, plan);
  const writes = writesOf(joinId, plan, delayMs, clock.nowMs() + (plan.deadlineMs ?? 0) + keepMs);
  const outcome = await persist('make join', pause, async () => {
    const answer = await table.transact(writes);
    return answer.status === 'conflict' ? undefined : answer;
  });
  if (outcome.status === 'refused') {
    const known = await store.head(joinId);
    if (known?.list !== listOf(plan, [...new Set(plan.branches)])) return 'another';
  }
  await sendWatch(store, joinId, { hop: 0, delayMs });
  return 'made';
};
