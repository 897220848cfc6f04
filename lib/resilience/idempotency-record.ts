import { numberOf } from '#primitives/field-values';
import { createHash } from 'node:crypto';
import type { Clock } from '#primitives/clock';
import {
  absent,
  and,
  atMost,
  equals,
  or,
  type Delete,
  type Fields,
  type Json,
  type Key,
  type Put,
  type Update,
} from '#primitives/table';

/** What a call came to, its answer still as text, so that each who shares it gets an object of its own. */
export type Settled =
  | { readonly status: 'answered'; readonly text: string; readonly replayed: boolean }
  | { readonly status: 'in-progress'; readonly retryAfterMs: number }
  | { readonly status: 'reused' };

/** Whose record it is, and which run of it: a refusal that shows the token is that of an own write. */
export interface Claim {
  readonly partition: string;
  readonly bodyHash: string;
  readonly token: string;
}

interface Kept {
  readonly bodyHash: string;
  readonly text: string;
  readonly keepUntilMs: number;
}

const SORT = 'run';
const MIN_RETRY_MS = 1_000;

export const REUSED: Settled = Object.freeze({ status: 'reused' });
/** For a key of which nobody knows whose it is: whoever comes next finds it free, or sees. */
export const COME_AGAIN: Settled = Object.freeze({ status: 'in-progress', retryAfterMs: MIN_RETRY_MS });

const hash = (...parts: readonly string[]): string =>
  // Lengths keep ('a', 'bc') and ('ab', 'c') apart.
  createHash('sha256')
    .update(parts.map((part) => `${part.length}:${part}`).join(''))
    .digest('hex');

/** Where the record of a key is. Only a hash of the key is stored. */
export const partitionOf = (scope: string, key: string): string => `${scope}/${hash(key)}`;

/** A UUID of version 8, made of what it is the run of. @see https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
export const operationIdOf = (scope: string, key: string, bodyHash: string): string => {
  const hex = hash(scope, key, bodyHash);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
};

/** The empty text, which is no JSON, stands for undefined: work without an answer has ended, too. */
export const textOf = (answer: Json | undefined): string => JSON.stringify(answer) ?? '';
// Written by `textOf`, which took it from a Json.
export const answerOf = (text: string): Json | undefined => (text === '' ? undefined : (JSON.parse(text) as Json));

export const recordKey = (partition: string): Key => ({ partition, sort: SORT });

/** The latest answers of this process, the oldest dropped first. */
const answerCache = (limit: number) => {
  const entries = new Map<string, Kept>();
  return {
    get: (name: string): Kept | undefined => entries.get(name),
    set: (name: string, entry: Kept): void => {
      entries.delete(name);
      entries.set(name, entry);
      const [oldest] = entries.keys();
      if (entries.size > limit && oldest !== undefined) entries.delete(oldest);
    },
  };
};

/** What is written of a run, and what a record that was found means. */
export interface RunRecords {
  /** What this process remembers of the key; undefined when it has to ask. */
  remembered(partition: string, bodyHash: string): Settled | undefined;
  /** Takes the key for `leaseMs`, when nobody has it, or whoever had it must have ended. */
  claim(claim: Claim, leaseMs: number): Put;
  /** Puts down the answer, when the key is still that claim's. */
  answer(claim: Claim, text: string): Update;
  /** Gives the key back, when it is still that claim's. */
  release(claim: Claim): Delete;
  /** The answer is stored. */
  answered(claim: Claim, text: string): Settled;
  /** What the record of another run means for whoever came with this body. */
  judge(partition: string, bodyHash: string, record: Fields): Settled;
  /** True when the run of this record must have ended, or its answer is no longer kept: the key may be claimed. */
  isOver(record: Fields): boolean;
}

export const runRecords = (options: {
  readonly clock: Clock;
  readonly keepMs: number;
  readonly cacheCount: number;
}): RunRecords => {
  const { clock, keepMs, cacheCount } = options;
  const cache = answerCache(cacheCount);

  const replay = (partition: string, bodyHash: string, kept: Kept): Settled => {
    if (kept.bodyHash !== bodyHash) return REUSED;
    cache.set(partition, kept);
    return { status: 'answered', text: kept.text, replayed: true };
  };

  return Object.freeze<RunRecords>({
    remembered: (partition, bodyHash) => {
      const kept = cache.get(partition);
      return kept === undefined || kept.keepUntilMs <= clock.nowMs() ? undefined : replay(partition, bodyHash, kept);
    },
    claim: ({ partition, bodyHash, token }, leaseMs) => {
      const nowMs = clock.nowMs();
      const isExpired = atMost('keepUntilMs', nowMs);
      const isCrashed = and(absent('answer'), atMost('leaseUntilMs', nowMs), equals('bodyHash', bodyHash));
      const keepUntilMs = nowMs + keepMs;
      return {
        key: recordKey(partition),
        // An end that is now is an end as well: a claim without one would never be over.
        fields: { token, bodyHash, leaseMs, leaseUntilMs: nowMs + leaseMs, keepUntilMs },
        condition: or(absent(), isExpired, isCrashed),
        expiresAtMs: keepUntilMs,
      };
    },
    answer: ({ partition, token }, text) => {
      const keepUntilMs = clock.nowMs() + keepMs;
      return {
        key: recordKey(partition),
        set: { answer: text, keepUntilMs },
        condition: equals('token', token),
        expiresAtMs: keepUntilMs,
      };
    },
    release: ({ partition, token }) => ({ key: recordKey(partition), condition: equals('token', token) }),
    answered: ({ partition, bodyHash }, text) => {
      cache.set(partition, { bodyHash, text, keepUntilMs: clock.nowMs() + keepMs });
      return { status: 'answered', text, replayed: false };
    },
    judge: (partition, bodyHash, record) => {
      const { bodyHash: itsBodyHash, answer } = record;
      if (typeof itsBodyHash !== 'string' || itsBodyHash !== bodyHash) return REUSED;
      if (typeof answer === 'string') {
        return replay(partition, bodyHash, { bodyHash, text: answer, keepUntilMs: numberOf(record['keepUntilMs']) });
      }
      const leftMs = numberOf(record['leaseUntilMs']) - clock.nowMs();
      const ageMs = numberOf(record['leaseMs']) - leftMs;
      return { status: 'in-progress', retryAfterMs: Math.max(MIN_RETRY_MS, Math.min(leftMs, ageMs)) };
    },
    isOver: (record) => {
      const nowMs = clock.nowMs();
      if (numberOf(record['keepUntilMs']) <= nowMs) return true;
      return record['answer'] === undefined && numberOf(record['leaseUntilMs']) <= nowMs;
    },
  });
};
