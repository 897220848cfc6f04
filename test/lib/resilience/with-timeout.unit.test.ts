import { memoryClock } from '#primitives/memory/clock';
import { TimeoutError, withTimeout } from '#resilience/index';

const never = (): Promise<never> => new Promise(() => undefined);

test('a call that hangs is given up at its time, and told so by its signal', async () => {
  const clock = memoryClock();
  let signal: AbortSignal | undefined;
  const running = withTimeout({ clock, timeoutMs: 500 })((attempt) => {
    ({ signal } = attempt);
    return never();
  });
  await expect(clock.until(running)).rejects.toThrow(new TimeoutError(500));
  expect(clock.monotonicMs()).toBe(500);
  expect(signal?.aborted).toBe(true);
  expect(signal?.reason).toBeInstanceOf(TimeoutError);
});

test('a signal that is first asked for after the end is aborted as well', async () => {
  const clock = memoryClock();
  let asked: (() => AbortSignal) | undefined;
  const running = withTimeout({ clock, timeoutMs: 500 })((attempt) => {
    asked = () => attempt.signal;
    return never();
  });
  await expect(clock.until(running)).rejects.toThrow(TimeoutError);
  expect(asked?.().aborted).toBe(true);
});

test('a call that ends in time gives its value or its error, and leaves no timer behind for more than 10 ms', async () => {
  const clock = memoryClock();
  const run = withTimeout({ clock, timeoutMs: 500 });
  expect(await clock.until(run(() => clock.sleep(499).then(() => 'well')))).toBe('well');
  await expect(
    clock.until(run(() => clock.sleep(1).then(() => Promise.reject(new RangeError('ill'))))),
  ).rejects.toThrow(RangeError);
  expect(await run(() => 'at once')).toBe('at once');
  await clock.advance(10);
  expect(clock.sleeperCount()).toBe(0);
});

test('a thousand calls on their way share one timer, and each is given up at its own time', async () => {
  const clock = memoryClock();
  const run = withTimeout({ clock, timeoutMs: 500 });
  const endedAtMs: number[] = [];
  for (let calls = 0; calls < 1_000; calls += 1) {
    run(never).catch(() => endedAtMs.push(clock.monotonicMs()));
    if (calls % 100 === 99) await clock.advance(10);
  }
  expect(clock.sleeperCount()).toBe(1);
  await clock.advance(500);
  expect(endedAtMs).toHaveLength(1_000);
  expect([...new Set(endedAtMs)]).toEqual([500, 510, 520, 530, 540, 550, 560, 570, 580, 590]);
  expect(clock.sleeperCount()).toBe(0);
});

test('the timer of a call that took long is taken back with its end', async () => {
  const clock = memoryClock();
  const run = withTimeout({ clock, timeoutMs: 30_000 });
  await clock.until(run(() => clock.sleep(100)));
  await clock.advance(0);
  expect(clock.sleeperCount()).toBe(0);
});

test('the caller’s signal ends the waiting at once, and the call hears of it', async () => {
  const clock = memoryClock();
  const controller = new AbortController();
  let signal: AbortSignal | undefined;
  const running = withTimeout({ clock, timeoutMs: 500 })(
    (attempt) => {
      ({ signal } = attempt);
      return never();
    },
    { signal: controller.signal },
  );
  controller.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(signal?.reason).toEqual(new Error('enough'));
  await clock.advance(10);
  expect(clock.sleeperCount()).toBe(0);
});

test('a signal that is aborted already lets nothing begin', async () => {
  let isCalled = false;
  const call = () => {
    isCalled = true;
  };
  const running = withTimeout({ clock: memoryClock(), timeoutMs: 5 })(call, { signal: AbortSignal.abort() });
  await expect(running).rejects.toThrow('aborted');
  expect(isCalled).toBe(false);
});

test('an abort while the call begins ends the waiting as well, and the call hears of it', async () => {
  const clock = memoryClock();
  const controller = new AbortController();
  let signal: AbortSignal | undefined;
  const running = withTimeout({ clock, timeoutMs: 500 })(
    (attempt) => {
      ({ signal } = attempt);
      controller.abort(new Error('enough'));
      return never();
    },
    { signal: controller.signal },
  );
  await expect(clock.until(running)).rejects.toThrow('enough');
  expect([clock.monotonicMs(), signal?.aborted]).toEqual([0, true]);
});
