import { createHash } from 'node:crypto';
import { lessThan } from '#primitives/table';
import type { Challenges, ChallengesOptions } from '#serving/functions-and-events/two-factor/challenges';
import { codeHash, sameHash } from '#serving/functions-and-events/two-factor/mac';
import { challengeKey, challengeOf } from '#serving/functions-and-events/two-factor/record';
import { challenges } from '#serving/functions-and-events/two-factor/challenges';

/**
 * Verification as it is often written. Planted: the checks must find out what is wrong with it.
 *
 * `late-count`: compares first, and counts what was wrong. `used-twice`: nothing says at the write that the code was not
 * used meanwhile. `expiry-by-ttl`: a record that is there is good.
 */
export const wrongChallenges =
  (kind: 'late-count' | 'used-twice' | 'expiry-by-ttl') =>
  (options: ChallengesOptions): Challenges => {
    const { table, mac, random, attemptCount } = options;
    const right = challenges(options);
    return {
      begin: right.begin,
      verify: async (challengeId, code) => {
        const key = challengeKey(challengeId);
        const fields = await table.get(key);
        if (fields === undefined) return { status: 'unknown' };
        const { attempts, tokenHash, hash = '', user, expiresAtMs } = challengeOf(fields);
        if (kind !== 'expiry-by-ttl' && expiresAtMs <= options.clock.nowMs()) return { status: 'expired' };
        if (tokenHash !== undefined) return { status: 'used' };
        if (attempts >= attemptCount) return { status: 'exhausted', endsInMs: 1 };
        const set = { attempts: attempts + 1 };
        if (kind !== 'late-count') await table.update({ key, set, condition: lessThan('attempts', attemptCount) });
        if (!sameHash(await codeHash(mac, challengeId, code), hash)) {
          if (kind === 'late-count') await table.update({ key, set });
          return { status: 'wrong', attemptsLeft: attemptCount - attempts - 1, endsInMs: 1 };
        }
        const token = random.uuid();
        await table.update({ key, set: { tokenHash: createHash('sha256').update(token).digest('hex') } });
        return { status: 'verified', token, user };
      },
    };
  };
