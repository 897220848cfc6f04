import { canonicalJson } from '#primitives/canonical-json';
import { absent, and, equals, not, type Fields } from '#primitives/table';
import { persist } from '../../pause.ts';
import { sha256 } from '#primitives/sha256';
import { settleTree } from './climb.ts';
import { headKey, partKey, readHead, type Head } from './records.ts';
import type { ReductionStore } from './store.ts';
import { DEFAULT_FAN_IN, MAX_PARTS, type ReductionPlan } from './types.ts';

export type PartOutcome = { readonly number: number } | 'unknown' | 'closed' | 'too-many';

const planText = ({ kind, items, source, open, fanIn = DEFAULT_FAN_IN, buckets }: ReductionPlan): string =>
  sha256(canonicalJson([kind, items ?? null, source ?? null, open === true, fanIn, buckets ?? null]));

const headFields = (plan: ReductionPlan, expires: number): Fields => {
  const { kind, items, source, fanIn = DEFAULT_FAN_IN, buckets } = plan;
  return {
    kind,
    fanIn,
    status: 'running',
    // A list is one part, whose number is 0.
    input: items !== undefined ? 'known' : source !== undefined ? 'listing' : 'open',
    parts: items === undefined ? 0 : 1,
    plan: planText(plan),
    items: 0,
    expires,
    ...(buckets === undefined ? {} : { bounds: JSON.stringify(buckets) }),
    ...(source === undefined ? {} : { bucket: source.bucket, prefix: source.prefix }),
  };
};

/** Makes the head, or finds the one that an earlier attempt has made. */
export const ensureHead = async (
  store: ReductionStore,
  id: string,
  plan: ReductionPlan,
): Promise<{ readonly head: Head; readonly isAnother: boolean }> => {
  const expiresAtMs = store.clock.nowMs() + store.keepMs;
  const fields = headFields(plan, expiresAtMs);
  const outcome = await persist('make reduction', store.pause, () =>
    store.table.put({ key: headKey(id), fields, condition: absent(), expiresAtMs }),
  );
  const head = readHead(outcome.status === 'refused' ? (outcome.current ?? fields) : fields);
  return { head, isAnother: head.plan !== planText(plan) };
};

/**
 * Takes a part into an open reduction and gives it its number: from then on the reduction is not done before this part
 * is. The same part again has the same number. Parts that come at once get theirs one after the other.
 *
 * API calls: 2.
 */
export const acceptPart = (store: ReductionStore, id: string, part: string): Promise<PartOutcome> =>
  persist<PartOutcome>('accept part', store.pause, async () => {
    const [fields, known] = await store.table.getMany([headKey(id), partKey(id, part)]);
    if (typeof known?.number === 'number') return { number: known.number };
    if (fields === undefined) return 'unknown';
    const head = readHead(fields);
    if (head.input !== 'open' || head.status !== 'running') return 'closed';
    if (head.parts >= MAX_PARTS) return 'too-many';
    const number = head.parts;
    const answer = await store.table.transact([
      {
        kind: 'update',
        key: headKey(id),
        set: { parts: number + 1 },
        condition: and(equals('input', 'open'), equals('status', 'running'), equals('parts', number)),
      },
      { kind: 'put', key: partKey(id, part), fields: { number }, condition: absent(), expiresAtMs: head.expiresAtMs },
    ]);
    return answer.status === 'written' ? { number } : undefined;
  });

/** Takes no more parts. What was accepted is still reduced. Repeating it is no error. */
export const closeInput = async (store: ReductionStore, id: string): Promise<'closed' | 'unknown' | 'not-open'> => {
  const outcome = await persist('close reduction', store.pause, () =>
    store.table.update({ key: headKey(id), set: { input: 'known', closed: true }, condition: equals('input', 'open') }),
  );
  if (outcome.status === 'refused') {
    if (outcome.current === undefined) return 'unknown';
    if (outcome.current.closed !== true) return 'not-open';
  }
  await settleTree(store, id);
  return 'closed';
};

/** The listing of a source has come to its end, after so many parts. */
export const endListing = async (store: ReductionStore, id: string, parts: number): Promise<void> => {
  await persist('end listing', store.pause, () =>
    store.table.update({ key: headKey(id), set: { input: 'known', parts }, condition: equals('input', 'listing') }),
  );
  await settleTree(store, id);
};

/** There will be no result, for this reason. A result that is there stays. */
export const failReduction = async (store: ReductionStore, id: string, reason: string): Promise<void> => {
  await persist('fail reduction', store.pause, () =>
    store.table.update({
      key: headKey(id),
      set: { status: 'failed', reason },
      condition: and(not(absent()), equals('status', 'running')),
    }),
  );
};
