import type { GenericSchema } from 'valibot';
import type { Log } from '#primitives/log';
import { PatternError } from '#primitives/errors';
import type { Json } from '#primitives/table';

/** One piece of work. Within a job an id stands for one item, however often it is given. */
export interface WorkItem<Payload = Json> {
  /** 1..1024 bytes of UTF-8, without NUL. */
  readonly id: string;
  readonly payload: Payload;
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
}

/** A source by name, as a job is given it: all objects of a bucket under a prefix. */
export interface SourceReference {
  readonly bucket: string;
  readonly prefix: string;
}

/** What a worker knows of the run that it is part of. */
export interface WorkContext {
  /** Undefined for a message that belongs to no job. */
  readonly jobId: string | undefined;
  /** `<jobId>/<id>`, or `direct/<id>`: the same at every attempt, so that it can serve as an idempotency key. */
  readonly effectKey: string;
  /** How often the item was delivered, this time included. */
  readonly attempt: number;
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
 * - `open`: items may still be added; `total` counts those that were planned so far.
 * - `planning`: what was accepted is being turned into items; the total is not known yet.
 * - `running`: the total is known, not all items have ended.
 * - `done`: all items are done.
 * - `done-with-failures`: all items have ended, some as dead letters.
 */
export type JobStatus = 'open' | 'planning' | 'running' | 'done' | 'done-with-failures';

export interface JobProgress {
  readonly status: JobStatus;
  /** Null while planning. Otherwise `pending + inFlight + done + failed`, at every read. */
  readonly total: number | null;
  readonly pending: number;
  readonly inFlight: number;
  /** Never falls. */
  readonly done: number;
  readonly failed: number;
}

export interface ItemResult {
  readonly id: string;
  readonly status: 'done' | 'failed';
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
