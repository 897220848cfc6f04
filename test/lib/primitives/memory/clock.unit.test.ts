import { memoryClock } from '#primitives/memory/clock';

test('advance wakes each sleeper at its instant, with all that follows, before the next', async () => {
  const clock = memoryClock({ startMs: 1000 });
  const log: string[] = [];
  const ticker = async (name: string, everyMs: number): Promise<void> => {
    for (let tick = 0; tick < 3; tick += 1) {
      await clock.sleep(everyMs);
      log.push(`${name}@${clock.nowMs()}`);
    }
  };
  const both = Promise.all([ticker('a', 20), ticker('b', 30)]);
  await clock.advance(59);
  expect(log).toEqual(['a@1020', 'b@1030', 'a@1040']);
  await clock.advance(1);
  // Both are due at 1060: b fell asleep first.
  expect(log.slice(3)).toEqual(['b@1060', 'a@1060']);
  expect(clock.nowMs()).toBe(1060);
  await clock.until(both);
  expect(clock.nowMs()).toBe(1090);
  expect(clock.sleeperCount()).toBe(0);
});

test('until says so when the work waits for nothing, or for too long', async () => {
  const clock = memoryClock();
  await expect(clock.until(new Promise(() => undefined))).rejects.toMatchObject({ code: 'clock/stuck' });
  await expect(clock.until(clock.sleep(1001), { limitMs: 1000 })).rejects.toMatchObject({ code: 'clock/stuck' });
});

test('a jump and the offset of a host change the time of day, never durations', async () => {
  const clock = memoryClock({ startMs: 1_000_000 });
  const host = clock.withOffset(-60_000);
  clock.jump(-500_000);
  expect([clock.nowMs(), host.nowMs()]).toEqual([500_000, 440_000]);
  expect(host.monotonicMs()).toBe(0);
  await clock.until(host.sleep(5));
  expect(clock.monotonicMs()).toBe(5);
});

test('an aborted sleeper is forgotten', async () => {
  const clock = memoryClock();
  const aborted = new AbortController();
  const sleeping = clock.sleep(10, aborted.signal);
  aborted.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
  expect(clock.sleeperCount()).toBe(0);
});
