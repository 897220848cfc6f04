import { OutcomeUnknownError } from '#primitives/errors';
import type { MemoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import type { Intercept } from '#primitives/memory/wire';
import type { Limiter } from '#serving/replicated/limiter-types';
import { limitedFleet, offer, type Kind } from './limited-fleet.ts';
import { excess, ROUNDING } from './windows.ts';

/** 5.1 s of it are taken off the burst, and of a leased limit half a second more: see `limited-fleet.ts`. */
const quota = { ratePerSecond: 20, burstCount: 200 };
const kinds: readonly Kind[] = ['exact', 'leased'];
const FOR_MS = 90_000;
const permittedIn = (ms: number): number => quota.burstCount + (quota.ratePerSecond * ms) / 1000;

/** Calls that take up to `ms` each way. */
const slow =
  (ms: number, seed: number) =>
  (clock: MemoryClock): Intercept => {
    const random = seededRandom(seed);
    return async (_, apply) => {
      await clock.sleep(ms * random.next());
      const answer = await apply();
      await clock.sleep(ms * random.next());
      return answer;
    };
  };

describe.each(kinds)('%s, 4 hosts, one with its clock 5 s back, offered 20 times the rate', (kind) => {
  test.each([1, 2, 3])('no window is over, 90 %% is used, and few calls are made (seed %i)', async (seed) => {
    const fleet = limitedFleet({ kind, quota, offsetsMs: [0, 0, 0, -5_000] });
    const { allowedAtMs, decisionCount } = await offer(fleet, { quota, times: 20, forMs: FOR_MS, seed });
    expect(excess(allowedAtMs, quota)).toBeLessThanOrEqual(ROUNDING);
    expect(allowedAtMs.length / permittedIn(FOR_MS)).toBeGreaterThanOrEqual(0.9);
    expect(fleet.callCount() / decisionCount).toBeLessThanOrEqual(kind === 'exact' ? 1 : 0.1);
  });
});

describe.each(kinds)('%s, clocks', (kind) => {
  /** Each host, new to the bucket, takes all that it gets; then the next one comes. */
  const oneAfterTheOther = async (offsetsMs: readonly number[]): Promise<number> => {
    const fleet = limitedFleet({ kind, quota, offsetsMs });
    const instants: number[] = [];
    for (const host of [...fleet.hosts, ...fleet.hosts.toReversed()]) {
      for (let times = 0; times < 250; times += 1)
        if ((await fleet.clock.until(host.take('k'))).status === 'allowed') instants.push(fleet.clock.monotonicMs());
      await fleet.clock.advance(100);
    }
    expect(instants.length).toBeGreaterThan(80);
    return excess(instants, quota);
  };

  test.each([[[0, 5_000]], [[5_000, 0]], [[-5_000, 0, -2_500]], [[0, 1_000, 2_000, 3_000, 4_000, 5_000]]])(
    'that are off by %p mint nothing, whoever comes first',
    async (offsetsMs) => {
      expect(await oneAfterTheOther(offsetsMs)).toBeLessThanOrEqual(ROUNDING);
    },
  );

  test('that are further off than was promised mint one burst for each host at most', async () => {
    const offsetsMs = [0, 86_400_000, -86_400_000, 3_600_000];
    expect(await oneAfterTheOther(offsetsMs)).toBeLessThanOrEqual(offsetsMs.length * quota.burstCount);
  });

  test('that jump ahead and back in the midst of it mint nothing, and cost nothing', async () => {
    const fleet = limitedFleet({ kind, quota, offsetsMs: [0, -5_000] });
    const jumps = async (): Promise<void> => {
      for (const ms of [30_000, -30_000, -50_000, 20_000, 86_400_000]) {
        await fleet.clock.sleep(1_500);
        fleet.clock.jump(ms);
      }
    };
    void jumps();
    const { allowedAtMs } = await offer(fleet, { quota, times: 10, forMs: FOR_MS, seed: 4 });
    expect(excess(allowedAtMs, quota)).toBeLessThanOrEqual(ROUNDING);
    expect(allowedAtMs.length / permittedIn(FOR_MS)).toBeGreaterThanOrEqual(0.9);
  });
});

describe.each(kinds)('%s, calls', (kind) => {
  test('that take their time let nobody through too early', async () => {
    // The clocks are 5 s apart, 5.1 s were promised: 100 ms are left for a call.
    const fleet = limitedFleet({ kind, quota, offsetsMs: [0, 0, 0, -5_000], intercept: slow(50, 9) });
    const { allowedAtMs, decisionCount } = await offer(fleet, { quota, times: 20, forMs: FOR_MS, seed: 5 });
    expect(excess(allowedAtMs, quota)).toBeLessThanOrEqual(ROUNDING);
    expect(allowedAtMs.length / permittedIn(FOR_MS)).toBeGreaterThanOrEqual(0.9);
    expect(fleet.callCount() / decisionCount).toBeLessThanOrEqual(kind === 'exact' ? 1 : 0.1);
  });

  test('whose answers are lost cost tokens at worst, and let nobody through beyond the limit', async () => {
    const losing = (): Intercept => {
      const random = seededRandom(3);
      return async (operation, apply) => {
        const answer = await apply();
        if (random.next() < 0.05) throw new OutcomeUnknownError(operation.operation);
        return answer;
      };
    };
    const fleet = limitedFleet({ kind, quota, offsetsMs: [0, 0], intercept: losing });
    const { allowedAtMs } = await offer(fleet, { quota, times: 3, forMs: 20_000, seed: 6 });
    expect(excess(allowedAtMs, quota)).toBeLessThanOrEqual(ROUNDING);
    expect(allowedAtMs.length).toBeGreaterThan(0.6 * permittedIn(20_000));
  });
});

describe('a leased limit', () => {
  const wide = { ratePerSecond: 100, burstCount: 600 };
  const start = () =>
    limitedFleet({ kind: 'leased', quota: wide, offsetsMs: [0, 0, 0, 0], leaseMs: 2_000, maxClockSkewMs: 1_000 });

  test.each([0.9, 1.2, 2])('that is met %d times makes at most 0.1 calls a decision', async (times) => {
    const fleet = start();
    const { allowedAtMs, decisionCount } = await offer(fleet, { quota: wide, times, forMs: 20_000, seed: 8 });
    expect(excess(allowedAtMs, wide)).toBeLessThanOrEqual(ROUNDING);
    expect(fleet.callCount() / decisionCount).toBeLessThanOrEqual(0.1);
  });

  test.each([0.9, 1, 1.2])('that is met %d times lets nearly all through that it permits', async (times) => {
    const large = { ratePerSecond: 500, burstCount: 2_000 };
    const offsetsMs = Array.from({ length: 8 }, () => 0);
    const fleet = limitedFleet({ kind: 'leased', quota: large, offsetsMs, leaseMs: 1_000, maxClockSkewMs: 1_000 });
    const { allowedAtMs, decisionCount } = await offer(fleet, { quota: large, times, forMs: 60_000, seed: 8 });
    expect(excess(allowedAtMs, large)).toBeLessThanOrEqual(ROUNDING);
    expect(fleet.callCount() / decisionCount).toBeLessThanOrEqual(0.1);
    // In the first half the burst of the start fills what is lost.
    const lateCount = allowedAtMs.filter((atMs) => atMs >= 30_000 && atMs < 60_000).length;
    expect(lateCount).toBeGreaterThan(0.95 * Math.min(times, 1) * large.ratePerSecond * 30);
    if (times < 1) expect(allowedAtMs).toHaveLength(decisionCount);
  });

  test('gives nearly all to a host that is busy, although others lease as well', async () => {
    const fleet = start();
    const { first: busy } = fleet;
    const others = fleet.hosts.slice(1);
    let allowedCount = 0;
    const work = async (): Promise<void> => {
      for (let turn = 0; turn < 10_000; turn += 1) {
        const asked = [busy, ...(turn % 250 === 0 ? others : [])].map((host) => host.take('k'));
        for (const decision of await Promise.all(asked)) if (decision.status === 'allowed') allowedCount += 1;
        await fleet.clock.sleep(2);
      }
    };
    await fleet.clock.until(work());
    expect(allowedCount / (wide.ratePerSecond * 20)).toBeGreaterThan(0.9);
  });

  test('that hosts have leased and not used is lost in time, and never used later', async () => {
    const fleet = start();
    const taken: number[] = [];
    const take = async (host: Limiter, times: number): Promise<number> => {
      let allowedCount = 0;
      for (let index = 0; index < times; index += 1) {
        if ((await host.take('k')).status === 'refused') continue;
        allowedCount += 1;
        taken.push(fleet.clock.monotonicMs());
      }
      return allowedCount;
    };
    let leftOverCount = 0;
    for (const host of fleet.hosts) {
      // Busy, so that it leases much; then it takes one of what it has leased.
      await take(host, 600);
      await fleet.clock.advance(1_600);
      leftOverCount += await take(host, 1);
    }
    expect(leftOverCount).toBe(fleet.hosts.length);
    await fleet.clock.advance(3_000);
    for (const host of fleet.hosts) await take(host, 600);
    expect(excess(taken.slice(-700), wide)).toBeLessThanOrEqual(ROUNDING);
    expect(excess(taken, wide)).toBeLessThanOrEqual(ROUNDING);
  });
});
