import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { OutcomeUnknownError, PatternError } from '#primitives/errors';
import { checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import {
  absent,
  and,
  equals,
  not,
  type Condition,
  type Fields,
  type Key,
  type Table,
  type TransactionOutcome,
  type Write,
} from '#primitives/table';
import { backoffMs, checkBackoff, type Backoff } from '#resilience/backoff';

/** Others came between at every try; nothing was written. */
export class ScopeConflictError extends PatternError {
  constructor(attemptCount: number) {
    super('ownership/conflict', `Others wrote the same records during each of ${attemptCount} attempts.`, {
      retryable: true,
    });
  }
}

/** The records of one attempt: what is read is as it stands, what is written is seen by nobody until all of it is. */
export interface Scope {
  /** The record, or undefined. The same key is read once, however many ask for it at a time. 100 records at most. */
  get(key: Key): Promise<Fields | undefined>;
  /**
   * Replaces a record that was read in this scope. Without a field `revision`.
   *
   * @throws {@link InvalidArgumentError} when the record was not read, or the run of this scope has ended
   */
  put(key: Key, fields: Fields, options?: { readonly expiresAtMs?: number }): void;
}

export interface ScopedOptions {
  /** Its records are written by scopes alone: what others write is noticed only when they change the `revision`. */
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  /** 1..100. */
  readonly attemptCount: number;
  /** The wait after a conflict. */
  readonly backoff: Backoff;
}

/** Runs work on records as if nobody else did; `conflicts` says how often somebody else had. */
export type Scoped = <T>(
  work: (scope: Scope) => Promise<T>,
  signal?: AbortSignal,
) => Promise<{ readonly value: T; readonly conflicts: number }>;

/** The field in which a record says which transaction wrote it. */
const REVISION = 'revision';
const LOST_ANSWERS_LIMIT = 3;
const MAX_RECORDS = 100;

interface Entry {
  readonly key: Key;
  readonly read: Fields | undefined;
  written?: { readonly fields: Fields; readonly expiresAtMs?: number };
}

const nameOf = ({ partition, sort }: Key): string => JSON.stringify([partition, sort]);

/** Still as it was read. */
const isUnchanged = ({ read }: Entry): Condition => {
  if (read === undefined) return absent();
  const { [REVISION]: revision } = read;
  return typeof revision === 'string' ? equals(REVISION, revision) : and(not(absent()), absent(REVISION));
};

const writeOf = (entry: Entry, revision: string): Write => {
  const { key, written } = entry;
  const condition = isUnchanged(entry);
  if (written === undefined) return { kind: 'check', key, condition };
  const { fields, expiresAtMs } = written;
  const put = { key, fields: { ...fields, [REVISION]: revision }, condition };
  return { kind: 'put', ...put, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
};

const withoutRevision = (record: Fields | undefined): Fields | undefined => {
  if (record === undefined) return undefined;
  const { [REVISION]: _, ...fields } = record;
  return fields;
};

/** A scope, and its end: what was read and written in it by then. Later calls are refused. */
const scopeOf = (table: Table): { readonly scope: Scope; readonly end: () => readonly Entry[] } => {
  // A record is in it from when it is asked for, so that it is read once, and counted, whoever else asks meanwhile.
  const entries = new Map<string, Promise<Entry>>();
  const readEntries = new Map<string, Entry>();
  let isOver = false;

  const checkRunning = (): void => {
    if (isOver) throw refuse('scope', 'used while its work runs', 'a scope whose run has ended');
  };
  const read = async (key: Key, name: string): Promise<Entry> => {
    try {
      const entry: Entry = { key, read: await table.get(key) };
      if (!isOver) readEntries.set(name, entry);
      return entry;
    } catch (error) {
      entries.delete(name);
      throw error;
    }
  };

  const scope = Object.freeze<Scope>({
    get: async (key) => {
      checkRunning();
      const name = nameOf(key);
      let entry = entries.get(name);
      if (entry === undefined) {
        if (entries.size === MAX_RECORDS) throw refuse('scope', `of at most ${MAX_RECORDS} records`, MAX_RECORDS + 1);
        entry = read(key, name);
        entries.set(name, entry);
      }
      const { written, read: found } = await entry;
      return written?.fields ?? withoutRevision(found);
    },
    put: (key, fields, options = {}) => {
      checkRunning();
      checkNames(options, ['expiresAtMs']);
      if (Object.hasOwn(fields, REVISION)) throw refuse('fields', `without '${REVISION}'`, REVISION);
      const entry = readEntries.get(nameOf(key));
      // What was not read cannot be known to be unchanged.
      if (entry === undefined) throw refuse('key', 'of a record that was read in this scope', key.sort);
      entry.written = { fields, ...options };
    },
  });
  return {
    scope,
    end: () => {
      isOver = true;
      return [...readEntries.values()];
    },
  };
};

/**
 * The token makes the repeats of a transaction one: it is written once, whichever of them got through. Once an answer was
 * lost, a conflict says nothing of the attempt before it, so that one is asked for again as well.
 *
 * @throws {@link OutcomeUnknownError} when nobody knows after three lost answers or the conflicts that followed one
 */
const transact = async (table: Table, writes: readonly Write[], token: string): Promise<TransactionOutcome> => {
  let lost: OutcomeUnknownError | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      const outcome = await table.transact(writes, { token });
      if (lost === undefined || outcome.status !== 'conflict') return outcome;
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw lost ?? error;
      lost = error;
    }
    if (lost !== undefined && tries >= LOST_ANSWERS_LIMIT) throw lost;
  }
};

/** Whether all of it was written, and nothing that was read had changed until then. */
const commit = async (table: Table, entries: readonly Entry[], revision: string): Promise<boolean> => {
  const isWriting = entries.some(({ written }) => written !== undefined);
  // One record that was only read is one instant anyhow.
  if (!isWriting && entries.length < 2) return true;
  const outcome = await transact(
    table,
    entries.map((entry) => writeOf(entry, revision)),
    revision,
  );
  if (outcome.status !== 'refused') return outcome.status === 'written';
  return outcome.refusals.some((refusal) => refusal?.current?.[REVISION] === revision);
};

/**
 * Concurrent data without a lock: reads, computes, and writes only if nothing that was read has changed; else the work
 * runs again on what is there now. The committed runs are as if one had followed the other.
 *
 * The work may run several times and must do nothing but read and write its scope. Until it has ended it may see records
 * that do not fit together: then it will run again. Who loses a conflict waits a random time that grows, so that some
 * attempt always gets through; after `attemptCount` of them it is a {@link ScopeConflictError}.
 *
 * A lost answer is asked for again under the same token for the transaction, so nothing is written twice. After three
 * lost answers it is an `OutcomeUnknownError`: the work may be written. A crash before the transaction leaves nothing.
 *
 * Calls: (records read + 1) × (1 + conflicts); records that are only read are part of the transaction.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://doi.org/10.1145/319566.319567 (Kung, Robinson: On Optimistic Methods for Concurrency Control)
 */
export const scoped = (options: ScopedOptions): Scoped => {
  checkNames(options, ['table', 'clock', 'random', 'attemptCount', 'backoff']);
  const { table, clock, random, attemptCount, backoff } = options;
  checkParts({ table, clock, random });
  checkInteger('attemptCount', attemptCount, 1, 100);
  checkBackoff(backoff);

  return async (work, signal) => {
    for (let conflicts = 0; conflicts < attemptCount; conflicts += 1) {
      signal?.throwIfAborted();
      if (conflicts > 0) await clock.sleep(backoffMs(conflicts, backoff, random), signal);
      const { scope, end } = scopeOf(table);
      let value;
      try {
        value = await work(scope);
      } catch (error) {
        end();
        throw error;
      }
      if (await commit(table, end(), random.uuid())) return { value, conflicts };
    }
    throw new ScopeConflictError(attemptCount);
  };
};
