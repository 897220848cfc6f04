import { absent, and, equals, type Table } from '#primitives/table';
import { persist, type Pause } from '../pause.ts';
import { textOf } from '#primitives/field-values';
import { jobKey, knownKey, partKey, type JobRecord } from './records.ts';
import type { JobItem } from './types.ts';

/** One transaction takes 100 writes: so many items and the record that counts them. */
export const CHUNK_COUNT = 99;

interface PartOptions {
  readonly jobs: Table;
  readonly jobId: string;
  readonly partId: string;
  readonly expiresAtMs: number;
  readonly pause: Pause;
}

/**
 * Takes a part into an open job: from then on the job is not planned before this part is. A part that was taken before
 * stays taken, also when the job has been closed since.
 *
 * The parts of an ordered job are a chain: each knows the one that was taken before it, and is planned after it. Parts
 * that are taken side by side go one after the other, in an order of their own.
 */
export const acceptPart = async (
  options: PartOptions & { readonly job: JobRecord },
): Promise<'accepted' | 'closed'> => {
  const { jobs, jobId, partId, expiresAtMs, pause, job } = options;
  let { lastPart } = job;
  return persist('accept part', pause, async () => {
    const isOpen = and(equals('kind', 'open'), equals('closed', false));
    const isLast = lastPart === undefined ? absent('lastPart') : equals('lastPart', lastPart);
    const outcome = await jobs.transact([
      job.ordered
        ? { kind: 'update', key: jobKey(jobId), set: { lastPart: partId }, condition: and(isOpen, isLast) }
        : { kind: 'check', key: jobKey(jobId), condition: isOpen },
      {
        kind: 'put',
        key: partKey(jobId, partId),
        fields: { count: 0, planned: false, ...(lastPart === undefined ? {} : { after: lastPart }) },
        condition: absent(),
        expiresAtMs,
      },
    ]);
    if (outcome.status === 'conflict') return undefined;
    if (outcome.status === 'written' || outcome.refusals[1] !== undefined) return 'accepted';
    const last = textOf(outcome.refusals[0]?.current?.lastPart);
    if (last === lastPart) return 'closed';
    // Another part was taken between: this one goes behind it.
    lastPart = last;
    return undefined;
  });
};

/**
 * Counts the items of a chunk that the job does not know yet and gives those that are this part's to send: the new
 * ones, and at a repeat those that it counted before. Markers and count are written by one transaction, so that
 * parts may repeat and overlap, and every item is counted once. A repeat counts nothing twice and gives the same items
 * again, so that a crash before they were sent loses none.
 *
 * @param items At most {@link CHUNK_COUNT}, each with another id; the same for the same `chunk` at every repeat.
 */
export const countChunk = async (
  items: readonly JobItem[],
  chunk: number,
  options: PartOptions,
): Promise<readonly JobItem[]> => {
  const { jobs, jobId, partId, expiresAtMs, pause } = options;
  const ours = new Set<string>();
  let fresh = items;
  // Every refusal takes out at least one item; other planners can cause no more of them than there are items.
  for (let calls = 0; calls <= CHUNK_COUNT + 1 && fresh.length > 0; calls += 1) {
    const candidates = fresh;
    const outcome = await persist('count part', pause, async () => {
      const answer = await jobs.transact([
        ...candidates.map(({ id }) => ({
          kind: 'put' as const,
          key: knownKey(jobId, id),
          fields: { part: partId },
          condition: absent(),
          expiresAtMs,
        })),
        {
          kind: 'put',
          key: partKey(jobId, `${partId}/${chunk}`),
          fields: { count: candidates.length, planned: true },
          condition: absent(),
          expiresAtMs,
        },
      ]);
      return answer.status === 'conflict' ? undefined : answer;
    });
    if (outcome.status === 'written') {
      for (const { id } of candidates) ours.add(id);
      break;
    }
    fresh = candidates.filter((item, index) => {
      const refusal = outcome.refusals[index];
      if (refusal !== undefined && textOf(refusal.current?.part) === partId) ours.add(item.id);
      return refusal === undefined;
    });
  }
  return items.filter(({ id }) => ours.has(id));
};
