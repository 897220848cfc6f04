import type { GenericSchema } from 'valibot';
import type { Log } from '#primitives/log';
import { PatternError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import type { DeadlineAt, Priority } from './urgency.ts';

/** One piece of work. Within a job an id stands for one item, however often it is given. */
export interface WorkItem<Payload = Json> {
  /** 1..1024 bytes of UTF-8, without NUL. */
  readonly id: string;
  readonly payload: Payload;
}

/** An item as a job is given it. */
export interface JobItem extends WorkItem {
  /** In an ordered job: items of one group are done in their order; those without a group are a group of their own. */
  readonly groupId?: string | undefined;
  /** `normal` unless told. Not in an ordered job, where the order decides. */
  readonly priority?: Priority | undefined;
  /** An item that was not begun by then is dropped, and counted as failed and obsolete. */
  readonly deadlineAt?: DeadlineAt | undefined;
}

/**
 * Where the items of a job come from: the first of the book's three interfaces (Burns, chapter 11).
 *
 * Listing must be stable: what `list` gives behind an id does not depend on how often it was asked, apart from items
 * that came or went in the meantime. No id may be listed twice.
 */
export interface WorkSource {
  /** A page of ids behind `after`, at most 250; `next` is the cursor for the page after it, absent at the end. */
  list(after?: string): Promise<{ readonly ids: readonly string[]; readonly next?: string }>;
  /** The payload that the worker gets for an id. */
  get(id: string): Promise<Json>;
  /** The payloads of a page of ids, in their order, where that takes fewer calls than one for each. */
  getMany?(ids: readonly string[]): Promise<readonly Json[]>;
}

/** A source by name, as a job is given it: all objects of a bucket under a prefix. */
export interface BucketReference {
  readonly bucket: string;
  readonly prefix: string;
}

/** A source by name: all records of a partition of a table whose sort keys begin with a prefix. */
export interface TableReference {
  readonly table: string;
  readonly partition: string;
  readonly prefix: string;
}

export type SourceReference = BucketReference | TableReference;

/** What a worker knows of the run that it is part of. */
export interface WorkContext {
  /** Undefined for a message that belongs to no job. */
  readonly jobId: string | undefined;
  /** `<jobId>/<id>`, or `direct/<id>`: the same at every attempt, so that it can serve as an idempotency key. */
  readonly effectKey: string;
  /** How often the item was delivered, this time included. */
  readonly attempt: number;
  /** That this is the first delivery, and of no redrive: nothing was left behind by an earlier one of this message. */
  readonly isFirst: boolean;
  /** Aborted when the time of the invocation is nearly over. What runs on after that is not waited for. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * What is done with an item: the third of the book's three interfaces.
 *
 * `run` is called at least once for an item; its output is recorded once. It must therefore leave nothing behind that
 * a second run would double: return the effect instead, or write it under a key that the item decides.
 */
export interface Worker<Payload = unknown, Output extends Json = Json> {
  /** 1..64 characters. */
  readonly name: string;
  /** What a payload must look like. One that does not is a permanent failure. */
  readonly payload: GenericSchema<unknown, Payload>;
  /** @throws {@link PermanentFailure} when another attempt would fail as well; anything else is tried again. */
  run(item: WorkItem<Payload>, context: WorkContext): Promise<Output>;
}

/** Another attempt would fail in the same way: the item becomes a dead letter at once, with this message as reason. */
export class PermanentFailure extends PatternError {
  constructor(reason: string, cause?: unknown) {
    super('work-queue/permanent-failure', reason, { retryable: false, cause });
  }
}

/**
 * There is nothing to do for this item, here: it ends as `skipped`, with this message as reason, and counts as done.
 * Whoever raises it must have left no effect.
 */
export class SkippedItem extends PatternError {
  constructor(reason: string) {
    super('work-queue/skipped', reason, { retryable: false });
  }
}

/**
 * - `open`: items may still be added; `total` counts those that were planned so far.
 * - `planning`: what was accepted is being turned into items; the total is not known yet.
 * - `running`: the total is known, not all items have ended.
 * - `done`: all items are done.
 * - `done-with-failures`: all items have ended, some as dead letters.
 * - `cancelling`: it was cancelled, not all items have ended.
 * - `cancelled`: it was cancelled, and not everything was done before that.
 * - `failed`: planning was given up, so that some items never come: they stay pending. What was planned still ends.
 */
export type JobStatus =
  | 'open'
  | 'planning'
  | 'running'
  | 'done'
  | 'done-with-failures'
  | 'cancelling'
  | 'cancelled'
  | 'failed';

export interface JobProgress {
  readonly status: JobStatus;
  /** Null while it is not known. Otherwise `pending + inFlight + done + failed`, at every read. */
  readonly total: number | null;
  readonly pending: number;
  readonly inFlight: number;
  /** Never falls. */
  readonly done: number;
  /** Falls when dead letters are redriven. */
  readonly failed: number;
  /** How many of `done` had nothing to be done; absent for 0. */
  readonly skipped?: number;
  /** How many of `failed` were not begun, because the job was cancelled; absent for 0. */
  readonly cancelled?: number;
  /** How many of `failed` were not begun, because their deadline had passed; absent for 0. */
  readonly obsolete?: number;
  /** Why the planning of a `failed` job was given up. */
  readonly reason?: string;
}

/**
 * How an item ends: with its effect, without one because there is none here, as dead letter or obsolete (`failed`, with
 * the reason), or not begun at all.
 */
export type ItemStatus = 'done' | 'skipped' | 'failed' | 'cancelled';

export interface ItemResult {
  readonly id: string;
  readonly status: ItemStatus;
  readonly output?: Json;
  readonly reason?: string;
  readonly attempts: number;
}

export interface DeadLetter {
  readonly jobId?: string;
  /** Absent when the message could not be read. */
  readonly id?: string;
  readonly worker?: string;
  readonly reason: string;
  readonly attempts: number;
  readonly atMs: number;
}
