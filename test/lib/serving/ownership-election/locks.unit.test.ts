import { hosts } from './hosts.ts';

const LEASE_MS = 1_000;
const ask = (holder: string) => ({ holder, leaseMs: LEASE_MS });

const acquired = (outcome: { readonly status: string; readonly token?: number }): number => {
  expect(outcome.status).toBe('acquired');
  return outcome.token ?? Number.NaN;
};

describe('calls', () => {
  test('acquire, renew and release are one call each, of a new lock and of one that is known', async () => {
    const { host, wire } = hosts();
    const { store } = host();
    for (let round = 0; round < 3; round += 1) {
      wire.resetCounts();
      const token = acquired(await store.acquire('l', ask('a')));
      expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
      expect((await store.renew('l', { holder: 'a', token })).status).toBe('renewed');
      expect((await store.release('l', { holder: 'a', token })).status).toBe('released');
      expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1, 'dynamodb.UpdateItem': 2 });
    }
  });

  test('a host that never saw the lock acquires, renews and releases with one call each', async () => {
    const { host, time, wire } = hosts();
    const [one, other] = [host(), host()];
    const token = acquired(await one.store.acquire('l', ask('a')));
    await one.store.release('l', { holder: 'a', token });
    await time.advance(10);
    wire.resetCounts();
    const next = acquired(await other.store.acquire('l', ask('b')));
    expect(next).toBeGreaterThan(token);
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
    await time.advance(10);
    expect((await host().store.renew('l', { holder: 'b', token: next })).status).toBe('renewed');
    await time.advance(10);
    expect((await host().store.release('l', { holder: 'b', token: next })).status).toBe('released');
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1, 'dynamodb.UpdateItem': 2 });
  });

  test('a refusal, and a takeover by who has watched, are one call each', async () => {
    const { host, time, wire } = hosts();
    const [one, other] = [host(), host()];
    await one.store.acquire('l', ask('a'));
    wire.resetCounts();
    expect(await other.store.acquire('l', ask('b'))).toMatchObject({
      status: 'held',
      holder: 'a',
      takeableInMs: 1_000,
    });
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
    await time.advance(LEASE_MS);
    acquired(await other.store.acquire('l', ask('b')));
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 2 });
  });

  test('a host whose clock is an hour behind pays one call more', async () => {
    const { host, wire } = hosts();
    const [ahead, behind] = [host(3_600_000), host(-3_600_000)];
    const token = acquired(await ahead.store.acquire('l', ask('a')));
    await ahead.store.release('l', { holder: 'a', token });
    wire.resetCounts();
    expect(acquired(await behind.store.acquire('l', ask('b')))).toBeGreaterThan(token);
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 2 });
  });
});

describe('tokens', () => {
  test('rise over release, expiry and hosts whose clocks go any way', async () => {
    const { host, time } = hosts();
    const tokens: number[] = [];
    for (const skewMs of [0, 60_000, -60_000, 9e15, -9e15, 0]) {
      const { store } = host(skewMs);
      expect((await store.acquire('l', ask('x'))).status).toBe(tokens.length === 0 ? 'acquired' : 'held');
      await time.advance(LEASE_MS);
      tokens.push(acquired(await store.acquire('l', ask(`h${tokens.length}`))));
    }
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(tokens.every(Number.isSafeInteger)).toBe(true);
  });

  test('a release keeps the token in the record, which has no expiry', async () => {
    const { host, table } = hosts();
    const { store } = host();
    const token = acquired(await store.acquire('l', ask('a')));
    await store.release('l', { holder: 'a', token });
    expect(table.dump()).toEqual([
      { key: { partition: 'lock/l', sort: 'lock' }, fields: expect.objectContaining({ holder: '', token }) },
    ]);
  });
});

describe('takeover', () => {
  test('a waiter counts a lease from when it saw the last renewal, whatever the clocks say', async () => {
    const { host, time } = hosts();
    const [holder, waiter] = [host(-60_000), host(60_000)];
    const token = acquired(await holder.store.acquire('l', ask('a')));
    await time.advance(900);
    expect((await waiter.store.acquire('l', ask('b'))).status).toBe('held');
    await time.advance(50);
    await holder.store.renew('l', { holder: 'a', token });
    await time.advance(949);
    // Silent for 999 ms, and for this waiter not watched for more than that.
    expect(await waiter.store.look('l')).toMatchObject({ takeableInMs: 1_000 });
    await time.advance(999);
    expect((await waiter.store.acquire('l', ask('b'))).status).toBe('held');
    await time.advance(1);
    expect((await waiter.store.acquire('l', ask('b'))).status).toBe('acquired');
  });

  test('a host that has seen nothing yet waits a lease first', async () => {
    const { host, time } = hosts();
    await host().store.acquire('l', ask('a'));
    await time.advance(100 * LEASE_MS);
    expect((await host().store.acquire('l', ask('b'))).status).toBe('held');
  });

  test('a holder that renewed at the last moment, unseen, is not taken over', async () => {
    const { host, time } = hosts();
    const [holder, waiter] = [host(), host()];
    const token = acquired(await holder.store.acquire('l', ask('a')));
    await waiter.store.look('l');
    await time.advance(999);
    await holder.store.renew('l', { holder: 'a', token });
    await time.advance(1);
    expect(await waiter.store.acquire('l', ask('b'))).toMatchObject({ status: 'held', takeableInMs: LEASE_MS });
  });

  test('of many that take over at once one does', async () => {
    const { host, time } = hosts();
    await host().store.acquire('l', ask('a'));
    const waiters = Array.from({ length: 5 }, () => host());
    for (const { store } of waiters) await store.look('l');
    await time.advance(LEASE_MS);
    const outcomes = await Promise.all(waiters.map(({ store }, index) => store.acquire('l', ask(`w${index}`))));
    expect(outcomes.filter(({ status }) => status === 'acquired')).toHaveLength(1);
  });
});

describe('a former holder', () => {
  const taken = async () => {
    const world = hosts();
    const [former, next] = [world.host(), world.host()];
    const token = acquired(await former.store.acquire('l', ask('a')));
    await next.store.look('l');
    await world.time.advance(LEASE_MS);
    acquired(await next.store.acquire('l', ask('b')));
    return { ...world, former, own: { holder: 'a', token } };
  };

  test('changes nothing by a renewal or a release', async () => {
    const { former, own, table } = await taken();
    const before = table.dump();
    expect(await former.store.renew('l', own)).toEqual({ status: 'lost', holder: 'b' });
    expect(await former.store.release('l', own)).toEqual({ status: 'lost', holder: 'b' });
    expect(table.dump()).toEqual(before);
  });

  test('does not resurrect a lock that was released', async () => {
    const { host, table } = hosts();
    const { store } = host();
    const own = { holder: 'a', token: acquired(await store.acquire('l', ask('a'))) };
    await store.release('l', own);
    const before = table.dump();
    expect(await store.renew('l', own)).toEqual({ status: 'lost', holder: '' });
    expect(await store.release('l', own)).toEqual({ status: 'lost', holder: '' });
    expect(await host().store.renew('l', own)).toEqual({ status: 'lost', holder: '' });
    expect(table.dump()).toEqual(before);
  });

  test('of another acquisition by the same name is a former holder, too', async () => {
    const { host, table } = hosts();
    const { store } = host();
    const first = acquired(await store.acquire('l', ask('a')));
    await store.release('l', { holder: 'a', token: first });
    acquired(await store.acquire('l', ask('a')));
    const before = table.dump();
    expect((await store.renew('l', { holder: 'a', token: first })).status).toBe('lost');
    expect((await store.release('l', { holder: 'a', token: first })).status).toBe('lost');
    expect(table.dump()).toEqual(before);
  });

  test('a lock that never was is lost, and is not made by that', async () => {
    const { host, table } = hosts();
    expect(await host().store.renew('l', { holder: 'a', token: 1 })).toEqual({ status: 'lost', holder: '' });
    expect(await host().store.release('l', { holder: 'a', token: 1 })).toEqual({ status: 'lost', holder: '' });
    expect(table.dump()).toEqual([]);
  });
});

describe('lost answers', () => {
  test.each([1, 2, 3])('of call %i are recognised as the own success', async (call) => {
    const { host } = hosts([{ kind: 'lose-answer', call, times: 1 }]);
    const { store } = host();
    const token = acquired(await store.acquire('l', ask('a')));
    expect((await store.renew('l', { holder: 'a', token })).status).toBe('renewed');
    expect((await store.release('l', { holder: 'a', token })).status).toBe('released');
  });

  test('the lease of an acquisition is counted from before its first attempt', async () => {
    const { host, time } = hosts([
      { kind: 'lose-answer', call: 1 },
      { kind: 'delay', call: 2, ms: 500 },
    ]);
    const { store, clock } = host();
    const startedMs = clock.monotonicMs();
    expect(await time.until(store.acquire('l', ask('a')))).toMatchObject({ status: 'acquired', sentAtMs: startedMs });
  });

  test('all three attempts unanswered: the next call under the claim finds the lock its own, with a new lease', async () => {
    const { host, time } = hosts([{ kind: 'lose-answer', times: 3 }]);
    const { store, clock } = host();
    const acquisition = { ...ask('a'), claim: 'c' };
    await expect(store.acquire('l', acquisition)).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    await time.advance(700);
    expect(await store.acquire('l', acquisition)).toMatchObject({ status: 'acquired', sentAtMs: clock.monotonicMs() });
    expect((await host().store.acquire('l', ask('b'))).status).toBe('held');
  });

  test('an unanswered attempt followed by a refusal for now is still unknown', async () => {
    const { host } = hosts([
      { kind: 'lose-answer', call: 1 },
      { kind: 'error', call: 2 },
    ]);
    await expect(host().store.acquire('l', ask('a'))).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
  });
});

describe('late writes', () => {
  test('a renewal that lands behind a later one does not turn the lock back', async () => {
    // The first attempt of the renewal arrives 700 ms late, after its repeat and after another renewal.
    const { host, time, table } = hosts([{ kind: 'late', call: 2, ms: 700 }]);
    const { store } = host();
    const own = { holder: 'a', token: acquired(await store.acquire('l', ask('a'))) };
    await time.advance(1);
    await store.renew('l', own);
    await time.advance(500);
    await store.renew('l', own);
    const before = table.dump();
    await time.advance(1_000);
    expect(table.dump()).toEqual(before);
  });

  test('an acquisition that lands after the release does not lock again', async () => {
    const { host, time, table } = hosts([{ kind: 'late', call: 1, ms: 700 }]);
    const { store } = host();
    const token = acquired(await store.acquire('l', ask('a')));
    await store.release('l', { holder: 'a', token });
    await time.advance(1_000);
    expect(table.dump()[0]?.fields).toMatchObject({ holder: '', token });
  });
});

test.each([
  ['a lease that is too short', { holder: 'a', leaseMs: 99 }, /leaseMs/],
  ['a lease that is too long', { holder: 'a', leaseMs: 3_600_001 }, /leaseMs/],
  ['no holder', { holder: '', leaseMs: 1_000 }, /holder/],
  ['an unknown option', { holder: 'a', leaseMs: 1_000, ttl: 1 }, /options/],
])('%s is refused', async (_, acquisition, message) => {
  await expect(hosts().host().store.acquire('l', acquisition)).rejects.toThrow(message);
});
