import { election, type ElectionOptions } from '#serving/ownership-election/election';
import type { FaultRule } from '#primitives/memory/fault-rules';
import type { Tenure } from '#serving/ownership-election/tenure';
import { hosts } from './hosts.ts';

const LEASE_MS = 1_000;

const fleet = (rules: readonly FaultRule[] = [], more: Partial<ElectionOptions> = {}) => {
  const world = hosts(rules);
  const member = (skewMs = 0) => {
    const { clock, random, table } = world.host(skewMs);
    return { clock, ...election({ table, clock, random, leaseMs: LEASE_MS, pollMs: 50, ...more }) };
  };
  return { ...world, member };
};

const reasonOf = (tenure: Tenure): string => String((tenure.signal.reason as Error | undefined)?.message);

describe('a tenure', () => {
  test('an election that nobody contests is one call, and its tenure stops itself a tenth of the lease before its end', async () => {
    const { member, time, wire } = fleet();
    const tenure = await member().campaign('l', 'a');
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
    await time.advance(899);
    expect([tenure.signal.aborted, tenure.isHeld()]).toEqual([false, true]);
    await time.advance(1);
    expect([tenure.signal.aborted, tenure.isHeld(), tenure.leftMs()]).toEqual([true, false, 0]);
    expect(reasonOf(tenure)).toContain('not renewed in time');
  });

  test('is counted from before the acquisition was sent', async () => {
    const { member, time } = fleet([{ kind: 'delay', call: 1, ms: 300 }]);
    const tenure = await time.until(member().campaign('l', 'a'));
    expect(tenure.leftMs()).toBe(600);
  });

  test('a renewal is counted from before it was sent, whichever attempt got through', async () => {
    const { member, time } = fleet([
      { kind: 'lose-answer', call: 2 },
      { kind: 'delay', call: 3, ms: 200 },
    ]);
    const tenure = await member().campaign('l', 'a');
    await time.advance(500);
    expect(await time.until(tenure.renew())).toBe(true);
    expect(tenure.leftMs()).toBe(700);
  });

  test('is over after a pause, before any timer has said so, and renews no more', async () => {
    const { member, time, wire } = fleet();
    const { clock, campaign } = member();
    const tenure = await campaign('l', 'a');
    wire.resetCounts();
    // A process that was stopped: its clock has gone on, none of its timers has.
    const realMs = clock.monotonicMs;
    Object.assign(clock, { monotonicMs: () => realMs() + 900 });
    expect([tenure.signal.aborted, tenure.isHeld()]).toEqual([false, false]);
    expect(await tenure.renew()).toBe(false);
    expect(tenure.signal.aborted).toBe(true);
    expect(wire.counts()).toEqual({});
    await time.advance(1);
  });

  test('is not revived by a renewal whose answer comes after its end', async () => {
    const { member, time } = fleet([{ kind: 'delay', call: 2, ms: 600 }]);
    const tenure = await member().campaign('l', 'a');
    await time.advance(500);
    expect(await time.until(tenure.renew())).toBe(false);
    expect(tenure.signal.aborted).toBe(true);
  });

  test('ends at once when it is resigned, and again resigned costs nothing', async () => {
    const { member, wire } = fleet();
    const tenure = await member().campaign('l', 'a');
    expect(await tenure.resign()).toBe(true);
    expect(reasonOf(tenure)).toContain('resigned');
    expect(await tenure.renew()).toBe(false);
    expect(await tenure.resign()).toBe(true);
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1, 'dynamodb.UpdateItem': 1 });
  });

  test('a resignation of which nobody knows can be repeated', async () => {
    const { member } = fleet([2, 3, 4].map((call) => ({ kind: 'lose-answer', call })));
    const tenure = await member().campaign('l', 'a');
    await expect(tenure.resign()).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    // The first one was applied: nothing is left to release.
    expect(await tenure.resign()).toBe(false);
  });
});

describe('waiting', () => {
  test('ends as soon as the lock is released, with one write', async () => {
    const { member, time, wire } = fleet();
    const tenure = await member().campaign('l', 'a');
    const waiting = member().campaign('l', 'b');
    await time.advance(400);
    await tenure.resign();
    wire.resetCounts();
    const next = await time.until(waiting);
    expect(next.token).toBeGreaterThan(tenure.token);
    expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.PutItem': 1 });
  });

  test('ends a lease after the last renewal was seen, when the owner is dead', async () => {
    const { member, time } = fleet();
    const dead = await member(60_000).campaign('l', 'a');
    const waiting = member(-60_000).campaign('l', 'b');
    await time.advance(500);
    await dead.renew();
    const renewedMs = time.monotonicMs();
    await time.until(waiting);
    expect(time.monotonicMs() - renewedMs).toBeGreaterThanOrEqual(LEASE_MS);
    expect(time.monotonicMs() - renewedMs).toBeLessThanOrEqual(LEASE_MS + 50);
  });

  test('is cancelled by the signal, and no timer and no lock is left', async () => {
    const { member, time, table } = fleet();
    const tenure = await member().campaign('l', 'a');
    const cancel = new AbortController();
    const waiting = member().campaign('l', 'b', cancel.signal);
    await time.advance(300);
    cancel.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    await tenure.resign();
    await time.advance(10 * LEASE_MS);
    expect(time.sleeperCount()).toBe(0);
    expect(table.dump()[0]?.fields).toMatchObject({ holder: '' });
    await expect(member().campaign('l', 'c', cancel.signal)).rejects.toThrow('no longer');
  });

  test('what was acquired while it was cancelled is released', async () => {
    const { member, time, table } = fleet([{ kind: 'delay', call: 1, ms: 100 }]);
    const cancel = new AbortController();
    const waiting = member().campaign('l', 'a', cancel.signal);
    cancel.abort(new Error('no longer'));
    await expect(time.until(waiting)).rejects.toThrow('no longer');
    expect(table.dump()[0]?.fields).toMatchObject({ holder: '' });
  });

  test('goes on while the table fails', async () => {
    const { member, time } = fleet([{ kind: 'error', times: 10 }]);
    expect((await time.until(member().campaign('l', 'a'))).isHeld()).toBe(true);
  });

  test('who has resigned does not come before those who wait: turns are shared', async () => {
    const { member, time } = fleet();
    const turns: Record<string, number> = { a: 0, b: 0, c: 0 };
    const owners: string[] = [];
    const run = async (name: string): Promise<void> => {
      const { campaign } = member();
      while (time.monotonicMs() < 60_000) {
        const tenure = await campaign('l', name);
        owners.push(name);
        turns[name] = (turns[name] ?? 0) + 1;
        await time.sleep(100);
        await tenure.resign();
      }
    };
    for (const name of Object.keys(turns)) void run(name);
    await time.advance(60_000);
    expect(owners.filter((name, at) => name === owners[at + 1])).toEqual([]);
    expect(Math.min(...Object.values(turns))).toBeGreaterThan(owners.length / 5);
  });
});

describe('hold', () => {
  test('renews while the work runs, and resigns after it', async () => {
    const { member, time, table } = fleet();
    const work = async (tenure: Tenure): Promise<string> => {
      await time.sleep(5 * LEASE_MS);
      return `done, aborted: ${tenure.signal.aborted}`;
    };
    expect(await time.until(member().hold('l', 'a', work))).toBe('done, aborted: false');
    expect(table.dump()[0]?.fields).toMatchObject({ holder: '' });
    expect(time.sleeperCount()).toBe(0);
  });

  test('a renewal that fails is repeated before the lease ends', async () => {
    const { member, time } = fleet([2, 3].map((call) => ({ kind: 'error', call })));
    const work = async ({ signal }: Tenure): Promise<boolean> => {
      await time.sleep(3 * LEASE_MS);
      return signal.aborted;
    };
    expect(await time.until(member().hold('l', 'a', work))).toBe(false);
  });

  test('the work is told when the ownership is lost', async () => {
    const { member, time } = fleet(Array.from({ length: 60 }, (_, index) => ({ kind: 'error', call: index + 2 })));
    const work = async ({ signal }: Tenure): Promise<boolean> => {
      await time.sleep(2 * LEASE_MS);
      return signal.aborted;
    };
    expect(await time.until(member().hold('l', 'a', work))).toBe(true);
  });

  test('an error of the work is the outcome, and the lock is free', async () => {
    const { member, time, table } = fleet();
    const work = () => Promise.reject(new Error('mine'));
    await expect(time.until(member().hold('l', 'a', work))).rejects.toThrow('mine');
    expect(table.dump()[0]?.fields).toMatchObject({ holder: '' });
  });

  test('the signal ends the work by its tenure', async () => {
    const { member, time } = fleet();
    const cancel = new AbortController();
    const work = ({ signal }: Tenure): Promise<string> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve('told to stop'));
      });
    const held = member().hold('l', 'a', work, cancel.signal);
    await time.advance(100);
    cancel.abort(new Error('no longer'));
    expect(await time.until(held)).toBe('told to stop');
  });

  test('a signal that comes while the campaign hands its tenure over is heard', async () => {
    const { member, time } = fleet();
    const cancel = new AbortController();
    let isAborted = false;
    Object.defineProperty(cancel.signal, 'aborted', {
      get: () => {
        const before = isAborted;
        isAborted = true;
        if (!before) queueMicrotask(() => cancel.abort(new Error('no longer')));
        return before;
      },
    });
    const work = async ({ signal }: Tenure): Promise<boolean> => {
      await time.sleep(1);
      return signal.aborted;
    };
    expect(await time.until(member().hold('l', 'a', work, cancel.signal))).toBe(true);
  });
});

test('observe tells who owns it, by one call, and nobody of what never was', async () => {
  const { member, time, wire } = fleet();
  const { observe } = member();
  expect(await observe('l')).toBeUndefined();
  const tenure = await member().campaign('l', 'a');
  const sinceMs = time.nowMs();
  expect(await observe('l')).toEqual({
    holder: 'a',
    token: tenure.token,
    leaseMs: LEASE_MS,
    sinceMs,
    unchangedForMs: 0,
  });
  await time.advance(LEASE_MS);
  wire.resetCounts();
  expect(await observe('l')).toMatchObject({ holder: 'a', unchangedForMs: LEASE_MS });
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1 });
  await tenure.resign();
  expect(await observe('l')).toMatchObject({ holder: undefined, token: tenure.token });
});

test.each([
  ['pollMs', 5],
  ['renewMs', 501],
  ['marginMs', 501],
  ['leaseMs', 1.5],
])('%s out of its range is refused', (name, value) => {
  expect(() => fleet([], { [name]: value }).member()).toThrow(`Expected '${name}' to be`);
});

test('a renewal that would come after the end of the tenure is refused', () => {
  expect(() => fleet([], { renewMs: 500, marginMs: 500 }).member()).toThrow(
    "Expected 'renewMs' to be less than leaseMs − marginMs, 500, got 500.",
  );
  expect(() => fleet([], { renewMs: 499, marginMs: 500 }).member()).not.toThrow();
});

test('an unknown option is refused', () => {
  expect(() => fleet([], { ttlMs: 1 } as object).member()).toThrow(/Expected 'options'/);
});
