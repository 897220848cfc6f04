import type { Table, Write } from '#primitives/table';
import { persist, type Pause } from '../pause.ts';
import { claimKey } from './records.ts';

/**
 * Says of each job how many of its items are in flight, by one call, until the lease ends or `finish` ends the claim.
 * Claims are for progress alone: they keep nobody from doing an item.
 *
 * The condition keeps a first attempt that lands late from undoing the end of the claim.
 */
export const claim = async (options: {
  readonly jobs: Table;
  readonly claimId: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly leaseUntilMs: number;
  readonly expiresAtMs: number;
  readonly pause: Pause;
}): Promise<void> => {
  const { jobs, claimId, counts, leaseUntilMs, expiresAtMs, pause } = options;
  const puts = Array.from(counts, ([jobId, n]) => ({
    kind: 'put' as const,
    key: claimKey(jobId, claimId),
    fields: { state: 'live', ok: 0, bad: 0, n, ids: [], leaseUntilMs },
    condition: { kind: 'absent' as const },
    expiresAtMs,
  })) satisfies readonly Write[];
  const [only] = puts;
  if (only === undefined) return;
  await persist('claim', pause, async () => {
    // Refused: an earlier attempt of ours was applied after all.
    if (puts.length === 1) return jobs.put(only);
    const outcome = await jobs.transact(puts);
    return outcome.status === 'conflict' ? undefined : outcome;
  });
};
