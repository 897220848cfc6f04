import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { backoffMs, CircuitOpenError, retry, retryBudget, type RetryOptions } from '#resilience/index';

const BACKOFF = { baseMs: 100, limitMs: 1_000 };

const setting = (options: Partial<RetryOptions> = {}) => {
  const clock = memoryClock();
  const random = seededRandom(1);
  const run = retry({ clock, random, attemptCount: 3, backoff: BACKOFF, ...options });
  return { clock, random, run };
};

/** Fails as often as told, then answers; tells how often it was called, and when by the clock if there is one. */
const flaky = (failures: number, error: unknown = new UnavailableError('backend'), clock = memoryClock()) => {
  const calls: number[] = [];
  const call = async (): Promise<string> => {
    calls.push(clock.monotonicMs());
    if (calls.length <= failures) throw error;
    return 'well';
  };
  return { calls, call };
};

const YES = { idempotent: true };
const NO = { idempotent: false };

describe('a call that is idempotent', () => {
  test('is tried again while it fails for reasons that pass, and gives its first success', async () => {
    const { run, clock } = setting();
    const { call, calls } = flaky(2);
    expect(await clock.until(run(call, YES))).toBe('well');
    expect(calls).toHaveLength(3);
  });

  test('fails with its last error after so many attempts', async () => {
    const { run, clock } = setting();
    let attempts = 0;
    const call = async ({ number }: { readonly number: number }) => {
      attempts += 1;
      throw new UnavailableError(`attempt ${number}`);
    };
    await expect(clock.until(run(call, YES))).rejects.toThrow('attempt 3');
    expect(attempts).toBe(3);
  });

  test('is not tried again for errors that do not pass', async () => {
    const { run } = setting();
    const { call, calls } = flaky(1, new TypeError('a mistake'));
    await expect(run(call, YES)).rejects.toThrow(TypeError);
    expect(calls).toHaveLength(1);
  });

  test('is tried again for the errors and values that the caller names', async () => {
    const { run, clock } = setting({
      isRetryable: (error) => error instanceof RangeError,
      isRetryableValue: (value) => value === 503,
    });
    const answers: (() => number)[] = [
      () => {
        throw new RangeError('again');
      },
      () => 503,
      () => 200,
    ];
    expect(await clock.until(run(() => answers.shift()?.() ?? 0, YES))).toBe(200);
  });

  test('gives its last value when that is retryable and there are no more attempts', async () => {
    const { run, clock } = setting({ isRetryableValue: () => true });
    let attempts = 0;
    expect(await clock.until(run(() => (attempts += 1), YES))).toBe(3);
  });

  test('does not wait for an open breaker', async () => {
    const { run, clock } = setting();
    const { call, calls } = flaky(9, new CircuitOpenError('backend', 1_000));
    await expect(run(call, YES)).rejects.toThrow(CircuitOpenError);
    expect(calls).toHaveLength(1);
    expect(clock.sleeperCount()).toBe(0);
  });
});

describe('a call that is not idempotent', () => {
  test.each([
    ['a lost answer', new OutcomeUnknownError('post')],
    ['an error that is retryable', new UnavailableError('post')],
  ])('is sent once, for all that comes: %s', async (_, error) => {
    const { run, clock } = setting({ isRetryable: () => true });
    const { call, calls } = flaky(1, error);
    await expect(run(call, NO)).rejects.toBe(error);
    await clock.advance(60_000);
    expect(calls).toHaveLength(1);
  });

  test('is sent once when its value is retryable', async () => {
    const { run } = setting({ isRetryableValue: () => true });
    let attempts = 0;
    expect(await run(() => (attempts += 1), NO)).toBe(1);
  });

  test('is tried again only for what proves that nothing was sent', async () => {
    const refusal = new Error('connection refused');
    const { run, clock } = setting({ wasNotSent: (error) => error === refusal });
    const { call, calls } = flaky(1, refusal);
    expect(await clock.until(run(call, NO))).toBe('well');
    expect(calls).toHaveLength(2);
  });
});

describe('the waits', () => {
  test('are drawn from 0 to the doubling bound, and never longer than the limit', () => {
    const full = { next: () => 1 - Number.EPSILON, uuid: () => '' };
    const waits = [1, 2, 3, 4, 5, 6, 60].map((attempt) => Math.round(backoffMs(attempt, BACKOFF, full)));
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
    expect(backoffMs(5, BACKOFF, { next: () => 0, uuid: () => '' })).toBe(0);
  });

  test('are at least as long as the backend told', async () => {
    const { run, clock } = setting({ waitAtLeastMs: () => 5_000 });
    const { call, calls } = flaky(1, new UnavailableError('backend'), clock);
    await clock.until(run(call, YES));
    expect(calls).toEqual([0, 5_000]);
  });

  test.each([Number.NaN, Infinity, -5_000])('are not changed by %d, which is no time to wait', async (told) => {
    const waits = async (options: Partial<RetryOptions>) => {
      const { run, clock } = setting({ deadlineMs: 1_000, ...options });
      const { call, calls } = flaky(1, new UnavailableError('backend'), clock);
      expect(await clock.until(run(call, YES))).toBe('well');
      return calls;
    };
    expect(await waits({ waitAtLeastMs: () => told })).toEqual(await waits({}));
  });

  test('end with the signal’s reason, and nothing is sent afterwards', async () => {
    const { run, clock } = setting();
    const { call, calls } = flaky(9);
    const controller = new AbortController();
    const running = run(call, { ...YES, signal: controller.signal });
    running.catch(() => undefined);
    await clock.advance(0);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await clock.advance(10_000);
    expect(calls).toHaveLength(1);
    expect(clock.sleeperCount()).toBe(0);
  });
});

describe('the deadline', () => {
  test('lets no wait begin that would end behind it', async () => {
    const { run, clock } = setting({ deadlineMs: 1_000, waitAtLeastMs: () => 600 });
    const { call, calls } = flaky(9, new UnavailableError('backend'), clock);
    await expect(clock.until(run(call, YES))).rejects.toThrow(UnavailableError);
    expect(calls).toEqual([0, 600]);
    expect(clock.monotonicMs()).toBe(600);
  });

  test('ends an attempt that hangs, which is told the deadline', async () => {
    const { run, clock } = setting({ deadlineMs: 1_000 });
    let dueAtMs = 0;
    const hang = (attempt: { readonly dueAtMs: number }) => {
      ({ dueAtMs } = attempt);
      return new Promise<never>(() => undefined);
    };
    await expect(clock.until(run(hang, YES))).rejects.toMatchObject({ code: 'resilience/timeout' });
    expect(clock.monotonicMs()).toBe(1_000);
    expect(dueAtMs).toBe(1_000);
  });
});

test('the budget bounds the retries of all calls together', async () => {
  const budget = retryBudget({ ratio: 0.2, burstCount: 100 });
  const { run, clock } = setting({ budget });
  const { call, calls } = flaky(Infinity);
  for (let offered = 0; offered < 100; offered += 1) await clock.until(run(call, YES).catch(() => undefined));
  expect(calls).toHaveLength(120);
});

test.each([
  [{ attemptCount: 0 }, "Expected 'attemptCount' to be an integer from 1 to 100, got 0."],
  [{ backoff: { baseMs: 10, limitMs: 5 } }, "Expected 'backoff.limitMs' to be an integer from 10 to 86400000, got 5."],
  [{ deadlineMs: 0 }, "Expected 'deadlineMs' to be an integer from 1 to 86400000, got 0."],
  [{ retries: 3 }, "Expected 'options' to be made of attemptCount"],
])('what cannot be used is refused when it is made: %j', (options, message) => {
  expect(() => setting(options as Partial<RetryOptions>)).toThrow(message);
});
