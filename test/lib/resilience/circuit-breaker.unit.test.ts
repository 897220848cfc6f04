import { memoryClock } from '#primitives/memory/clock';
import { circuitBreaker, CircuitOpenError, type BreakerOptions } from '#resilience/index';

const setting = (options: Partial<BreakerOptions> = {}) => {
  const clock = memoryClock();
  const breaker = circuitBreaker({
    name: 'backend',
    clock,
    openMs: 1_000,
    windowMs: 10_000,
    minCallCount: 4,
    failureRatio: 0.5,
    ...options,
  });
  let callCount = 0;
  const call = async (does: 'well' | 'ill'): Promise<string> => {
    try {
      return await breaker.run(async () => {
        callCount += 1;
        if (does === 'ill') throw new RangeError('ill');
        return 'well';
      });
    } catch (error) {
      return error instanceof CircuitOpenError ? `refused, ${error.retryAfterMs} ms` : 'ill';
    }
  };
  const calls = async (...all: readonly ('well' | 'ill')[]) => {
    for (const does of all) await call(does);
  };
  return { clock, breaker, call, calls, callCount: () => callCount };
};

describe('closed', () => {
  test('it lets everything pass, and gives values and errors through', async () => {
    const { breaker } = setting();
    expect(await breaker.run(() => 'at once')).toBe('at once');
    await expect(breaker.run(() => Promise.reject(new RangeError('ill')))).rejects.toThrow(RangeError);
    expect(breaker.view()).toEqual({ status: 'closed' });
  });

  test('it opens at the ratio of failures, and not before enough calls', async () => {
    const { breaker, calls } = setting();
    await calls('ill', 'ill', 'ill');
    expect(breaker.view().status).toBe('closed');
    await calls('ill');
    expect(breaker.view()).toEqual({ status: 'open', retryAfterMs: 1_000 });
  });

  test('it stays closed below the ratio', async () => {
    const { breaker, calls } = setting();
    for (let round = 0; round < 100; round += 1) await calls('well', 'well', 'ill');
    expect(breaker.view().status).toBe('closed');
  });

  test('failures of long ago are forgotten', async () => {
    const { breaker, calls, clock } = setting();
    await calls('ill', 'ill', 'ill');
    await clock.advance(10_000);
    await calls('ill', 'ill', 'ill');
    expect(breaker.view().status).toBe('closed');
  });

  test('errors that are not the backend’s fault prove it well, values may be failures', async () => {
    const { breaker, calls } = setting({ isFailure: () => false, isFailureValue: (value) => value === 503 });
    await calls('ill', 'ill', 'ill', 'ill');
    expect(breaker.view().status).toBe('closed');
    for (let round = 0; round < 4; round += 1) expect(await breaker.run(() => 503)).toBe(503);
    expect(breaker.view().status).toBe('open');
  });
});

describe('open', () => {
  test('it calls nothing, and says when to come again', async () => {
    const { calls, call, callCount, clock } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(400);
    expect(await call('well')).toBe('refused, 600 ms');
    expect(callCount()).toBe(4);
  });

  // circuitbreaker-lambda#7, opossum#119: everything passed while it was half open.
  test('one probe passes when its time has come, however many wait for it, and no other until it has ended', async () => {
    const { calls, call, callCount, clock, breaker } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(1_000);
    const pass = breaker.enter();
    expect(breaker.view().status).toBe('half-open');
    await Promise.all(Array.from({ length: 100 }, () => call('well')));
    expect(callCount()).toBe(4);
    await breaker.exitWithValue(await pass, 'well');
    expect(await call('well')).toBe('well');
  });

  // opossum#119: below the threshold of the window a failed probe left it half open for ever.
  test('a probe that fails leaves it open, and the next one goes out after the same time, for ever', async () => {
    const { calls, call, clock } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    for (let round = 0; round < 50; round += 1) {
      await clock.advance(1_000);
      expect(await call('ill')).toBe('ill');
      expect(await call('ill')).toBe('refused, 1000 ms');
    }
    await clock.advance(1_000);
    expect(await call('well')).toBe('well');
  });

  test('a probe that never ends is superseded, and its late end changes nothing', async () => {
    const { calls, call, clock, breaker } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(1_000);
    const lost = await breaker.enter();
    await clock.advance(1_000);
    expect(await call('ill')).toBe('ill');
    await breaker.exitWithValue(lost, 'late');
    expect(breaker.view().status).toBe('open');
  });

  test('a probe that tells nothing leaves it open', async () => {
    const { calls, clock, breaker } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(1_000);
    await breaker.exitUndecided(await breaker.enter());
    expect(breaker.view()).toEqual({ status: 'open', retryAfterMs: 1_000 });
  });

  test('a probe that goes well closes it with an empty window', async () => {
    const { calls, clock, breaker } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(1_000);
    await calls('well', 'ill', 'ill', 'ill');
    expect(breaker.view().status).toBe('closed');
  });

  test('calls of before the opening that end after the closing are not counted', async () => {
    const { calls, clock, breaker } = setting();
    const early = await Promise.all([1, 2, 3, 4].map(async () => breaker.enter()));
    await calls('ill', 'ill', 'ill', 'ill');
    await clock.advance(1_000);
    await calls('well');
    for (const pass of early) await breaker.exitWithError(pass, new Error('late'));
    expect(breaker.view().status).toBe('closed');
  });

  test('a wall clock that jumps neither opens nor closes it', async () => {
    const { calls, call, clock } = setting();
    await calls('ill', 'ill', 'ill', 'ill');
    clock.jump(3_600_000);
    expect(await call('well')).toBe('refused, 1000 ms');
    clock.jump(-7_200_000);
    await clock.advance(1_000);
    expect(await call('well')).toBe('well');
  });
});

test.each([
  [{ openMs: 99 }, "Expected 'openMs' to be an integer from 100 to 3600000, got 99."],
  [{ failureRatio: 0 }, "Expected 'failureRatio' to be a number from"],
  [{ name: '' }, "Expected 'name' to be well-formed text of 1 to 200 bytes"],
  [{ halfOpenMax: 3 }, "Expected 'options' to be made of name, clock"],
])('what cannot be used is refused when it is made: %j', (options, message) => {
  expect(() => setting(options as Partial<BreakerOptions>)).toThrow(message);
});
