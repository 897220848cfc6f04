import { memoryClock, type MemoryClock } from '#primitives/memory/clock';
import type { Clock } from '#primitives/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { exactLimiter } from '#serving/replicated/exact-limiter';
import type { Quota } from '#resilience/quota';
import { leasedLimiter } from '#serving/replicated/leased-limiter';
import type { Limiter } from '#serving/replicated/limiter-types';

export type Kind = 'exact' | 'leased';

/** Hosts that limit together. */
export const limitedFleet = (options: {
  readonly kind: Kind;
  readonly quota: Quota;
  readonly offsetsMs: readonly number[];
  readonly leaseMs?: number;
  readonly maxClockSkewMs?: number;
  readonly intercept?: (clock: MemoryClock) => Intercept;
}) => {
  const { kind, quota, offsetsMs, leaseMs = 500, maxClockSkewMs = 5_100 } = options;
  const clock = memoryClock();
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept(clock) });
  const table = memoryTable({ name: 'limits', clock, wire });
  const boot = (seed: number, its: Clock): Limiter => {
    const common = {
      table,
      name: 'test',
      clock: its,
      random: seededRandom(seed),
      maxClockSkewMs,
      maxKeyCount: 100,
      maxWaitingCount: 1_000,
      ...quota,
    };
    return kind === 'exact' ? exactLimiter(common) : leasedLimiter({ ...common, leaseMs });
  };
  const hosts = offsetsMs.map((offsetMs, index) => boot(index + 1, clock.withOffset(offsetMs)));
  return {
    clock,
    table,
    hosts,
    /** The first of them. */
    first: hosts[0] ?? boot(1, clock),
    boot,
    callCount: (): number => Object.values(wire.counts()).reduce((a, b) => a + b, 0),
    resetCalls: () => wire.resetCounts(),
  };
};

/**
 * Offers a load to all hosts, evenly and at random instants, and tells when who was let through.
 *
 * @param options.times Of the rate.
 */
export const offer = async (
  fleet: ReturnType<typeof limitedFleet>,
  options: { readonly quota: Quota; readonly times: number; readonly forMs: number; readonly seed: number },
): Promise<{ readonly allowedAtMs: readonly number[]; readonly decisionCount: number }> => {
  const { quota, times, forMs, seed } = options;
  const random = seededRandom(seed);
  const allowedAtMs: number[] = [];
  const perHostMs = (1000 * fleet.hosts.length) / (quota.ratePerSecond * times);
  let decisionCount = 0;
  const drive = async (limiter: Limiter): Promise<void> => {
    const asked: Promise<void>[] = [];
    for (let atMs = 0; atMs < forMs;) {
      const gapMs = -Math.log(1 - random.next()) * perHostMs;
      atMs += gapMs;
      await fleet.clock.sleep(gapMs);
      decisionCount += 1;
      asked.push(
        limiter.take('k').then(({ status }) => {
          if (status === 'allowed') allowedAtMs.push(fleet.clock.monotonicMs());
        }),
      );
    }
    await Promise.all(asked);
  };
  await fleet.clock.until(Promise.all(fleet.hosts.map(drive)));
  return { allowedAtMs, decisionCount };
};
