import type { Clock } from '#primitives/clock';
import type { Table } from '#primitives/table';
import { persist, type Pause } from '../pause.ts';
import { jobKey, readJob } from './records.ts';

/** As many jobs as are remembered at a time; one call reads a hundred. */
const MAX_REMEMBERED = 1_000;

/**
 * Tells which jobs were cancelled, from what was read at most `cacheMs` ago: a host reads the record of a job once in
 * that time, however many batches it does. So a cancellation is seen after `cacheMs` at the latest.
 *
 * API calls: 1 for each batch of which a job was not read lately.
 */
export const cancelledJobs = (options: {
  readonly jobs: Table;
  readonly clock: Clock;
  readonly cacheMs: number;
  readonly pause: Pause;
}): ((jobIds: readonly string[]) => Promise<ReadonlySet<string>>) => {
  const { jobs, clock, cacheMs, pause } = options;
  const known = new Map<string, { readonly isCancelled: boolean; readonly untilMs: number }>();

  return async (jobIds) => {
    const nowMs = clock.monotonicMs();
    const unread = jobIds.filter((jobId) => (known.get(jobId)?.untilMs ?? 0) <= nowMs);
    // Noted before the others are read: what is known may be forgotten for them.
    const cancelled = new Set(jobIds.filter((jobId) => known.get(jobId)?.isCancelled === true));
    if (unread.length > 0) {
      const found = await persist('read jobs', pause, () => jobs.getMany(unread.map(jobKey)));
      if (known.size + unread.length > MAX_REMEMBERED) known.clear();
      for (const [index, jobId] of unread.entries()) {
        const fields = found[index];
        const isCancelled = fields !== undefined && readJob(fields).cancelled;
        known.set(jobId, { isCancelled, untilMs: nowMs + cacheMs });
        if (isCancelled) cancelled.add(jobId);
      }
    }
    return cancelled;
  };
};
