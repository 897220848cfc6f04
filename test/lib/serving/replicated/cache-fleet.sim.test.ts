import { UnavailableError } from '#primitives/errors';
import type { MemoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { CrashError } from '#primitives/memory/faults';
import type { Intercept } from '#primitives/memory/wire';
import { cache } from '#serving/replicated/cache';
import { LoadFailedElsewhereError, type Lookup } from '#serving/replicated/cache-types';
import { sweep, holdAll, type World } from '#simulation/index';
import { fleet, policy, sharing, stopped } from './some-cache.ts';

const many = <T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => ask(index)));

/** Calls take their time, and a different one each: those of the hosts interleave. */
const travelling =
  (seed: number) =>
  (clock: MemoryClock): Intercept => {
    const random = seededRandom(seed);
    return async (_, apply) => {
      await clock.sleep(10 * random.next());
      const answer = await apply();
      await clock.sleep(10 * random.next());
      return answer;
    };
  };

test('1 000 misses at once on 3 hosts are one load, whatever the order of their calls', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const f = fleet({
      hostCount: 3,
      intercept: travelling(seed),
      load: async () => {
        await f.clock.sleep(200);
        return 'value';
      },
    });
    const answers = await f.clock.until(many(1_000, (index) => f.hosts[index % 3]?.lookup('k') ?? f.first.lookup('k')));
    expect(f.loads).toEqual(['k']);
    expect(new Set(answers.map(({ value, state }) => `${value} ${state}`))).toEqual(new Set(['value miss']));
  }
});

test('a load costs 3 calls, a hit on the shared level 1, a hit in memory 0, and a host that waits 2 and its looks', async () => {
  const f = fleet({ hostCount: 2, load: async () => 'value' });
  const [one, two] = f.hosts;
  await one?.get('k');
  expect(f.wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.UpdateItem': 1, 'dynamodb.PutItem': 1 });
  f.wire.resetCounts();
  expect(await two?.lookup('k')).toMatchObject({ value: 'value', state: 'hit' });
  expect(f.wire.counts()).toEqual({ 'dynamodb.GetItem': 1 });
  f.wire.resetCounts();
  await many(100, async () => [await one?.get('k'), await two?.get('k')]);
  expect(f.wire.counts()).toEqual({});
  expect(two?.stats()).toMatchObject({ sharedHitCount: 1, loadCount: 0 });
});

test('a load that fails is one load, and everybody on every host sees the error; the next call loads again', async () => {
  let fails = true;
  const f = fleet({
    hostCount: 3,
    load: async () => {
      await f.clock.sleep(100);
      if (fails) throw new UnavailableError('the dictionary');
      return 'value';
    },
  });
  const ask = (index: number) => f.hosts[index % 3]?.get('k') ?? f.first.get('k');
  const outcomes = await f.clock.until(Promise.allSettled(Array.from({ length: 300 }, (_, index) => ask(index))));
  expect(f.loads).toHaveLength(1);
  const reasons = outcomes.map((outcome): unknown => (outcome.status === 'rejected' ? outcome.reason : undefined));
  expect(reasons.filter((reason) => reason instanceof UnavailableError)).toHaveLength(100);
  expect(reasons.filter((reason) => reason instanceof LoadFailedElsewhereError && reason.retryable)).toHaveLength(200);
  fails = false;
  expect(await f.clock.until(many(300, ask))).toEqual(Array.from({ length: 300 }, () => 'value'));
  expect(f.loads).toHaveLength(2);
});

test('when the load fails and a stale value is there, on this host or on the shared level, everybody gets it', async () => {
  let fails = false;
  const f = fleet({
    hostCount: 3,
    load: async () => {
      if (fails) throw new Error('away');
      return 'old';
    },
  });
  await f.first.get('k');
  fails = true;
  await f.clock.advance(20_000);
  const answers = await f.clock.until(many(30, (index) => f.hosts[index % 3]?.lookup('k') ?? f.first.lookup('k')));
  expect(answers.map(({ value, state }) => `${value} ${state}`)).toEqual(Array.from({ length: 30 }, () => 'old stale'));
});

test('a host that dies while it loads is waited for a lease, and then another one loads', async () => {
  const f = fleet({ hostCount: 2, load: async () => (f.loads.length === 1 ? new Promise(() => undefined) : 'value') });
  const [two, three] = f.hosts;
  void f.boot(2, stopped(f.clock)).get('k');
  await f.clock.advance(10);
  const startedMs = f.clock.monotonicMs();
  const answers = await f.clock.until(Promise.all([two?.get('k'), three?.get('k')]));
  expect(answers).toEqual(['value', 'value']);
  expect(f.loads).toHaveLength(2);
  const tookMs = f.clock.monotonicMs() - startedMs;
  expect(tookMs).toBeLessThanOrEqual(sharing.leaseMs + 2 * sharing.pollMs);
});

test.each([0, 60_000, -60_000])('a dead holder whose clock was %i ms off is waited for as long', async (offsetMs) => {
  const f = fleet({
    load: async () => (f.loads.length === 1 ? new Promise(() => undefined) : 'value'),
  });
  void f.boot(1, stopped(f.clock.withOffset(offsetMs))).get('k');
  await f.clock.advance(10);
  const startedMs = f.clock.monotonicMs();
  expect(await f.clock.until(f.first.lookup('k'))).toMatchObject({ value: 'value', state: 'miss' });
  const tookMs = f.clock.monotonicMs() - startedMs;
  expect(tookMs).toBeGreaterThanOrEqual(sharing.leaseMs);
  expect(tookMs).toBeLessThanOrEqual(sharing.leaseMs + 2 * sharing.pollMs);
});

test('a host that was taken for dead and comes back overwrites nothing newer', async () => {
  const late = Promise.withResolvers<string>();
  const f = fleet({ load: async () => (f.loads.length === 1 ? late.promise : 'new') });
  const before = f.boot(1, stopped(f.clock)).get('k');
  await f.clock.advance(10);
  expect(await f.clock.until(f.first.get('k'))).toBe('new');
  late.resolve('old');
  expect(await f.clock.until(before)).toBe('old');
  await f.clock.advance(10);
  expect(await f.boot(2).lookup('k')).toMatchObject({ value: 'new', state: 'hit' });
});

test('an expired record that the table has not removed is never fresh', async () => {
  let version = 0;
  const f = fleet({ hostCount: 2, load: async () => `v${(version += 1)}` });
  await f.first.get('k');
  await f.clock.advance(policy.hardTtlMs + policy.staleIfErrorMs + 3 * sharing.leaseMs);
  expect(f.table.dump()).toHaveLength(1);
  expect(await f.boot(7).lookup('k')).toMatchObject({ value: 'v2', state: 'miss' });
});

describe('what another host has loaded', () => {
  /** Loads on a host whose clock is off, lets time pass, and asks on another host. */
  const seenAfter = async (offsetMs: number, waitMs: number): Promise<Lookup<string> | undefined> => {
    const f = fleet({
      hostCount: 2,
      offsetsMs: [offsetMs, 0],
      sharing: { maxClockSkewMs: 300 },
      load: async () => `v${f.loads.length}`,
    });
    await f.hosts[0]?.get('k');
    await f.clock.advance(waitMs);
    return f.hosts[1]?.lookup('k');
  };

  test.each([-300, -100, 0, 100, 300])('by a clock %i ms off is fresh, but never beyond its time', async (offsetMs) => {
    for (const waitMs of [0, 200, 400, 600, 800, 999]) {
      const answer = await seenAfter(offsetMs, waitMs);
      // Whether it counts as fresh that late depends on the clocks; it is nowhere near its end early on.
      if (waitMs === 0) expect(answer).toMatchObject({ value: 'v1', state: 'hit' });
    }
    for (const waitMs of [1_000, 1_200, 2_000]) expect((await seenAfter(offsetMs, waitMs))?.state).not.toBe('hit');
  });

  test('by a clock further ahead than is allowed for is not used at all', async () => {
    expect(await seenAfter(60_000, 0)).toMatchObject({ value: 'v2', state: 'miss' });
  });
});

test('while the table is away every host loads for itself, and says so', async () => {
  const f = fleet({
    hostCount: 2,
    load: async () => 'value',
    intercept:
      () =>
      ({ operation }) => {
        throw new UnavailableError(operation);
      },
  });
  expect(await Promise.all(f.hosts.map((host) => host.get('k')))).toEqual(['value', 'value']);
  expect(f.loads).toHaveLength(2);
  expect(f.troubles.length).toBeGreaterThan(0);
});

test('a key that is dropped while another host loads it comes back from nowhere', async () => {
  const f = fleet({
    hostCount: 2,
    load: async () => {
      const value = `v${f.loads.length}`;
      await f.clock.sleep(100);
      return value;
    },
  });
  const before = f.hosts[0]?.get('k');
  await f.clock.advance(50);
  await f.hosts[1]?.drop('k');
  expect(await f.clock.until(f.hosts[1]?.get('k') ?? Promise.reject(new Error('no host')))).toBe('v2');
  expect(await before).toBe('v1');
  expect(await f.boot(9).lookup('k')).toMatchObject({ value: 'v2' });
});

describe('a value that was dropped', () => {
  test('is not kept by a lookup beside the drop, which still found it', async () => {
    let value = 'old';
    const f = fleet({
      load: async () => value,
      intercept: (clock) => async (operation, apply) => {
        if (operation.operation === 'dynamodb.DeleteItem') await clock.sleep(20);
        return apply();
      },
    });
    await f.first.get('k');
    value = 'new';
    const dropped = f.first.drop('k');
    expect(await f.first.get('k')).toBe('old');
    await f.clock.until(dropped);
    expect(await f.first.lookup('k')).toMatchObject({ value: 'new', state: 'miss' });
  });

  test('is not kept by a refresh whose read was on its way', async () => {
    let value = 'old';
    let isSlow = false;
    const f = fleet({
      hostCount: 2,
      load: async () => value,
      intercept: (clock) => async (operation, apply) => {
        const answer = await apply();
        if (isSlow && operation.operation === 'dynamodb.GetItem') await clock.sleep(100);
        return answer;
      },
    });
    await f.first.get('k');
    await f.clock.advance(1_000);
    // Fresh on the shared level, by another host, when this one is stale and asks.
    await (
      await f.hosts[1]?.lookup('k')
    )?.refreshed;
    isSlow = true;
    const { refreshed } = await f.first.lookup('k');
    isSlow = false;
    value = 'new';
    await f.first.drop('k');
    await f.clock.until(Promise.resolve(refreshed));
    expect(await f.first.lookup('k')).toMatchObject({ value: 'new', state: 'miss' });
  });
});

test.each([
  ['not at all', 0, 1],
  ['for less than its load takes', 500, 600],
])('that there is none any more replaces the value, although it is remembered %s', async (_, negativeTtlMs, tookMs) => {
  let value: string | undefined = 'old';
  const f = fleet({
    load: async () => {
      await f.clock.sleep(tookMs);
      return value;
    },
    policy: { negativeTtlMs },
  });
  await f.clock.until(f.first.get('k'));
  value = undefined;
  await f.clock.advance(1_000);
  const { state, refreshed } = await f.first.lookup('k');
  expect(state).toBe('stale');
  await f.clock.until(Promise.resolve(refreshed));
  expect(await f.clock.until(f.first.lookup('k'))).toMatchObject({ value: undefined, state: 'miss' });
});

test('a value that took long to load is no fresher on the shared level than where it was loaded', async () => {
  const f = fleet({
    hostCount: 2,
    load: async () => {
      await f.clock.sleep(1_500);
      return `v${f.loads.length}`;
    },
  });
  await f.clock.until(f.first.get('k'));
  expect(await f.first.lookup('k')).toMatchObject({ value: 'v1', state: 'stale', ageMs: 1_500 });
  expect(await f.hosts[1]?.lookup('k')).toMatchObject({ value: 'v1', state: 'stale', ageMs: 1_500 });
  await f.clock.advance(900);
  expect((await f.first.lookup('k')).state).toBe('stale');
});

test('a value is no fresher with who waited for the end of its load than where it was loaded', async () => {
  const f = fleet({
    hostCount: 2,
    load: async () => {
      await f.clock.sleep(800);
      return `v${f.loads.length}`;
    },
  });
  void f.first.get('k');
  await f.clock.advance(700);
  expect(await f.clock.until(f.hosts[1]?.get('k') ?? Promise.reject(new Error('no host')))).toBe('v1');
  await f.clock.advance(200);
  expect(f.clock.monotonicMs()).toBeGreaterThanOrEqual(1_000);
  expect(await f.hosts[1]?.lookup('k')).toMatchObject({ value: 'v1', state: 'stale' });
});

describe('whatever goes wrong at whichever write', () => {
  /** Two hosts want the same key; each tries until it has an answer, as a client does. */
  const scenario = async (w: World): Promise<void> => {
    const table = w.table('cache');
    const running = { count: 0, most: 0 };
    const boot = () =>
      cache<string>({
        ...policy,
        load: async () => {
          running.count += 1;
          running.most = Math.max(running.most, running.count);
          await w.clock.sleep(50);
          running.count -= 1;
          return 'value';
        },
        clock: w.clock,
        random: w.random,
        shared: { table, ...sharing },
      });
    const one = w.client(async () => boot().get('k'));
    const two = w.client(async () => boot().get('k'));
    holdAll(
      (await one) === 'value' ? [] : ['the first got something else'],
      (await two) === 'value' ? [] : ['the second got something else'],
    );
  };

  test('everybody gets the value', async () => {
    const { callCount, runCount } = await sweep(scenario);
    expect(callCount).toBeGreaterThanOrEqual(2);
    expect(runCount).toBeGreaterThan(10);
  });

  test('a value that could not be stored is given all the same', async () => {
    const f = fleet({
      hostCount: 2,
      load: async () => 'value',
      intercept: () => (operation, apply) => {
        if (operation.operation === 'dynamodb.PutItem') throw new CrashError(operation.name);
        return apply();
      },
    });
    expect(await f.first.get('k')).toBe('value');
    expect(f.troubles).toHaveLength(1);
  });
});
