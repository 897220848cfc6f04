import { createHash } from 'node:crypto';
import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, and, atMost, equals, or, type Fields, type Json, type Table } from '#primitives/table';
import { untilAnswered } from './until-answered.ts';

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
}

/** What the work came to. An answer with `keep: false` (a failure, a refusal for now) is given once and not stored. */
export interface Work {
  readonly answer: Json;
  readonly keep: boolean;
}

export type IdempotentOutcome =
  | { readonly status: 'answered'; readonly answer: Json; readonly replayed: boolean }
  /** Another run of the same key has not ended. `retryAfterMs` grows with its age: clients come 1, 2, 4 s … later. */
  | { readonly status: 'in-progress'; readonly retryAfterMs: number }
  /** The key came with another body before. */
  | { readonly status: 'reused' };

export interface Idempotency {
  /**
   * Runs the work at most once for each key that answers, and gives everyone who brings the same key and body the same
   * answer.
   *
   * The work gets an `operationId`, a UUID made of scope, key and body: whoever writes its effect under that id has
   * the effect once, even when a first run crashed, or still goes on, when a second one starts. The answer is given
   * out only once it is stored; where storing fails the error is the outcome, and the key stays in progress.
   *
   * When the work throws, nothing is kept and the next run may start at once. After a crash it may start when
   * `inProgressMs` are over, and the late end of the first run changes nothing. The start is judged by the host's own
   * clock: clocks that differ let a second run start early or late, which the `operationId` makes harmless.
   *
   * Calls: 2 for a fresh key, 1 for a repeated one, 0 when this process remembers the answer.
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
  ): Promise<IdempotentOutcome>;
}

const OPTIONS = ['table', 'clock', 'random', 'inProgressMs', 'keepMs', 'cacheCount'];
const DAY_MS = 86_400_000;
const SORT = 'run';
const MIN_RETRY_MS = 1_000;

const hash = (...parts: readonly string[]): string =>
  // Lengths keep ('a', 'bc') and ('ab', 'c') apart.
  createHash('sha256')
    .update(parts.map((part) => `${part.length}:${part}`).join(''))
    .digest('hex');

/** A UUID of version 8, made of a hash. @see https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
const hashedUuid = (hex: string): string =>
  [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');

const numberOf = (fields: Fields, name: string): number => {
  const value = fields[name];
  return typeof value === 'number' ? value : 0;
};

interface Kept {
  readonly bodyHash: string;
  readonly text: string;
  readonly keepUntilMs: number;
}

const answered = (text: string, replayed: boolean): IdempotentOutcome => {
  // Written by `store`, which took it from a Json.
  return { status: 'answered', answer: JSON.parse(text) as Json, replayed };
};

/** The latest answers of this process, the oldest dropped first. */
const answerCache = (limit: number) => {
  const entries = new Map<string, Kept>();
  return {
    get: (name: string, nowMs: number): Kept | undefined => {
      const entry = entries.get(name);
      return entry !== undefined && entry.keepUntilMs > nowMs ? entry : undefined;
    },
    set: (name: string, entry: Kept): void => {
      entries.delete(name);
      entries.set(name, entry);
      const [oldest] = entries.keys();
      if (entries.size > limit && oldest !== undefined) entries.delete(oldest);
    },
  };
};

/**
 * Makes requests that carry a key safe to repeat.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 */
export const idempotency = (options: IdempotencyOptions): Idempotency => {
  const { table, clock, random, inProgressMs, keepMs, cacheCount = 256 } = options;
  checkNames(options, OPTIONS);
  checkInteger('inProgressMs', inProgressMs, 1, 900_000);
  checkInteger('keepMs', keepMs, inProgressMs, 30 * DAY_MS);
  checkInteger('cacheCount', cacheCount, 0, 10_000);
  const cache = answerCache(cacheCount);

  const replay = (partition: string, bodyHash: string, kept: Kept): IdempotentOutcome => {
    if (kept.bodyHash !== bodyHash) return { status: 'reused' };
    cache.set(partition, kept);
    return answered(kept.text, true);
  };

  /** What the record of another run means for us. */
  const judge = (partition: string, bodyHash: string, record: Fields): IdempotentOutcome => {
    const { bodyHash: itsBodyHash, answer } = record;
    if (typeof itsBodyHash !== 'string' || itsBodyHash !== bodyHash) return { status: 'reused' };
    if (typeof answer === 'string') {
      return replay(partition, bodyHash, { bodyHash, text: answer, keepUntilMs: numberOf(record, 'keepUntilMs') });
    }
    const leftMs = numberOf(record, 'leaseUntilMs') - clock.nowMs();
    const retryAfterMs = Math.min(leftMs, inProgressMs - leftMs);
    return { status: 'in-progress', retryAfterMs: Math.max(MIN_RETRY_MS, retryAfterMs) };
  };

  /** Undefined when the key is ours from now on. */
  const claim = async (partition: string, bodyHash: string, token: string): Promise<IdempotentOutcome | undefined> => {
    const nowMs = clock.nowMs();
    const isExpired = atMost('keepUntilMs', nowMs);
    const isCrashed = and(absent('answer'), atMost('leaseUntilMs', nowMs), equals('bodyHash', bodyHash));
    const keepUntilMs = nowMs + keepMs;
    const outcome = await untilAnswered(() =>
      table.put({
        key: { partition, sort: SORT },
        fields: { token, bodyHash, leaseUntilMs: nowMs + inProgressMs, keepUntilMs },
        condition: or(absent(), isExpired, isCrashed),
        expiresAtMs: keepUntilMs,
      }),
    );
    if (outcome.status === 'written') return undefined;
    // Gone since: whoever comes next finds the key free.
    if (outcome.current === undefined) return { status: 'in-progress', retryAfterMs: MIN_RETRY_MS };
    // Refused by our own write, whose answer was lost.
    return outcome.current['token'] === token ? undefined : judge(partition, bodyHash, outcome.current);
  };

  const release = async (partition: string, token: string): Promise<void> => {
    try {
      await table.delete({ key: { partition, sort: SORT }, condition: equals('token', token) });
    } catch {
      // The claim ends by itself when its time is over.
    }
  };

  const store = async (
    partition: string,
    bodyHash: string,
    token: string,
    text: string,
  ): Promise<IdempotentOutcome> => {
    const keepUntilMs = clock.nowMs() + keepMs;
    const outcome = await untilAnswered(() =>
      table.update({
        key: { partition, sort: SORT },
        set: { answer: text, keepUntilMs },
        condition: equals('token', token),
        expiresAtMs: keepUntilMs,
      }),
    );
    // We came too late: another run has the key, and its answer is the answer.
    if (outcome.status === 'refused' && outcome.current !== undefined) {
      return judge(partition, bodyHash, outcome.current);
    }
    if (outcome.status === 'written') cache.set(partition, { bodyHash, text, keepUntilMs });
    return answered(text, false);
  };

  return Object.freeze({
    run: async (scope, key, bodyHash, work) => {
      checkText('scope', scope, 1, 200);
      checkText('key', key, 1, 1024);
      checkText('bodyHash', bodyHash, 1, 200);
      const partition = `${scope}/${hash(key)}`;
      const kept = cache.get(partition, clock.nowMs());
      if (kept !== undefined) return replay(partition, bodyHash, kept);
      const token = random.uuid();
      const refused = await claim(partition, bodyHash, token);
      if (refused !== undefined) return refused;
      let done: Work;
      try {
        done = await work(hashedUuid(hash(scope, key, bodyHash)));
      } catch (error) {
        await release(partition, token);
        throw error;
      }
      if (done.keep) return store(partition, bodyHash, token, JSON.stringify(done.answer));
      await release(partition, token);
      return { status: 'answered', answer: done.answer, replayed: false };
    },
  } satisfies Idempotency);
};
