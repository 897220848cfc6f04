import { sha256 } from '#primitives/sha256';
import type { Bus } from '#primitives/bus';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import { checkFunction, checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import { and, equals, type Table } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import { announce } from '../events.ts';
import { codeHash, sameHash, type Mac } from './mac.ts';
import {
  challengeKey,
  challengeOf,
  checkOwner,
  isExpired,
  isOpen,
  newChallenge,
  type ChallengeRecord,
} from './record.ts';

/** Somebody is to prove that they read what is sent to an address. */
export interface ChallengeRequest {
  /** Names the challenge. A request that is repeated under the same id is the same challenge. */
  readonly challengeId: string;
  readonly user: string;
  readonly address: string;
  readonly traceparent?: string;
}

export interface Challenge {
  readonly challengeId: string;
  readonly expiresAtMs: number;
}

export type Verdict =
  /** The code was right, and is used from now on. `token` is secret; its SHA-256 is with the challenge. */
  | { readonly status: 'verified'; readonly token: string; readonly user: string }
  | { readonly status: 'wrong'; readonly attemptsLeft: number; readonly endsInMs: number }
  /** The code was right for somebody before. */
  | { readonly status: 'used' }
  | { readonly status: 'exhausted'; readonly endsInMs: number }
  | { readonly status: 'expired' }
  | { readonly status: 'unknown' };

export interface ChallengesOptions {
  readonly table: Table;
  readonly bus: Bus;
  readonly mac: Mac;
  readonly clock: Clock;
  /** `uuid` must be of the secure source: tokens are made of it. */
  readonly random: Random;
  /** How long a code is good for. 1_000..3_600_000 ms. */
  readonly lifetimeMs: number;
  /** How many codes are compared with the right one. 1..10. */
  readonly attemptCount: number;
}

export interface Challenges {
  /**
   * Makes a challenge and has its code sent: by an event, which carries no code. Two calls.
   *
   * @throws {@link UnavailableError} when the event was not taken: the same request may be repeated
   * @throws {@link InvalidArgumentError} when there is a challenge of this id for another user or address
   */
  begin(request: ChallengeRequest): Promise<Challenge>;
  /**
   * Compares a code with the one that was sent. The attempt is counted before the code is looked at, so that of many
   * at once no more than `attemptCount` are compared; a crash in between costs the attempt. What comes before a code was
   * drawn is `wrong`, compared with nothing, and costs none. Of several that are right one is `verified`. Two calls, three when the code is right, one more for
   * each other verification that came between.
   */
  verify(challengeId: string, code: string): Promise<Verdict>;
}

type Judged = { readonly verdict: Verdict } | { readonly record: ChallengeRecord };

/**
 * The side of a two-factor login that a person sees: a challenge, and the verification of its code.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 9
 */
export const challenges = (options: ChallengesOptions): Challenges => {
  checkNames(options, ['table', 'bus', 'mac', 'clock', 'random', 'lifetimeMs', 'attemptCount']);
  const { table, bus, mac, clock, random, lifetimeMs, attemptCount } = options;
  checkParts({ table, bus, clock, random });
  checkFunction('mac', mac);
  checkInteger('lifetimeMs', lifetimeMs, 1_000, 3_600_000);
  checkInteger('attemptCount', attemptCount, 1, 10);

  const leftMs = ({ expiresAtMs }: ChallengeRecord): number => expiresAtMs - clock.nowMs();

  const ended = (record: ChallengeRecord | undefined): Verdict | undefined => {
    if (record === undefined) return { status: 'unknown' };
    if (isExpired(record, clock.nowMs())) return { status: 'expired' };
    if (record.tokenHash !== undefined) return { status: 'used' };
    if (record.attempts < attemptCount) return undefined;
    return { status: 'exhausted', endsInMs: leftMs(record) };
  };

  /** Counts an attempt. The challenge as it was before, or why there is none left. */
  const count = async (challengeId: string): Promise<Judged> => {
    const key = challengeKey(challengeId);
    const fields = await table.get(key);
    let record = fields === undefined ? undefined : challengeOf(fields);
    // Whoever is refused met another attempt, and there are only so many.
    for (let round = 0; round <= attemptCount; round += 1) {
      const verdict = ended(record);
      if (verdict !== undefined || record === undefined) return { verdict: verdict ?? { status: 'unknown' } };
      const { attempts } = record;
      const attemptsLeft = attemptCount - attempts - 1;
      // There is nothing to compare with yet: whoever guesses now takes nobody's attempts away.
      if (record.hash === undefined)
        return { verdict: { status: 'wrong', attemptsLeft: attemptsLeft + 1, endsInMs: leftMs(record) } };
      const attemptBy = random.uuid();
      const outcome = await untilAnswered(() =>
        table.update({
          key,
          set: { attempts: attempts + 1, attemptsLeft, attemptBy },
          condition: and(equals('attempts', attempts), isOpen(clock.nowMs())),
        }),
      );
      if (outcome.status === 'written') return { record };
      const current = outcome.current === undefined ? undefined : challengeOf(outcome.current);
      // Refused by our own write, whose answer was lost.
      if (current?.attemptBy === attemptBy) return { record };
      record = current;
    }
    throw new UnavailableError(`Too many at once verify challenge ${challengeId}`);
  };

  const spend = async (challengeId: string, hash: string): Promise<string | undefined> => {
    const token = `${random.uuid()}${random.uuid()}`.replaceAll('-', '');
    const tokenHash = sha256(token);
    const outcome = await untilAnswered(() =>
      table.update({
        key: challengeKey(challengeId),
        set: { tokenHash },
        condition: and(equals('hash', hash), isOpen(clock.nowMs())),
      }),
    );
    const isOurs = outcome.status === 'written' || outcome.current?.['tokenHash'] === tokenHash;
    return isOurs ? token : undefined;
  };

  return Object.freeze<Challenges>({
    begin: async ({ challengeId, user, address, traceparent }) => {
      const made = newChallenge({ challengeId, user, address }, clock.nowMs() + lifetimeMs);
      const outcome = await untilAnswered(() => table.put(made));
      const isThere = outcome.status === 'refused' && outcome.current !== undefined;
      const record: ChallengeRecord = isThere ? challengeOf(outcome.current) : made.fields;
      checkOwner(record, { challengeId, user, address });
      const { expiresAtMs } = record;
      await announce(bus, 'challenge.requested', { challengeId, user, address }, traceparent);
      return { challengeId, expiresAtMs };
    },
    verify: async (challengeId, code) => {
      const counted = await count(challengeId);
      if ('verdict' in counted) return counted.verdict;
      const { record } = counted;
      const { hash = '', user, attempts } = record;
      if (!sameHash(await codeHash(mac, challengeId, code), hash)) {
        const attemptsLeft = attemptCount - attempts - 1;
        return { status: 'wrong', attemptsLeft, endsInMs: leftMs(record) };
      }
      const token = await spend(challengeId, hash);
      if (token !== undefined) return { status: 'verified', token, user };
      return isExpired(record, clock.nowMs()) ? { status: 'expired' } : { status: 'used' };
    },
  });
};
