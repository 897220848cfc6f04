import { falling, notRising } from '#simulation/checkers';
import { seededRandom } from '#primitives/memory/random';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { contest, LEASE_MS, POLL_MS, REAL } from './contest.ts';
import { wallClockLease } from './wall-clock-lease.ts';

const SEED_COUNT = 1_000;
const CHUNK = 100;
const RUN_MS = 8 * LEASE_MS;
const TEST_MS = 300_000;
/** For the way of the takeover's write, beside the period. */
const FAILOVER_MS = 1.1 * LEASE_MS + POLL_MS;

/** Answers that get lost, writes that land up to two leases late, refusals, delays. */
const roughRules = (seed: number): readonly FaultRule[] => {
  const random = seededRandom(seed);
  const rate = (): number => 0.005 + random.next() * 0.05;
  return [
    { kind: 'lose-answer', rate: rate() },
    { kind: 'late', rate: rate(), ms: Math.floor(random.next() * 2 * LEASE_MS) },
    { kind: 'error', rate: rate() },
    { kind: 'delay', rate: rate(), ms: Math.floor(random.next() * LEASE_MS) },
    { kind: 'duplicate', rate: rate() },
  ];
};

const chunks = Array.from({ length: SEED_COUNT / CHUNK }, (_, index) => index * CHUNK + 1);
const seedsOf = (from: number): readonly number[] => Array.from({ length: CHUNK }, (_, index) => from + index);

describe('five contenders, pauses of three leases, kills, clocks a minute off, lost answers, late writes', () => {
  test.each(chunks)(
    'no lower token is accepted after a higher, and two never believe at once to hold, seeds from %i',
    async (from) => {
      const seen = { fencedCount: 0, pauseCount: 0, killCount: 0, faultCount: 0, tokenCount: 0, acceptedCount: 0 };
      for (const seed of seedsOf(from)) {
        const run = contest({ seed, rules: roughRules(seed), isRough: true });
        await run.go(RUN_MS);
        const { accepted, tokens, overlaps } = run;
        expect({ seed, problems: [...falling(accepted), ...notRising(tokens), ...overlaps] }).toEqual({
          seed,
          problems: [],
        });
        const counts = run.counts();
        seen.fencedCount += counts.fencedCount;
        seen.pauseCount += counts.pauseCount;
        seen.killCount += counts.killCount;
        seen.faultCount += counts.faultCount;
        seen.tokenCount += tokens.length;
        seen.acceptedCount += accepted.length;
      }
      // What is to be survived has happened, and they got on all the same.
      expect(seen.fencedCount).toBeGreaterThan(10);
      expect(seen.pauseCount).toBeGreaterThan(CHUNK);
      expect(seen.killCount).toBeGreaterThan(10);
      expect(seen.faultCount).toBeGreaterThan(10 * CHUNK);
      expect(seen.tokenCount).toBeGreaterThan(2 * CHUNK);
      expect(seen.acceptedCount).toBeGreaterThan(5 * CHUNK);
    },
    TEST_MS,
  );
});

describe('holders that die or forget to resign, no faults', () => {
  test.each(chunks)(
    'whoever watched takes over within 1.1 leases of the last renewal and one period, seeds from %i',
    async (from) => {
      let watchedCount = 0;
      for (const seed of seedsOf(from)) {
        const run = contest({ seed, isRough: true, isResigning: false });
        await run.go(RUN_MS);
        const watched = run.takeovers.filter(({ wasWatched }) => wasWatched);
        watchedCount += watched.length;
        expect({ seed, late: watched.filter(({ afterMs }) => afterMs > FAILOVER_MS) }).toEqual({ seed, late: [] });
        expect({ seed, early: run.takeovers.filter(({ afterMs }) => afterMs < LEASE_MS) }).toEqual({ seed, early: [] });
      }
      expect(watchedCount).toBeGreaterThan(CHUNK);
    },
    TEST_MS,
  );
});

describe('the checkers find out', () => {
  test('a lease by the wall clock: two hold at once', async () => {
    let caughtCount = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const run = contest({
        seed,
        parts: { ...REAL, makeElection: (parts) => wallClockLease({ ...parts, leaseMs: LEASE_MS }) },
      });
      await run.go(RUN_MS);
      if (run.overlaps.length > 0) caughtCount += 1;
    }
    expect(caughtCount).toBeGreaterThan(10);
  });

  test('a resource that asks for no token: the late write of a former holder is accepted', async () => {
    let caughtCount = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const run = contest({ seed, isRough: true, rules: roughRules(seed), parts: { ...REAL, isGuarded: false } });
      await run.go(RUN_MS);
      if (falling(run.accepted).length > 0) caughtCount += 1;
    }
    expect(caughtCount).toBeGreaterThan(10);
  });
});
