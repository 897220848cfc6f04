import { hash32 } from '#primitives/hash';
import { numberOf, textOf } from '#primitives/field-values';
import type { FieldValue, Fields, Key } from '#primitives/table';
import type { JoinStatus, OnDeadline } from './types.ts';

/**
 * The records of a join. The head says how the join stands; the branches are fields of buckets, so many that no record
 * grows beyond what a table takes; the root has a mark for each bucket that is complete: a tree of two levels.
 */
const partitionOf = (joinId: string): string => `join/${joinId}`;
export const headKey = (joinId: string): Key => ({ partition: partitionOf(joinId), sort: 'head' });
export const rootKey = (joinId: string): Key => ({ partition: partitionOf(joinId), sort: 'root' });
export const bucketKey = (joinId: string, bucket: number): Key => ({
  partition: partitionOf(joinId),
  sort: `bucket/${String(bucket).padStart(2, '0')}`,
});
export const partKey = (joinId: string, part: string): Key => ({
  partition: partitionOf(joinId),
  sort: `part/${part}`,
});
/** What arrivals brought along: apart from the join, whose records are read as a whole. */
export const dataKey = (joinId: string, branch: string): Key => ({ partition: `join-data/${joinId}`, sort: branch });
/** The effect of a join, in the table of effects. */
export const effectKey = (joinId: string): Key => ({ partition: `join:${joinId}`, sort: 'effect' });

/** One transaction takes 100 writes: head, root, and so many buckets. */
export const MAX_BUCKETS = 96;
/** An arrival rewrites its bucket: a small one costs little. */
const BUCKET_BRANCHES = 64;

export const bucketCountFor = (branchCount: number): number =>
  Math.max(1, Math.min(MAX_BUCKETS, Math.ceil(branchCount / BUCKET_BRANCHES)));

/** The bucket of a branch. Seeded by the join, so that no list of names is bad for every join. */
export const bucketOf = (joinId: string, branch: string, bucketCount: number): number =>
  bucketCount === 1 ? 0 : hash32(branch, hash32(joinId)) % bucketCount;

/**
 * What JSON writes with an escape, and what stands for it. V8 of Node 24 reads the name of a field that is written so as
 * another one when it has seen names with a backslash before: no record of ours has such a field.
 *
 * @see https://github.com/nodejs/node/issues/63785
 */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const ESCAPED = /[%"\\\u0001-\u001f]/g;
const CHARACTERS = ['%', '"', '\\', ...Array.from({ length: 31 }, (_, at) => String.fromCharCode(at + 1))];
/** One letter for each, so that no name grows beyond twice its length: a bucket of the longest fits into a record. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh';
const encoded = (char: string): string => `%${LETTERS[CHARACTERS.indexOf(char)] ?? ''}`;
const decoded = (_: string, letter: string): string => CHARACTERS[LETTERS.indexOf(letter)] ?? '';

/** The field of a branch in its bucket, and what it may hold. */
export const branchField = (branch: string): string => `b:${branch.replaceAll(ESCAPED, encoded)}`;
const branchOf = (field: string): string => field.slice(2).replaceAll(/%([A-Za-h])/g, decoded);
export const EXPECTED = 0;
export const ARRIVED = 1;
export const LATE = 2;
/** The field of a bucket in the root. */
export const markField = (bucket: number): string => `k:${bucket}`;

export interface Branch {
  readonly name: string;
  readonly state: FieldValue;
}

export const branchesIn = (bucket: Fields | undefined): readonly Branch[] =>
  Object.entries(bucket ?? {}).flatMap(([field, state]) =>
    field.startsWith('b:') ? [{ name: branchOf(field), state }] : [],
  );
export const isComplete = (bucket: Fields | undefined): boolean =>
  branchesIn(bucket).every(({ state }) => state === ARRIVED);
export const markCount = (root: Fields | undefined): number =>
  Object.keys(root ?? {}).filter((field) => field.startsWith('k:')).length;

/** The head of a join. */
export interface Head {
  readonly status: Exclude<JoinStatus, 'open'>;
  /** Branches may still be added. */
  readonly open: boolean;
  /** All branches are in the buckets: from then on it may fire. */
  readonly ready: boolean;
  readonly buckets: number;
  /** Parts that were accepted. */
  readonly parts: number;
  /** A digest of the list, by which a repeat is told from another join. */
  readonly list: string;
  readonly deadlineMs: number | undefined;
  readonly onDeadline: OnDeadline;
  /** The watch that goes on; older ones end. */
  readonly hop: number;
  /** When the first watch was sent, by the queue's clock; undefined before it was handled. */
  readonly startedAtMs: number | undefined;
  /** How long the queue holds back the watch of this hop. */
  readonly watchMs: number;
  readonly expected: number;
  readonly arrived: number;
  readonly outcome: 'complete' | 'deadline' | undefined;
  /** Its end was told to the bus. */
  readonly published: boolean;
  readonly expiresAtMs: number;
}

export const readHead = (fields: Fields): Head => ({
  status: fields.status === 'fired' || fields.status === 'failed' ? fields.status : 'waiting',
  open: fields.open === true,
  ready: fields.ready === true,
  buckets: numberOf(fields.buckets),
  parts: numberOf(fields.parts),
  list: textOf(fields.list) ?? '',
  deadlineMs: typeof fields.deadlineMs === 'number' ? fields.deadlineMs : undefined,
  onDeadline: fields.onDeadline === 'fire' ? 'fire' : 'fail',
  hop: numberOf(fields.hop),
  watchMs: numberOf(fields.watchMs),
  startedAtMs: typeof fields.startedAtMs === 'number' ? fields.startedAtMs : undefined,
  expected: numberOf(fields.expected),
  arrived: numberOf(fields.arrived),
  outcome: fields.outcome === 'complete' || fields.outcome === 'deadline' ? fields.outcome : undefined,
  published: fields.published === true,
  expiresAtMs: numberOf(fields.expires),
});

export const statusOf = ({ status, open }: Head): JoinStatus => (status === 'waiting' && open ? 'open' : status);
