import { numberOf, textOf } from '#primitives/field-values';
import type { Fields, Key } from '#primitives/table';

/** A lock as it is stored. The record is never deleted and never expires: with it the token would begin anew. */
export interface LockRecord {
  /** Empty: nobody holds it. */
  readonly holder: string;
  /** The fencing token: the beat of the write that acquired it. Kept when the lock is released. */
  readonly token: number;
  /** Rises with every write, whoever writes. One that stands still for a lease is what a waiter takes over. */
  readonly beat: number;
  /** Who holds it calls the acquisition so, and knows by it that it was its own. */
  readonly claim: string;
  /** Of the last write; by it a writer whose answer was lost knows that the write was its own. */
  readonly nonce: string;
  readonly leaseMs: number;
  /** When it was acquired by the clock of who acquired it: for people, nobody decides by it. */
  readonly sinceMs: number;
}

export const lockKey = (name: string): Key => ({ partition: `lock/${name}`, sort: 'lock' });

/** The lock in a record of the table; undefined where there is none. */
export const readLock = (fields: Fields | undefined): LockRecord | undefined =>
  fields === undefined
    ? undefined
    : Object.freeze({
        holder: textOf(fields['holder']) ?? '',
        token: numberOf(fields['token']),
        beat: numberOf(fields['beat']),
        claim: textOf(fields['claim']) ?? '',
        nonce: textOf(fields['nonce']) ?? '',
        leaseMs: numberOf(fields['leaseMs']),
        sinceMs: numberOf(fields['sinceMs']),
      });

/** As far as a `Date` goes: a clock that is further off must not use up the integers. */
const MAX_DATE_MS = 8.64e15;

/** What the clock of a host says, as something that can be stored and shown. */
export const dateMs = (nowMs: number): number => Math.floor(Math.min(Math.max(nowMs, -MAX_DATE_MS), MAX_DATE_MS));

/**
 * A beat above the last one that is known, and, so that one call will do where none is known, in all likelihood above
 * the one that is stored. The clock is only good for a guess: the condition of the write decides, and a host whose clock
 * is behind pays a second call.
 */
export const nextBeat = (known: number | undefined, nowMs: number): number => Math.max((known ?? 0) + 1, dateMs(nowMs));
