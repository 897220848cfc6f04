import { memoryClock } from '#primitives/memory/clock';
import { hedge, retryBudget, type Attempt, type HedgeOptions } from '#resilience/index';

const setting = (options: Partial<HedgeOptions> = {}) => {
  const clock = memoryClock();
  const budget = retryBudget({ ratio: 1, burstCount: 100, initialCount: 100 });
  const run = hedge({ clock, delayMs: 100, attemptCount: 2, budget, ...options });
  /** Attempt n takes so long as the n-th says, and fails when it is negative. */
  const taking = (...tookMs: readonly number[]) => {
    const attempts: Attempt[] = [];
    const call = async (attempt: Attempt): Promise<number> => {
      attempts.push(attempt);
      // Whoever asks for its signal gets one.
      void attempt.signal;
      const ms = tookMs[attempt.number - 1] ?? 0;
      await clock.sleep(Math.abs(ms));
      if (ms < 0) throw new RangeError(`attempt ${attempt.number}`);
      return attempt.number;
    };
    return { attempts, call };
  };
  return { clock, run, taking };
};
const YES = { idempotent: true };

test('a call that is answered in time is sent once', async () => {
  const { clock, run, taking } = setting();
  const { call, attempts } = taking(99);
  expect(await clock.until(run(call, YES))).toBe(1);
  await clock.advance(1_000);
  expect(attempts).toHaveLength(1);
  expect(clock.sleeperCount()).toBe(0);
});

test('a slow call is sent once more, the first answer counts, and the other attempt is told so', async () => {
  const { clock, run, taking } = setting();
  const { call, attempts } = taking(5_000, 10);
  expect(await clock.until(run(call, YES))).toBe(2);
  expect(clock.monotonicMs()).toBe(110);
  expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  expect(attempts[0]?.signal.reason).toMatchObject({ code: 'resilience/overtaken' });
});

test('the first attempt may still win', async () => {
  const { clock, run, taking } = setting();
  expect(await clock.until(run(taking(120, 500).call, YES))).toBe(1);
});

test('an error waits for the attempt that is still on its way, and is the outcome when there is none', async () => {
  const { clock, run, taking } = setting();
  expect(await clock.until(run(taking(-150, 300).call, YES))).toBe(2);
  await expect(clock.until(run(taking(-150, -300).call, YES))).rejects.toThrow('attempt 1');
  const { call, attempts } = taking(-50);
  await expect(clock.until(run(call, YES))).rejects.toThrow('attempt 1');
  await clock.advance(1_000);
  expect(attempts).toHaveLength(1);
});

test('a call that is not idempotent is sent once, however slow', async () => {
  const { clock, run, taking } = setting();
  const { call, attempts } = taking(5_000);
  expect(await clock.until(run(call, { idempotent: false }))).toBe(1);
  expect(attempts).toHaveLength(1);
});

test('the budget bounds the extra calls of all', async () => {
  const budget = retryBudget({ ratio: 0.05, burstCount: 100 });
  const { clock, run, taking } = setting({ budget });
  const { call, attempts } = taking(200, 200);
  for (let calls = 0; calls < 100; calls += 1) await clock.until(run(call, YES));
  expect(attempts).toHaveLength(105);
});

test('the signal ends all attempts with its reason', async () => {
  const { clock, run, taking } = setting();
  const { call, attempts } = taking(5_000, 5_000);
  const controller = new AbortController();
  const running = run(call, { ...YES, signal: controller.signal });
  running.catch(() => undefined);
  await clock.advance(150);
  controller.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test('an abort while an attempt begins reaches that attempt, too', async () => {
  const { clock, run } = setting();
  const attempts: Attempt[] = [];
  const controller = new AbortController();
  const running = run(
    async (attempt) => {
      attempts.push(attempt);
      if (attempt.number === 2) controller.abort(new Error('enough'));
      await clock.sleep(5_000);
    },
    { ...YES, signal: controller.signal },
  );
  await expect(clock.until(running)).rejects.toThrow('enough');
  expect(attempts.map(({ signal }): unknown => signal.reason)).toEqual([new Error('enough'), new Error('enough')]);
});
