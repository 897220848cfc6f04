import type { Fields, TableRecord } from '#primitives/table';
import { numberOf, textOf } from '#primitives/field-values';
import { readJob, type JobRecord } from './records.ts';
import type { JobProgress, JobStatus } from './types.ts';

/** What the records of a job add up to. Fed with one record after the other, in the order of their sort keys. */
export interface Tally {
  add(record: TableRecord): void;
  /** Undefined when there is no such job. */
  progress(nowMs: number): JobProgress | undefined;
  /** More have ended than were planned: read over several pages, or somebody has sent items of this job by hand. */
  isOver(): boolean;
}

interface Parts {
  count: number;
  areAllPlanned: boolean;
  isLastSeen: boolean;
  /** The listing of a source ended early, because the job was cancelled. */
  isCut: boolean;
  /** Why the planning of one of them was given up. */
  failure?: string | undefined;
}

const isPlanned = (job: JobRecord, parts: Parts): boolean => {
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
  let skipped = 0;
  let cancelled = 0;
  let obsolete = 0;
  const live: { readonly n: number; readonly leaseUntilMs: number }[] = [];
  let job: JobRecord | undefined;
  const parts: Parts = { count: 0, areAllPlanned: true, isLastSeen: false, isCut: false };

  const addPart = (fields: Fields): void => {
    parts.count += numberOf(fields.count);
    parts.areAllPlanned &&= fields.planned === true;
    if (fields.planned !== true) parts.failure ??= textOf(fields.failure);
    parts.isLastSeen ||= fields.next === null;
    parts.isCut ||= fields.cut === true;
  };
  const addClaim = (fields: Fields): void => {
    done += numberOf(fields.ok);
    failed += numberOf(fields.bad);
    skipped += numberOf(fields.skipped);
    cancelled += numberOf(fields.cancelled);
    obsolete += numberOf(fields.obsolete);
    if (fields.state === 'live') live.push({ n: numberOf(fields.n), leaseUntilMs: numberOf(fields.leaseUntilMs) });
  };

  const plannedCount = (): number => job?.total ?? parts.count;

  return Object.freeze<Tally>({
    isOver: () => job !== undefined && done + failed > plannedCount(),
    add: ({ key, fields }) => {
      if (key.sort === 'job') job = readJob(fields);
      else if (key.sort.startsWith('part/')) addPart(fields);
      else addClaim(fields);
    },
    progress: (nowMs) => {
      if (job === undefined) return undefined;
      // Whatever was sent under this job's name, the parts add up.
      const planned = Math.max(plannedCount(), done + failed);
      const rest = planned - done - failed;
      const claimed = live.reduce((sum, { n, leaseUntilMs }) => (leaseUntilMs > nowMs ? sum + n : sum), 0);
      const inFlight = Math.min(claimed, rest);
      const isTotalKnown = isPlanned(job, parts);
      const failure = job.failure ?? parts.failure;
      const isCancelled = cancelled > 0 || parts.isCut;
      const status = statusOf(job, { isTotalKnown, rest, failed, isCancelled, failure });
      return Object.freeze({
        status,
        total: isTotalKnown || status === 'open' ? planned : null,
        pending: rest - inFlight,
        inFlight,
        done,
        failed,
        ...(skipped === 0 ? {} : { skipped }),
        ...(cancelled === 0 ? {} : { cancelled }),
        ...(obsolete === 0 ? {} : { obsolete }),
        ...(status === 'failed' && failure !== undefined ? { reason: failure } : {}),
      });
    },
  });
};

const statusOf = (
  job: JobRecord,
  {
    isTotalKnown,
    rest,
    failed,
    isCancelled,
    failure,
  }: {
    readonly isTotalKnown: boolean;
    readonly rest: number;
    readonly failed: number;
    readonly isCancelled: boolean;
    readonly failure: string | undefined;
  },
): JobStatus => {
  if (isTotalKnown && rest === 0) {
    if (isCancelled) return 'cancelled';
    return failed === 0 ? 'done' : 'done-with-failures';
  }
  if (failure !== undefined) return 'failed';
  if (job.cancelled) return 'cancelling';
  if (job.kind === 'open' && !job.closed) return 'open';
  return isTotalKnown ? 'running' : 'planning';
};
