import { numberOf, textOf } from '#primitives/field-values';
import { sha256 } from '#primitives/sha256';
import type { FieldValue, Fields, Key } from '#primitives/table';
import type { ItemStatus, SourceReference } from './types.ts';

/**
 * The records of the work queue: their keys and their shapes. A job's own records lie in one partition and are read by
 * one query, in this order: what was buried, claims, the job, its parts. So whoever reads a claim as finished has not
 * yet read the part that counts its items, and never finds more ended than there are.
 */
export const jobPartition = (jobId: string): string => `job/${jobId}`;
export const jobKey = (jobId: string): Key => ({ partition: jobPartition(jobId), sort: 'job' });
export const claimKey = (jobId: string, claimId: string): Key => ({
  partition: jobPartition(jobId),
  sort: `claim/${claimId}`,
});
export const partKey = (jobId: string, part: string): Key => ({ partition: jobPartition(jobId), sort: `part/${part}` });
export const pageKey = (jobId: string, page: number): Key => partKey(jobId, String(page).padStart(8, '0'));
/** Ids may be as long as a sort key: their digest stands for them where a prefix goes before. */
export const buriedKey = (jobId: string, id: string): Key => ({
  partition: jobPartition(jobId),
  sort: `buried/${sha256(id)}`,
});
/** That an open job knows the item: decides which part counts it. Apart from the job, whose progress is read often. */
export const knownKey = (jobId: string, id: string): Key => ({ partition: `known/${jobId}`, sort: id });
export const DEAD_LETTERS = 'dead-letters';
export const deadLetterKey = (jobId: string | undefined, id: string): Key => ({
  partition: DEAD_LETTERS,
  sort: `${jobId ?? DIRECT}/${sha256(id)}`,
});
/** That a burial was undone, so that a late repeat of it does nothing. */
export const redrivenKey = (burial: string): Key => ({ partition: `redriven/${burial}`, sort: 'redriven' });
/** When the next dead letters may be moved, whoever moves them. */
export const paceKey: Key = { partition: 'redrive', sort: 'pace' };

/** Stands for the job of messages that belong to none; no job is called so. */
export const DIRECT = 'direct';
/** What names the effect of an item, in the effect table and towards others. */
export const effectKeyOf = (jobId: string | undefined, id: string): string => `${jobId ?? DIRECT}/${id}`;
export const effectKey = (jobId: string | undefined, id: string): Key => ({
  partition: effectKeyOf(jobId, id),
  sort: 'effect',
});

/**
 * The end of an item as its marker tells it; a marker is never without one. Obsolete is a failure to who asks; its marker
 * has a name of its own, so that no redrive takes it for a dead letter's.
 */
export const itemStatusOf = (value: FieldValue | undefined): ItemStatus =>
  value === 'obsolete' ? 'failed' : (ITEM_STATUSES.find((status) => status === value) ?? 'done');
const ITEM_STATUSES: readonly ItemStatus[] = ['done', 'skipped', 'failed', 'cancelled'];

export type JobKind = 'list' | 'source' | 'open';

export interface JobRecord {
  readonly worker: string;
  readonly kind: JobKind;
  /** Of a list: fixed when it is made. Otherwise the parts count. */
  readonly total: number | undefined;
  /** Of a list: a digest of its ids, by which a repeat is told from another job. */
  readonly list: string | undefined;
  readonly source: SourceReference | undefined;
  /** Of an open job: no more items are taken. */
  readonly closed: boolean;
  /** Items of a group are done in their order. */
  readonly ordered: boolean;
  /** So many items go in one message. */
  readonly pack: number;
  /** Items that were not begun end without being run. */
  readonly cancelled: boolean;
  /** Why planning was given up. */
  readonly failure: string | undefined;
  /** Of an open, ordered job: the part that was accepted last. */
  readonly lastPart: string | undefined;
}

/** What is known of a job when it is made. */
export type NewJob = Omit<JobRecord, 'cancelled' | 'failure' | 'lastPart'>;

export const jobFields = (job: NewJob, createdAtMs: number): Fields => ({
  worker: job.worker,
  kind: job.kind,
  closed: job.closed,
  createdAtMs,
  ...(job.ordered ? { ordered: true } : {}),
  ...(job.pack === 1 ? {} : { pack: job.pack }),
  ...(job.total === undefined ? {} : { total: job.total }),
  ...(job.list === undefined ? {} : { list: job.list }),
  ...(job.source === undefined ? {} : { ...job.source }),
});

const readSource = ({ bucket, table, partition, prefix }: Fields): SourceReference | undefined => {
  const common = { prefix: textOf(prefix) ?? '' };
  if (typeof bucket === 'string') return { bucket, ...common };
  if (typeof table === 'string' && typeof partition === 'string') return { table, partition, ...common };
  return undefined;
};

export const readJob = (fields: Fields): JobRecord => ({
  worker: textOf(fields.worker) ?? '',
  kind: fields.kind === 'source' || fields.kind === 'open' ? fields.kind : 'list',
  total: typeof fields.total === 'number' ? fields.total : undefined,
  list: textOf(fields.list),
  source: readSource(fields),
  closed: fields.closed === true,
  ordered: fields.ordered === true,
  pack: Math.max(1, numberOf(fields.pack)),
  cancelled: fields.cancelled === true,
  failure: textOf(fields.failure),
  lastPart: textOf(fields.lastPart),
});
