import { getEventListeners } from 'node:events';
import { InvalidArgumentError } from '#primitives/errors';
import { seededRandom } from '#primitives/memory/random';
import { cache as cacheOf } from '#serving/replicated/cache';
import { CacheOverloadError, LoadTimeoutError } from '#serving/replicated/cache-types';
import { fleet, policy, sharing, single } from './some-cache.ts';

const counting = (answer: (count: number) => string | undefined) => {
  let count = 0;
  return { load: async () => answer((count += 1)), count: () => count };
};

describe('on one host', () => {
  test('what was loaded is a hit until it is no longer fresh, and never one after that', async () => {
    const { load, count } = counting((n) => `v${n}`);
    const { clock, cache } = single(load);
    expect(await cache.lookup('k')).toEqual({ value: 'v1', state: 'miss', ageMs: 0 });
    await clock.advance(999);
    expect(await cache.lookup('k')).toEqual({ value: 'v1', state: 'hit', ageMs: 999 });
    expect(await cache.get('k')).toBe('v1');
    await clock.advance(1);
    expect(await cache.lookup('k')).toMatchObject({ value: 'v1', state: 'stale', ageMs: 1_000 });
    expect(count()).toBe(2);
  });

  test('a stale value is given at once while one load replaces it', async () => {
    const { load, count } = counting((n) => `v${n}`);
    const { clock, cache } = single(async () => {
      await clock.sleep(100);
      return load();
    });
    await clock.until(cache.get('k'));
    await clock.advance(1_000);
    const answers = await Promise.all(Array.from({ length: 100 }, () => cache.lookup('k')));
    expect(new Set(answers.map(({ value, state }) => `${value} ${state}`))).toEqual(new Set(['v1 stale']));
    await clock.until(Promise.all(answers.flatMap(({ refreshed }) => refreshed ?? [])));
    expect(count()).toBe(2);
    expect(await cache.lookup('k')).toMatchObject({ value: 'v2', state: 'hit' });
  });

  test('beyond the hard limit the load is waited for', async () => {
    const { load } = counting((n) => `v${n}`);
    const { clock, cache } = single(load);
    await cache.get('k');
    await clock.advance(10_000);
    expect(await cache.lookup('k')).toMatchObject({ value: 'v2', state: 'miss' });
  });

  test('1 000 at once are one load', async () => {
    const { load, count } = counting((n) => `v${n}`);
    const { cache } = single(load);
    const values = await Promise.all(Array.from({ length: 1_000 }, () => cache.get('k')));
    expect(new Set(values)).toEqual(new Set(['v1']));
    expect(count()).toBe(1);
  });

  test('an error reaches every one of 100 who wait, from one load, and the next call loads again', async () => {
    const boom = new Error('boom');
    let count = 0;
    const { cache } = single(async () => {
      count += 1;
      throw boom;
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => cache.get('k')));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(100);
    expect(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === boom)).toBe(true);
    expect(count).toBe(1);
    await expect(cache.get('k')).rejects.toBe(boom);
    expect(count).toBe(2);
    expect(cache.stats()).toMatchObject({ errorCount: 101, loadCount: 2, hitRate: 0 });
  });

  test('a load that throws at once is an error like any other', async () => {
    const { cache } = single(() => {
      throw new Error('at once');
    });
    await expect(cache.get('k')).rejects.toThrow('at once');
  });

  test('when the load fails, the stale value is given as long as the policy says, and then the error', async () => {
    let fails = false;
    const { clock, cache, troubles } = single(async () => {
      if (fails) throw new Error('away');
      return 'old';
    });
    await cache.get('k');
    fails = true;
    await clock.advance(50_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => cache.lookup('k')));
    expect(answers.every(({ value, state }) => value === 'old' && state === 'stale')).toBe(true);
    expect(troubles).toHaveLength(1);
    await clock.advance(60_000);
    await expect(cache.lookup('k')).rejects.toThrow('away');
  });

  test('after a failure stale values are given for a while without another try', async () => {
    let fails = false;
    let count = 0;
    const load = async () => {
      count += 1;
      if (fails) throw new Error('away');
      return 'old';
    };
    const { clock, cache } = single(load, { errorPauseMs: 5_000 });
    await cache.get('k');
    fails = true;
    await clock.advance(1_000);
    for (let tries = 0; tries < 10; tries += 1) await (await cache.lookup('k')).refreshed;
    expect(count).toBe(2);
    await clock.advance(15_000);
    for (let tries = 0; tries < 10; tries += 1) expect((await cache.lookup('k')).state).toBe('stale');
    expect(count).toBe(3);
    fails = false;
    await clock.advance(5_000);
    expect(await cache.lookup('k')).toMatchObject({ state: 'miss' });
  });

  test('that there is none is remembered, for its own time', async () => {
    const { load, count } = counting(() => undefined);
    const { clock, cache } = single(load);
    expect(await cache.lookup('k')).toEqual({ value: undefined, state: 'miss', ageMs: 0 });
    await clock.advance(499);
    expect(await cache.lookup('k')).toMatchObject({ value: undefined, state: 'hit' });
    expect(count()).toBe(1);
    await clock.advance(1);
    expect(await cache.lookup('k')).toMatchObject({ state: 'miss' });
    expect(count()).toBe(2);
  });

  test('values that came together do not expire together', async () => {
    const { clock, cache } = single(async (key) => key, { jitter: 0.5 });
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    for (const key of keys) await cache.get(key);
    await clock.advance(750);
    const states = await Promise.all(keys.map(async (key) => (await cache.lookup(key)).state));
    const staleCount = states.filter((state) => state === 'stale').length;
    expect(staleCount).toBeGreaterThan(60);
    expect(staleCount).toBeLessThan(140);
    await clock.advance(250);
    await cache.get('k0');
  });

  test('a load that never ends fails in time, and its signal says so', async () => {
    const aborted: boolean[] = [];
    const { clock, cache } = single((_, signal) => {
      signal.addEventListener('abort', () => aborted.push(true));
      return new Promise(() => undefined);
    });
    const answer = cache.get('k');
    answer.catch(() => undefined);
    await clock.advance(2_000);
    await expect(answer).rejects.toBeInstanceOf(LoadTimeoutError);
    expect(aborted).toEqual([true]);
  });

  test('who is aborted stops to wait; the load goes on for the others', async () => {
    const { clock, cache } = single(async () => {
      await clock.sleep(100);
      return 'v';
    });
    const leaving = new AbortController();
    const left = cache.lookup('k', leaving.signal);
    const stays = cache.lookup('k');
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(await clock.until(stays)).toMatchObject({ value: 'v' });
    await expect(cache.lookup('k', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  test('a signal keeps nothing of the lookups that it was given to', async () => {
    const { cache } = single(async (key) => key);
    const { signal } = new AbortController();
    for (const key of ['a', 'a', 'b']) await cache.lookup(key, signal);
    await expect(single(async () => Promise.reject(new Error('x'))).cache.lookup('k', signal)).rejects.toThrow('x');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a signal that is aborted already begins no load', async () => {
    const { load, count } = counting((n) => `v${n}`);
    const { cache } = single(load);
    await expect(cache.lookup('k', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(count()).toBe(0);
    expect(cache.stats().loadCount).toBe(0);
  });

  test('more keys than may be loaded at a time are refused, and may come again', async () => {
    const { clock, cache } = single(
      async (key) => {
        await clock.sleep(10);
        return key;
      },
      { maxLoadCount: 3 },
    );
    const outcomes = await clock.until(Promise.allSettled(['a', 'b', 'c', 'd', 'a'].map((key) => cache.get(key))));
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(outcomes[3]).toMatchObject({ reason: expect.any(CacheOverloadError) });
    expect(await clock.until(cache.get('d'))).toBe('d');
  });

  test('memory is bounded by number and by size, and what is used stays', async () => {
    const { cache } = single(async (key) => key.repeat(10), { maxEntryCount: 10, maxBytes: 500 });
    for (let index = 0; index < 100; index += 1) {
      await cache.get('hot');
      await cache.get(`k${index}`);
    }
    const { entryCount, sizeBytes, evictedCount } = cache.stats();
    expect(entryCount).toBeLessThanOrEqual(10);
    expect(sizeBytes).toBeLessThanOrEqual(500);
    expect(evictedCount).toBe(101 - entryCount);
    expect((await cache.lookup('hot')).state).toBe('hit');
    expect(await cache.get('x'.repeat(100))).toHaveLength(1_000);
    expect((await cache.lookup('x'.repeat(100))).state).toBe('miss');
  });

  test('a key that is dropped is loaded again, and a load that was on its way is not kept', async () => {
    const { load } = counting((n) => `v${n}`);
    const { clock, cache } = single(async () => {
      const value = await load();
      await clock.sleep(100);
      return value;
    });
    const before = cache.get('k');
    await clock.advance(10);
    await cache.drop('k');
    expect(await clock.until(cache.get('k'))).toBe('v2');
    expect(await before).toBe('v1');
    expect(await cache.lookup('k')).toMatchObject({ value: 'v2', state: 'hit' });
    await cache.drop('k');
    expect(await clock.until(cache.get('k'))).toBe('v3');
  });

  test('a load that ends after its key was dropped leaves nothing behind', async () => {
    const { load, count } = counting((n) => `v${n}`);
    const { clock, cache } = single(async () => {
      const value = await load();
      await clock.sleep(100);
      return value;
    });
    const before = cache.get('k');
    await clock.advance(10);
    await cache.drop('k');
    expect(await clock.until(before)).toBe('v1');
    expect((await clock.until(cache.lookup('k'))).state).toBe('miss');
    expect(count()).toBe(2);
  });

  test('the hit rate is told', async () => {
    const { cache } = single(async (key) => key);
    await cache.get('a');
    for (let times = 0; times < 3; times += 1) await cache.get('a');
    expect(cache.stats()).toMatchObject({ hitCount: 3, missCount: 1, loadCount: 1, hitRate: 0.75, entryCount: 1 });
  });

  test.each([
    ['an unknown option', { ttl: 3 }],
    ['a hard limit before the soft one', { hardTtlMs: 1 }],
    ['a negative time to live beyond the soft one', { negativeTtlMs: 1_001 }],
    ['too much jitter', { jitter: 0.6 }],
    ['no place for a value', { maxEntryCount: 0 }],
  ])('%s is refused', (_, options: object) => {
    expect(() => single(async () => 'v', options)).toThrow(InvalidArgumentError);
  });

  test('a lease that ends before the load may end, and a skew beyond freshness, are refused', () => {
    expect(() => fleet({ load: async () => 'v', sharing: { leaseMs: policy.loadTimeoutMs } })).toThrow('leaseMs');
    expect(() => fleet({ load: async () => 'v', sharing: { maxClockSkewMs: 1_000 } })).toThrow('maxClockSkewMs');
  });

  test.each([
    ['value.a', { a: Number.NaN }],
    ['value', new Map([['a', 1]])],
    ['value.0.at', [{ at: new Date(0) }]],
    ['value.0', [undefined]],
    ['value', () => 1],
    ['value', 1n],
  ])('a load whose %s JSON would change has failed when hosts share it, and says where', async (where, value) => {
    const { first } = fleet({ load: async () => value as never });
    await expect(first.get('k')).rejects.toThrow(`Expected '${where}' to be JSON, got`);
  });

  test('types without an index signature are values, too; what is undefined in them is not there', async () => {
    interface User {
      readonly name: string;
      readonly nick?: string | undefined;
    }
    const { clock, table } = fleet({ load: async () => 'v' });
    const users = () =>
      cacheOf<User>({
        ...policy,
        clock,
        random: seededRandom(1),
        load: async (name) => ({ name, nick: undefined }),
        shared: { ...sharing, table },
      });
    const user: User | undefined = await users().get('ada');
    expect(user).toEqual({ name: 'ada' });
    expect(await users().lookup('ada')).toMatchObject({ value: { name: 'ada' }, state: 'hit' });
  });

  test.each(['', 'x'.repeat(1_025), '\ud800'])('a key that no table takes is refused', async (key) => {
    await expect(single(async () => 'v').cache.get(key)).rejects.toBeInstanceOf(InvalidArgumentError);
  });
});

describe('a shared level that hangs', () => {
  const hanging = () => {
    const is = { hanging: true };
    const world = fleet({
      load: async (key) => key,
      intercept: (clock) => async (_, apply) => {
        if (is.hanging) await clock.sleep(15_000);
        return apply();
      },
    });
    const took = async (key: string): Promise<number> => {
      const startedMs = world.clock.monotonicMs();
      expect((await world.clock.until(world.first.lookup(key))).value).toBe(key);
      return world.clock.monotonicMs() - startedMs;
    };
    return { ...world, is, took };
  };

  test('is waited for once, and then left alone but for one call in each pause', async () => {
    const { clock, took } = hanging();
    expect(await took('a')).toBe(1_000);
    for (const key of ['b', 'c', 'd']) expect(await took(key)).toBe(0);
    await clock.advance(5_000);
    expect(await took('e')).toBe(1_000);
    expect(await took('f')).toBe(0);
  });

  test('is used again when it is back', async () => {
    const { clock, is, took, wire, boot } = hanging();
    await took('a');
    is.hanging = false;
    await clock.advance(20_000);
    wire.resetCounts();
    expect(await took('b')).toBe(0);
    expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.UpdateItem': 1, 'dynamodb.PutItem': 1 });
    expect(await clock.until(boot(7).lookup('b'))).toMatchObject({ state: 'hit' });
  });

  test('a drop that it does not answer is an error in time', async () => {
    const { clock, first } = hanging();
    await expect(clock.until(first.drop('a'))).rejects.toMatchObject({ code: 'resilience/timeout', retryable: true });
  });
});
