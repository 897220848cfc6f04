import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { CircuitOpenError, TimeoutError } from '#resilience/errors';
import { inTime } from '#resilience/in-time';

const TIMEOUT_MS = 200;
const PAUSE_MS = 1_000;

const setUp = () => {
  const clock = memoryClock();
  const run = inTime({ name: 'table', clock, random: seededRandom(1), timeoutMs: TIMEOUT_MS, pauseMs: PAUSE_MS });
  let callCount = 0;
  const call = (takesMs: number) => () => {
    callCount += 1;
    return clock.sleep(takesMs).then(() => 'answer');
  };
  return { clock, run, call, calls: () => callCount };
};

test('a place that is late is given up, left alone for the pause, and asked by one call behind it', async () => {
  const { clock, run, call, calls } = setUp();
  expect(await clock.until(run(call(TIMEOUT_MS / 2)))).toBe('answer');
  await expect(clock.until(run(call(10 * TIMEOUT_MS)))).rejects.toBeInstanceOf(TimeoutError);
  const before = clock.monotonicMs();
  for (let n = 0; n < 5; n += 1) await expect(clock.until(run(call(1)))).rejects.toBeInstanceOf(CircuitOpenError);
  expect([clock.monotonicMs() - before, calls()]).toEqual([0, 2]);
  await clock.until(clock.sleep(PAUSE_MS));
  const answers = await clock.until(Promise.allSettled([run(call(1)), run(call(1)), run(call(1))]));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(await clock.until(run(call(1)))).toBe('answer');
});

test('a place that fails in time is asked again and again', async () => {
  const { clock, run } = setUp();
  let callCount = 0;
  for (let n = 0; n < 20; n += 1) {
    const failing = run(() => {
      callCount += 1;
      return Promise.reject(new UnavailableError('table'));
    });
    await expect(clock.until(failing)).rejects.toBeInstanceOf(UnavailableError);
  }
  expect(callCount).toBe(20);
});
