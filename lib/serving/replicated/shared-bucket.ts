import { numberOf } from '#primitives/field-values';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, atMost, or, type Table, type WriteOutcome } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import { clockRing, type RingEntry } from './clock-ring.ts';
import type { Quota } from '#resilience/quota';
import { tokensAt, waitFor } from './gcra.ts';

/** Some of what was asked for, or nothing and when to ask again. */
export type Claim =
  | { readonly status: 'granted'; readonly count: number; readonly remainingCount: number; readonly resetMs: number }
  | {
      readonly status: 'refused';
      readonly remainingCount: number;
      readonly resetMs: number;
      readonly retryAfterMs: number;
    };

export interface SharedBucketOptions extends Quota {
  readonly table: Table;
  /** 1..64 bytes. Keeps apart limits that share a table. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Keys whose state this host remembers. What it forgets costs a call at most, and no token. */
  readonly maxKeyCount: number;
}

export interface SharedBucket {
  /**
   * Takes from `minCount` to `maxCount` tokens of a key, as many as there are, by one write; refuses without a call when
   * what this host knows says so. For each key one claim at a time.
   */
  claim(key: string, minCount: number, maxCount: number): Promise<Claim>;
}

/** The theoretical arrival time as this host last saw it. It only grows: what it refuses is refused. */
interface Known extends RingEntry {
  readonly tatMs: number;
}

const SORT = 'bucket';
/** A host that loses so many times in a row to others refuses: come again. */
const MAX_TRIES = 16;
/** Who has lost waits a little, each time for longer, so that those who race do not go on in step. */
const WAIT_MS = 2;
const DAY_MS = 86_400_000;

/**
 * The time of a host: what its wall clock said when this was made, and since then what its monotonic clock says, so that
 * a wall clock that jumps changes nothing. When a record shows that another host is further, this one follows: those that
 * are behind catch up with the one that is ahead, and all go on as fast as time does.
 */
const followedTime = (clock: Clock) => {
  let offsetMs = clock.nowMs() - clock.monotonicMs();
  return {
    nowMs: (): number => clock.monotonicMs() + offsetMs,
    follow: (seenMs: number): void => {
      offsetMs = Math.max(offsetMs, seenMs - clock.monotonicMs());
    },
  };
};

/**
 * A token bucket in a table, for all hosts. The record holds the theoretical arrival time; a write moves it on, on the
 * condition that it is not later than the host takes it to be, so that no two hosts take the same token.
 *
 * Hosts' clocks may differ. With S seconds between the slowest and the fastest, in any window of W seconds at most
 * rate × (W + S) + burst tokens are taken: each that is taken moves the arrival time by one token, it is never further
 * ahead of the fastest clock than the burst, and a write never leaves it behind the slowest. Whoever uses the bucket takes
 * rate × S off the burst.
 *
 * A write carries a token: when its answer is lost, it is repeated, and known again by it. At worst a token is lost.
 */
export const sharedBucket = (options: SharedBucketOptions): SharedBucket => {
  const { table, name, clock, random, maxKeyCount, ratePerSecond, burstCount } = options;
  const tokenMs = 1000 / ratePerSecond;
  const ring = clockRing<Known>({ maxCount: maxKeyCount, maxBytes: Infinity });
  const time = followedTime(clock);

  const remember = (key: string, tatMs: number): void => {
    ring.set({ key, sizeBytes: 0, isUsed: true, place: -1, tatMs });
  };

  /** Writes the arrival time that `count` tokens lead to, if it is at most `fromMs` now. */
  const write = (key: string, fromMs: number, nowMs: number, count: number, token: string): Promise<WriteOutcome> => {
    const tatMs = fromMs + count * tokenMs;
    return untilAnswered(() =>
      table.put({
        key: { partition: `limit/${name}/${key}`, sort: SORT },
        fields: { tatMs, atMs: nowMs, token },
        condition: or(absent(), atMost('tatMs', fromMs)),
        // Only to save space: a bucket that is removed is full, and by then it is.
        expiresAtMs: tatMs + DAY_MS,
      }),
    );
  };

  const refusal = (count: number, tatMs: number, nowMs: number): Claim => ({
    status: 'refused',
    remainingCount: tokensAt(tatMs, nowMs, tokenMs, burstCount),
    resetMs: Math.max(0, tatMs - nowMs),
    retryAfterMs: Math.max(1, waitFor(count, { tatMs, nowMs, tokenMs, burstCount })),
  });

  return Object.freeze<SharedBucket>({
    claim: async (key, minCount, maxCount) => {
      for (let tries = 1; ; tries += 1) {
        const nowMs = time.nowMs();
        // Of a key that it does not know a host believes that nothing is owed: the table knows better.
        const fromMs = Math.max(ring.get(key)?.tatMs ?? nowMs, nowMs);
        const tokens = tokensAt(fromMs, nowMs, tokenMs, burstCount);
        if (tokens < minCount || tries > MAX_TRIES) return refusal(minCount, fromMs, nowMs);
        const count = Math.min(maxCount, tokens);
        const token = random.uuid();
        const outcome = await write(key, fromMs, nowMs, count, token);
        const current = outcome.status === 'refused' ? outcome.current : undefined;
        if (outcome.status === 'written' || current?.['token'] === token) {
          remember(key, fromMs + count * tokenMs);
          const resetMs = fromMs + count * tokenMs - nowMs;
          return { status: 'granted', count, remainingCount: tokens - count, resetMs };
        }
        if (current === undefined) ring.delete(key);
        else {
          time.follow(numberOf(current['atMs']));
          remember(key, numberOf(current['tatMs']));
        }
        if (tries > 1) await clock.sleep(random.next() * WAIT_MS * tries);
      }
    },
  });
};
