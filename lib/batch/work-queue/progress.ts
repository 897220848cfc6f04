import type { Fields, TableRecord } from '#primitives/table';
import { numberOf, readJob } from './records.ts';
import type { JobProgress, JobStatus } from './types.ts';

/** What the records of a job add up to. Fed with one record after the other, in the order of their sort keys. */
export interface Tally {
  add(record: TableRecord): void;
  /** Undefined when there is no such job. */
  progress(nowMs: number): JobProgress | undefined;
}

interface Parts {
  count: number;
  areAllPlanned: boolean;
  isLastSeen: boolean;
}

const isTotalKnown = (job: ReturnType<typeof readJob>, parts: Parts): boolean => {
  if (job.kind === 'list') return true;
  return parts.areAllPlanned && (job.kind === 'source' ? parts.isLastSeen : job.closed);
};

/**
 * Adds up a job. `done = Σ ok` and `failed = Σ bad` of claims and burials, `inFlight` what live claims hold of the
 * rest, `pending` what remains: each item is counted in exactly one of them, since the transaction that writes its
 * marker also counts it.
 */
export const tally = (): Tally => {
  let done = 0;
  let failed = 0;
  const live: { readonly n: number; readonly leaseUntilMs: number }[] = [];
  let job: ReturnType<typeof readJob> | undefined;
  const parts: Parts = { count: 0, areAllPlanned: true, isLastSeen: false };

  const addPart = (fields: Fields): void => {
    parts.count += numberOf(fields.count);
    parts.areAllPlanned &&= fields.planned === true;
    parts.isLastSeen ||= fields.next === null;
  };
  const addClaim = (fields: Fields): void => {
    done += numberOf(fields.ok);
    failed += numberOf(fields.bad);
    if (fields.state === 'live') live.push({ n: numberOf(fields.n), leaseUntilMs: numberOf(fields.leaseUntilMs) });
  };

  return Object.freeze<Tally>({
    add: ({ key, fields }) => {
      if (key.sort === 'job') job = readJob(fields);
      else if (key.sort.startsWith('part/')) addPart(fields);
      else addClaim(fields);
    },
    progress: (nowMs) => {
      if (job === undefined) return undefined;
      const planned = job.total ?? parts.count;
      const rest = planned - done - failed;
      const claimed = live.reduce((sum, { n, leaseUntilMs }) => (leaseUntilMs > nowMs ? sum + n : sum), 0);
      const inFlight = Math.min(claimed, rest);
      const isOpen = job.kind === 'open' && !job.closed;
      const status = isOpen ? 'open' : isTotalKnown(job, parts) ? statusOf(rest, failed) : 'planning';
      const total = status === 'planning' ? null : planned;
      return Object.freeze({ status, total, pending: rest - inFlight, inFlight, done, failed });
    },
  });
};

const statusOf = (restCount: number, failedCount: number): JobStatus => {
  if (restCount > 0) return 'running';
  return failedCount === 0 ? 'done' : 'done-with-failures';
};
