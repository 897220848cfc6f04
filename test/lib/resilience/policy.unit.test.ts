import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import {
  circuitBreaker,
  CircuitOpenError,
  policy,
  retryBudget,
  TimeoutError,
  type Attempt,
  type CircuitBreaker,
  type PolicyOptions,
} from '#resilience/index';

const RETRY = { attemptCount: 3, backoff: { baseMs: 10, limitMs: 100 } };
const YES = { idempotent: true };
const never = (): Promise<never> => new Promise(() => undefined);

const setting = (options: Partial<PolicyOptions> = {}) => {
  const clock = memoryClock();
  const breaker = circuitBreaker({
    name: 'backend',
    clock,
    openMs: 1_000,
    windowMs: 10_000,
    minCallCount: 4,
    failureRatio: 0.5,
  });
  const run = policy({ clock, random: seededRandom(1), retry: RETRY, breaker, timeoutMs: 200, ...options });
  return { clock, breaker, run };
};

test('each attempt has its own timeout, is told when it is due, and hears when it is given up', async () => {
  const { clock, run } = setting();
  const attempts: Attempt[] = [];
  const running = run((attempt) => {
    attempts.push(attempt);
    return attempt.number < 3 ? never() : 'well';
  }, YES);
  expect(await clock.until(running)).toBe('well');
  expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(attempts.map(({ signal }): unknown => signal.reason)).toEqual([
    new TimeoutError(200),
    new TimeoutError(200),
    undefined,
  ]);
  expect(attempts[0]?.dueAtMs).toBe(200);
});

test('the deadline cuts the last attempt, and ends it all', async () => {
  const { clock, run } = setting({ deadlineMs: 450, retry: { ...RETRY, attemptCount: 100 } });
  await expect(clock.until(run(never, YES))).rejects.toThrow(TimeoutError);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(450);
  expect(clock.monotonicMs()).toBeGreaterThan(400);
});

test('timeouts count as failures, and open the breaker, which ends the retries', async () => {
  const { clock, run, breaker } = setting({ retry: { ...RETRY, attemptCount: 100 } });
  let attempts = 0;
  const hang = () => {
    attempts += 1;
    return never();
  };
  await expect(clock.until(run(hang, YES))).rejects.toThrow(TimeoutError);
  expect(attempts).toBe(4);
  expect(breaker.view().status).toBe('open');
  await expect(run(hang, YES)).rejects.toThrow(CircuitOpenError);
  expect(attempts).toBe(4);
});

test('the attempt that opens the breaker is the last one, at once, and nothing of the budget is spent on others', async () => {
  const budget = retryBudget({ ratio: 0, burstCount: 1, initialCount: 1 });
  const { run, breaker, clock } = setting({ retry: { ...RETRY, budget } });
  for (let others = 0; others < 3; others += 1) await breaker.exitWithError(await breaker.enter(), new Error('ill'));
  await expect(run(() => Promise.reject(new UnavailableError('backend')), YES)).rejects.toThrow(UnavailableError);
  expect(clock.monotonicMs()).toBe(0);
  expect(budget.tryTake()).toBe(true);
});

test('who had an answer of the backend gets that one, not that the breaker opened meanwhile', async () => {
  const { clock, run, breaker } = setting();
  const running = run(() => Promise.reject(new UnavailableError('the backend')), YES);
  running.catch(() => undefined);
  await clock.advance(0);
  for (let others = 0; others < 3; others += 1) await breaker.exitWithError(await breaker.enter(), new Error('ill'));
  await expect(clock.until(running)).rejects.toThrow('the backend');
});

test('a call that is not idempotent is sent once, also when it times out', async () => {
  const { clock, run } = setting();
  let attempts = 0;
  const hang = () => {
    attempts += 1;
    return never();
  };
  await expect(clock.until(run(hang, { idempotent: false }))).rejects.toThrow(TimeoutError);
  await clock.advance(60_000);
  expect(attempts).toBe(1);
});

test('the backend gets at most offered × 1.2, whatever the attempts', async () => {
  const budget = retryBudget({ ratio: 0.2, burstCount: 50 });
  const clock = memoryClock();
  const run = policy({ clock, random: seededRandom(1), retry: { ...RETRY, budget }, timeoutMs: 200 });
  let attempts = 0;
  for (let offered = 1; offered <= 200; offered += 1) {
    const call = () => {
      attempts += 1;
      return Promise.reject(new UnavailableError('backend'));
    };
    await expect(clock.until(run(call, YES))).rejects.toThrow(UnavailableError);
    expect(attempts).toBeLessThanOrEqual(offered * 1.2);
  }
  expect(attempts).toBe(240);
});

test('a caller who goes away is no failure of the backend', async () => {
  const { clock, run, breaker } = setting();
  for (let calls = 0; calls < 10; calls += 1) {
    const controller = new AbortController();
    const running = run(never, { ...YES, signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
  }
  await clock.advance(10);
  expect(breaker.view().status).toBe('closed');
  expect(clock.sleeperCount()).toBe(0);
});

test('a call that fails at once, or answers at once, is counted like any other', async () => {
  const { run, breaker } = setting({ retry: { ...RETRY, attemptCount: 1 } });
  const fail = () => {
    throw new RangeError('at once');
  };
  expect(await run(() => 'at once', YES)).toBe('at once');
  for (let calls = 0; calls < 3; calls += 1) await expect(run(fail, YES)).rejects.toThrow('at once');
  expect(breaker.view().status).toBe('open');
});

test('nothing is sent when asking for the probe took all the time there was, and the pass goes back', async () => {
  const { clock } = setting();
  const given: string[] = [];
  const slow: CircuitBreaker = {
    ...setting().breaker,
    enter: () => clock.sleep(300).then(() => 'probe'),
    exitUndecided: (pass) => void given.push(String(pass)),
  };
  const run = policy({ clock, random: seededRandom(1), breaker: slow, timeoutMs: 200 });
  let isSent = false;
  const call = () => {
    isSent = true;
  };
  await expect(clock.until(run(call, YES))).rejects.toThrow(TimeoutError);
  await clock.advance(100);
  expect([isSent, given]).toEqual([false, ['probe']]);
});

describe('while the breaker asks the fleet, or tells it', () => {
  const slow = (slowly: Partial<CircuitBreaker>, options: Partial<PolicyOptions> = {}) => {
    const { clock, breaker } = setting();
    const run = policy({
      clock,
      random: seededRandom(1),
      breaker: { ...breaker, ...slowly },
      timeoutMs: 200,
      ...options,
    });
    return { clock, run };
  };
  const hang = (): Promise<never> => new Promise(() => undefined);

  test('the timeout and the deadline hold', async () => {
    const { clock, run } = slow({ enter: hang });
    await expect(clock.until(run(never, YES))).rejects.toThrow(new TimeoutError(200));
    const other = slow({ enter: hang }, { deadlineMs: 100 });
    await expect(other.clock.until(other.run(never, YES))).rejects.toThrow(new TimeoutError(100));
    expect([clock.monotonicMs(), other.clock.monotonicMs()]).toEqual([200, 100]);
  });

  test('a caller who goes away waits no longer, nothing is sent for it, and its pass goes back when it comes', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const given: unknown[] = [];
    const { clock, run } = slow({ enter: () => promise, exitUndecided: (pass) => void given.push(pass) });
    const controller = new AbortController();
    let isSent = false;
    const running = run(() => (isSent = true), { ...YES, signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    expect(given).toEqual([]);
    resolve('probe');
    await clock.advance(1_000);
    expect([given, isSent, clock.sleeperCount()]).toEqual([['probe'], false, 0]);
  });

  test('a refusal is told when it comes, and leaves no timer behind', async () => {
    const { clock, run } = slow({
      enter: () => clock.sleep(50).then(() => Promise.reject(new CircuitOpenError('backend', 1_000))),
    });
    await expect(clock.until(run(never, YES))).rejects.toThrow(CircuitOpenError);
    await clock.advance(0);
    expect([clock.monotonicMs(), clock.sleeperCount()]).toEqual([50, 0]);
  });

  test('an outcome waits for what is written about it, but not past its time', async () => {
    const { clock, run } = slow({ exitWithValue: () => clock.sleep(50), exitWithError: hang });
    expect(await clock.until(run(() => 'well', YES))).toBe('well');
    expect(clock.monotonicMs()).toBe(50);
    const ill = new RangeError('ill');
    await expect(clock.until(run(() => Promise.reject(ill), YES))).rejects.toBe(ill);
    expect(clock.monotonicMs()).toBe(250);
    await expect(clock.until(run(never, YES))).rejects.toThrow(TimeoutError);
    expect(clock.monotonicMs()).toBe(450);
  });

  test('a caller who goes away hears the outcome that there is at once', async () => {
    const { clock, run } = slow({ exitWithValue: hang });
    const controller = new AbortController();
    const running = run(() => 'well', { ...YES, signal: controller.signal });
    controller.abort(new Error('gone'));
    expect(await running).toBe('well');
    expect(clock.monotonicMs()).toBe(0);
  });
});

test.each([undefined, 400, 5_000])(
  'calls that take longer than the window count from their end on (timeout %s)',
  async (timeoutMs) => {
    const { clock } = setting();
    const trip = { openMs: 1_000, windowMs: 300, minCallCount: 10, failureRatio: 0.5 };
    const breaker = circuitBreaker({ name: 'backend', clock, ...trip });
    const run = policy({ clock, random: seededRandom(1), breaker, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    const well = Array.from({ length: 100 }, () => run(() => clock.sleep(310), YES));
    const ill = Array.from({ length: 10 }, () =>
      run(() => clock.sleep(311).then(() => Promise.reject(new Error('ill'))), YES),
    );
    await clock.until(Promise.allSettled([...well, ...ill]));
    expect(breaker.view().status).toBe('closed');
  },
);

test('the clock is looked at once for a healthy call that must end in the half window that runs', async () => {
  const { clock } = setting();
  let lookCount = 0;
  const counting = { ...clock, monotonicMs: () => ((lookCount += 1), clock.monotonicMs()) };
  const trip = { openMs: 1_000, windowMs: 10_000, minCallCount: 10, failureRatio: 0.5 };
  const breaker = circuitBreaker({ name: 'backend', clock: counting, ...trip });
  const run = policy({ clock: counting, random: seededRandom(1), breaker, timeoutMs: 200 });
  await run(() => 'warm', YES);
  lookCount = 0;
  for (let calls = 0; calls < 100; calls += 1) await run(() => 'well', YES);
  expect(lookCount).toBe(100);
});

test('healthy calls share one short timer, which is gone 10 ms after them', async () => {
  const { clock, run } = setting({ deadlineMs: 1_000 });
  for (let calls = 0; calls < 100; calls += 1) await run(async () => 'well', YES);
  expect(clock.sleeperCount()).toBe(1);
  await clock.advance(10);
  expect(clock.sleeperCount()).toBe(0);
});

test.each([
  [{ timeoutMs: 0 }, "Expected 'timeoutMs' to be an integer from 1 to 86400000, got 0."],
  [{ retry: { ...RETRY, tries: 3 } }, "Expected 'options' to be made of attemptCount"],
  [{ fallback: 1 }, "Expected 'options' to be made of clock, random, retry, breaker, timeoutMs, deadlineMs, got"],
])('what cannot be used is refused when it is made: %j', (options, message) => {
  expect(() => setting(options as Partial<PolicyOptions>)).toThrow(message);
});
