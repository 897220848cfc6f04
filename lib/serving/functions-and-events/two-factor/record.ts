import { InvalidArgumentError } from '#primitives/errors';
import { absent, and, atMost, not, type Condition, type Fields, type Key } from '#primitives/table';

/** A challenge as it is stored. The code is not. */
export interface ChallengeRecord {
  readonly user: string;
  readonly address: string;
  /** By the clock of the host that made the record. */
  readonly expiresAtMs: number;
  /** How many codes were, or are being, compared. */
  readonly attempts: number;
  /** How many are left, since the first: without it all are. */
  readonly attemptsLeft?: number;
  /** Names the last who raised `attempts`. */
  readonly attemptBy: string;
  /** Keyed hash of the code, and the code under a pad: both since the code was drawn. */
  readonly hash?: string;
  readonly hidden?: number;
  /** Since when the mailer has the code. */
  readonly sentAtMs?: number;
  /** SHA-256 of the token that was given for the code, once. */
  readonly tokenHash?: string;
}

/** Told apart from what was never there for so long. */
const REMEMBERED_MS = 86_400_000;

export const challengeKey = (challengeId: string): Key => ({
  partition: `challenge/${challengeId}`,
  sort: 'challenge',
});

/** The record is written by these functions only, each field by one of them. */
export const challengeOf = (fields: Fields): ChallengeRecord => fields as object as ChallengeRecord;

/** Whoever comes first makes the record; the same for HTTP and for events. */
export const newChallenge = (
  { challengeId, user, address }: { readonly challengeId: string; readonly user: string; readonly address: string },
  expiresAtMs: number,
) => ({
  key: challengeKey(challengeId),
  fields: { user, address, expiresAtMs, attempts: 0, attemptBy: '' },
  condition: absent(),
  expiresAtMs: expiresAtMs + REMEMBERED_MS,
});

export const isExpired = ({ expiresAtMs }: ChallengeRecord, nowMs: number): boolean => expiresAtMs <= nowMs;

/** No code will be compared any more. */
export const isExhausted = ({ attemptsLeft }: ChallengeRecord): boolean => attemptsLeft === 0;

/** @throws {@link InvalidArgumentError} when a challenge was made for somebody else than who asks */
export const checkOwner = (
  record: ChallengeRecord,
  { challengeId, user, address }: { readonly challengeId: string; readonly user: string; readonly address: string },
): void => {
  if (record.user !== user || record.address !== address)
    throw new InvalidArgumentError(`Challenge ${challengeId} is of another user or address.`);
};

/** Nothing has become of the challenge yet: part of every condition, since a record outlives its time. */
export const isOpen = (nowMs: number): Condition => and(absent('tokenHash'), not(atMost('expiresAtMs', nowMs)));
