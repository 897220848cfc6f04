import { UnavailableError } from '#primitives/errors';
import type { Clock } from '#primitives/clock';
import { memoryClock } from '#primitives/memory/clock';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { faults } from '#primitives/memory/faults';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { fleetCircuitBreaker, policy, retryBudget, type CircuitBreaker } from '#resilience/index';

const HOST_COUNT = 4;
const OPEN_MS = 1_000;
const WAIT_MS = 1_250;
const LATENCY_MS = 20;
const RATIO = 0.2;
const SKEWS_MS = [0, 60_000, -60_000, 12_345];

interface Sent {
  readonly atMs: number;
  readonly host: number;
  readonly isProbe: boolean;
}

interface SimulationOptions {
  readonly seed: number;
  readonly rules?: readonly FaultRule[];
  readonly refreshMs?: number;
  /** The host that gets the first probe dies with it: it never ends, and the host calls no more. */
  readonly isFirstProberDying?: boolean;
  /** Replaces the breaker of a host: what the checks must find out. */
  readonly plant?: (breaker: CircuitBreaker) => CircuitBreaker;
}

/** Four hosts, whose clocks differ, call a backend all the time, through policies that share the breaker by a table. */
const simulation = ({
  seed,
  rules = [],
  refreshMs,
  isFirstProberDying,
  plant = (breaker) => breaker,
}: SimulationOptions) => {
  const time = memoryClock();
  const random = seededRandom(seed);
  const injector = faults({ clock: time, random: seededRandom(seed + 1), rules });
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      await time.sleep(random.next() * LATENCY_MS);
      const answer = await injector.intercept(operation, apply);
      await time.sleep(random.next() * LATENCY_MS);
      return answer;
    },
  });
  const table = memoryTable({ name: 'breakers', clock: time, wire });
  const sent: Sent[] = [];
  const backend = { isWell: true };
  const dead = new Set<number>();
  let offered = 0;

  const host = (index: number) => {
    // Neither the wall clocks nor the monotonic clocks of two hosts have anything in common.
    const clock: Clock = {
      nowMs: () => time.nowMs() + (SKEWS_MS[index] ?? 0),
      monotonicMs: () => time.monotonicMs() + index * 7_777_777,
      sleep: time.sleep,
    };
    const breaker = plant(
      fleetCircuitBreaker({
        name: 'backend',
        clock,
        table,
        random: seededRandom(seed * 100 + index),
        openMs: OPEN_MS,
        windowMs: 5_000,
        minCallCount: 5,
        failureRatio: 0.5,
        ...(refreshMs === undefined ? {} : { refreshMs }),
      }),
    );
    const run = policy({
      clock,
      random: seededRandom(seed * 1000 + index),
      breaker,
      timeoutMs: 200,
      retry: {
        attemptCount: 4,
        backoff: { baseMs: 20, limitMs: 200 },
        budget: retryBudget({ ratio: RATIO, burstCount: 10 }),
      },
    });
    const call = async (): Promise<void> => {
      const isProbe = breaker.view().status !== 'closed';
      sent.push({ atMs: time.monotonicMs(), host: index, isProbe });
      if (isFirstProberDying === true && isProbe && dead.size === 0) {
        dead.add(index);
        await new Promise(() => undefined);
      }
      await time.sleep(random.next() * 50);
      if (!backend.isWell) throw new UnavailableError('backend');
    };
    /** Many callers come at once, again and again, until the time is over. */
    const callers = async (untilMs: number): Promise<void> => {
      while (time.monotonicMs() < untilMs && !dead.has(index)) {
        for (let caller = 0; caller < 2; caller += 1) {
          offered += 1;
          run(call, { idempotent: true }).catch(() => undefined);
        }
        await time.sleep(50 + random.next() * 100);
      }
    };
    return { breaker, callers };
  };

  const hosts = Array.from({ length: HOST_COUNT }, (_, index) => host(index));
  const go = async (ms: number): Promise<void> => {
    const untilMs = time.monotonicMs() + ms;
    for (const { callers } of hosts) void callers(untilMs);
    await time.advance(ms);
  };
  return {
    time,
    backend,
    sent,
    hosts,
    dead,
    go,
    table,
    wire,
    offered: () => offered,
    injected: injector.injected,
    probes: () => sent.filter(({ isProbe }) => isProbe),
  };
};

const gapsOf = (probes: readonly Sent[]): readonly number[] =>
  probes.slice(1).map(({ atMs }, index) => atMs - (probes[index]?.atMs ?? Infinity));

/** Safety: what must hold whatever the faults. */
const holdBounds = ({ sent, offered, probes }: ReturnType<typeof simulation>): void => {
  expect(sent.length).toBeLessThanOrEqual(offered() * (1 + RATIO));
  expect(gapsOf(probes()).filter((gapMs) => gapMs < OPEN_MS)).toEqual([]);
};

const SEEDS = Array.from({ length: 8 }, (_, index) => index + 1);
const OUTAGE_MS = 20_000;

describe('a backend that is down, four hosts', () => {
  test.each(SEEDS)('calls ≤ offered × 1.2, one probe in the fleet each interval, seed %i', async (seed) => {
    const fleet = simulation({ seed });
    fleet.backend.isWell = false;
    await fleet.go(OUTAGE_MS);
    holdBounds(fleet);
    const probes = fleet.probes();
    expect(probes.length).toBeLessThanOrEqual(OUTAGE_MS / OPEN_MS);
    // Liveness: they do go out, one soon after the other.
    expect(probes.length).toBeGreaterThanOrEqual(Math.floor(OUTAGE_MS / (WAIT_MS * 1.5)));
    // Before it opened everywhere, each host had sent no more than its window needs, and what was on its way.
    expect(fleet.sent.length - probes.length).toBeLessThanOrEqual(HOST_COUNT * 20);
  });

  test.each(SEEDS)('and well again: every host calls soon after, seed %i', async (seed) => {
    const fleet = simulation({ seed });
    fleet.backend.isWell = false;
    await fleet.go(5_000);
    fleet.backend.isWell = true;
    await fleet.go(3 * WAIT_MS);
    holdBounds(fleet);
    expect(fleet.hosts.map(({ breaker }) => breaker.view().status)).toEqual(['closed', 'closed', 'closed', 'closed']);
  });

  test('a host that learns by looking stops after the first has opened it', async () => {
    const fleet = simulation({ seed: 3, refreshMs: 100 });
    await fleet.go(1_000);
    fleet.backend.isWell = false;
    const first = fleet.hosts[0]?.breaker;
    if (first === undefined) throw new Error('no host');
    while (first.view().status === 'closed')
      await fleet.time.until(
        Promise.resolve(first.exitWithError(await first.enter(), new UnavailableError('backend'))),
      );
    await fleet.go(600);
    const open = fleet.hosts.map(({ breaker }) => breaker.view().status === 'closed');
    expect(open).toEqual([false, false, false, false]);
    expect(fleet.wire.counts()['dynamodb.PutItem']).toBeLessThanOrEqual(HOST_COUNT);
  });

  test.each(SEEDS)('a host that dies with the probe is superseded, seed %i', async (seed) => {
    const fleet = simulation({ seed, isFirstProberDying: true });
    fleet.backend.isWell = false;
    await fleet.go(OUTAGE_MS);
    holdBounds(fleet);
    expect(fleet.dead.size).toBe(1);
    const gaps = gapsOf(fleet.probes());
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * WAIT_MS);
    expect(fleet.probes().at(-1)?.atMs).toBeGreaterThan(OUTAGE_MS - 2 * WAIT_MS);
  });
});

const FAULTS: readonly (readonly [string, readonly FaultRule[]])[] = [
  ['lost answers', [{ kind: 'lose-answer', rate: 0.3 }]],
  ['late writes', [{ kind: 'late', rate: 0.2, ms: 1_500 }]],
  ['very late writes', [{ kind: 'late', rate: 0.3, ms: 7_000 }]],
  ['writes applied twice', [{ kind: 'duplicate', rate: 0.5 }]],
  ['slow answers', [{ kind: 'delay', rate: 0.3, ms: 400 }]],
  ['no answers', [{ kind: 'hang', rate: 0.2, ms: 60_000 }]],
  ['a throttled table', [{ kind: 'error', rate: 0.4 }]],
  [
    'everything',
    [
      { kind: 'lose-answer', rate: 0.1 },
      { kind: 'late', rate: 0.1, ms: 2_000 },
      { kind: 'duplicate', rate: 0.1 },
      { kind: 'delay', rate: 0.1, ms: 300 },
      { kind: 'error', rate: 0.1 },
    ],
  ],
];

describe.each(FAULTS)('with %s', (_, rules) => {
  test('the bounds hold, it is probed, and it closes when faults and outage are over', async () => {
    let faultCount = 0;
    for (const seed of SEEDS) {
      const limited = rules.map((rule) => ({ ...rule, times: 40 }));
      const fleet = simulation({ seed, rules: limited });
      fleet.backend.isWell = false;
      await fleet.go(OUTAGE_MS);
      holdBounds(fleet);
      expect(fleet.probes().length).toBeGreaterThan(3);
      fleet.backend.isWell = true;
      await fleet.go(15_000);
      holdBounds(fleet);
      expect(fleet.hosts.map(({ breaker }) => breaker.view().status)).toEqual(['closed', 'closed', 'closed', 'closed']);
      faultCount += fleet.injected().length;
    }
    expect(faultCount).toBeGreaterThan(SEEDS.length);
  });
});

test('the healthy path writes nothing, in any of the hosts', async () => {
  const fleet = simulation({ seed: 1 });
  await fleet.go(30_000);
  expect(fleet.sent.length).toBe(fleet.offered());
  expect(fleet.sent.length).toBeGreaterThan(1_000);
  expect(fleet.wire.counts()).toEqual({});
});

test('the bounds find breakers that do not share their state', async () => {
  const fleet = simulation({
    seed: 1,
    plant: (breaker) => ({
      ...breaker,
      enter: () => (breaker.view().status === 'closed' ? breaker.enter() : 'everybody'),
    }),
  });
  fleet.backend.isWell = false;
  await fleet.go(OUTAGE_MS);
  expect(() => holdBounds(fleet)).toThrow('toEqual');
});
