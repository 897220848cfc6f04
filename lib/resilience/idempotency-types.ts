import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Json, Table } from '#primitives/table';

/**
 * What a call does whose twin, a call with the same key and body, still runs.
 *
 * - `reject`: its outcome is `in-progress`, at once. For clients that come again by themselves.
 * - `wait`: it looks at the record each `pollMs` (and at random earlier, down to half of it), for `waitMs` at most, and
 *   gives the twin's answer; it runs the work itself when the twin failed or crashed. Calls: 1 read a look.
 * - `join`: as `wait`; and where the twin runs in this process it takes over what that one comes to, errors included,
 *   without any call.
 */
export type WhileRunning =
  | { readonly mode: 'reject' }
  | {
      readonly mode: 'wait' | 'join';
      /** 1..900_000 ms. When it is over the outcome is `in-progress`. */
      readonly waitMs: number;
      /** 10..60_000 ms. */
      readonly pollMs: number;
    };

export interface IdempotencyOptions {
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  /** A first run that has not ended after so long counts as crashed. 1..900_000 ms; longer than any run may take. */
  readonly inProgressMs: number;
  /** How long an answer is kept, from its run on. At least `inProgressMs`, at most 30 days. */
  readonly keepMs: number;
  /** How many answers this process remembers, so that a replay needs no call. 0..10_000, default 256. */
  readonly cacheCount?: number;
  /** Default: `{ mode: 'reject' }`. */
  readonly whileRunning?: WhileRunning;
}

/**
 * What the work came to. An answer with `keep: false` (a failure, a refusal for now) is given once and not stored.
 * Undefined is an answer as well.
 */
export interface Work {
  readonly answer: Json | undefined;
  readonly keep: boolean;
}

export type IdempotentOutcome =
  /** As JSON gives it back, for the first as for the later ones. */
  | { readonly status: 'answered'; readonly answer: Json | undefined; readonly replayed: boolean }
  /** Another run of the same key has not ended. `retryAfterMs` grows with its age: clients come 1, 2, 4 s … later. */
  | { readonly status: 'in-progress'; readonly retryAfterMs: number }
  /** The key came with another body before. */
  | { readonly status: 'reused' };

/** About one call. */
export interface RunOptions {
  /** Ends the waiting for a twin, with its reason. The work itself is not ended. */
  readonly signal?: AbortSignal;
  /**
   * How long this attempt can last at all, e.g. what Lambda has left for it: 0..900_000 ms, at most `inProgressMs` counts.
   * Its claim ends then, so that the key of an attempt that was killed at its time limit is free at once, and not only
   * after `inProgressMs`.
   */
  readonly attemptMs?: number;
}

export interface BatchEntry {
  /** 1..1024 bytes. */
  readonly key: string;
  /** 1..200 bytes. */
  readonly bodyHash: string;
  readonly work: (operationId: string) => Promise<Work>;
}

export type BatchOutcome =
  | IdempotentOutcome
  /** The work of this entry threw, or its answer could not be stored. The others are not touched by it. */
  | { readonly status: 'failed'; readonly error: unknown };

export interface Idempotency {
  /**
   * Runs the work at most once for each key that answers, and gives everyone who brings the same key and body the same
   * answer.
   *
   * The work gets an `operationId`, a UUID made of scope, key and body: whoever writes its effect under that id has
   * the effect once, even when a first run crashed, or still goes on, when a second one starts. The answer is given
   * out only once it is stored; where storing fails the error is the outcome, and the key stays in progress.
   *
   * When the work throws, or its answer is no JSON, nothing is kept and the next run may start at once. After a crash it
   * may start when `inProgressMs` are over, or `attemptMs` when that is less, and the late end of the first run changes
   * nothing: it is given the second one's answer, or, where that one has left none, `in-progress`: its own is stored
   * nowhere. The start is judged by the host's own clock: clocks that differ let a second run start early or late, which
   * the `operationId` makes harmless.
   *
   * Calls: 2 for a fresh key, 1 for a repeated one, 0 when this process remembers the answer; waiting: {@link WhileRunning}.
   *
   * @param scope 1..200 bytes: what the key belongs to, e.g. function and caller. Keys of two scopes never meet.
   * @param key 1..1024 bytes. Only its hash is stored.
   * @param bodyHash 1..200 bytes: equal for equal requests.
   * @throws what the work throws, and what the table throws
   * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
   */
  run(
    scope: string,
    key: string,
    bodyHash: string,
    work: (operationId: string) => Promise<Work>,
    how?: RunOptions,
  ): Promise<IdempotentOutcome>;

  /**
   * The same for a batch, e.g. of messages: the keys are claimed by one transaction, the works run at the same time, and
   * their answers are stored by another. The outcomes come in the order of the entries. An entry whose twin runs
   * elsewhere is `in-progress`, whatever `whileRunning` says: a queue brings it again. Entries of one key are one run.
   *
   * Calls: 2 for a fresh batch, 3 when some of it are repeated, 1 when all are, 0 when all are remembered; another when
   * a run was overtaken meanwhile, or the transaction met another. An answer that the table refuses (too large) is found
   * by halving, two calls for each half, and fails alone. DynamoDB bills a write of a transaction as two.
   *
   * @param entries 1..100.
   * @throws what the table throws while the keys are claimed: then no work has run
   */
  runBatch(
    scope: string,
    entries: readonly BatchEntry[],
    how?: Pick<RunOptions, 'attemptMs'>,
  ): Promise<readonly BatchOutcome[]>;
}
