import type { Clock } from '#primitives/clock';
import { memoryClock } from '#primitives/memory/clock';
import { systemClock } from '#primitives/system-clock';

interface ClockCase {
  readonly clock: Clock;
  run<T>(work: Promise<T>): Promise<T>;
}

const cases: readonly { readonly name: string; readonly make: () => ClockCase }[] = [
  { name: 'the system', make: () => ({ clock: systemClock(), run: (work) => work }) },
  {
    name: 'memory',
    make: () => {
      const clock = memoryClock();
      return { clock, run: (work) => clock.until(work) };
    },
  },
];

describe.each(cases)('clock of $name', ({ make }) => {
  test('sleeps at least as long as it was told, by its own measure', async () => {
    const { clock, run } = make();
    const beganMs = clock.monotonicMs();
    await run(clock.sleep(20));
    // Timers of Node may fire a fraction of a millisecond early.
    expect(clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(19);
  });

  test('goes on at the next turn when it is told to sleep for 0 or less', async () => {
    const { clock, run } = make();
    await run(clock.sleep(0));
    await run(clock.sleep(-5));
    expect(await run(clock.sleep(Number.NEGATIVE_INFINITY))).toBeUndefined();
  });

  test('goes on at the next turn when what it is told is no number', async () => {
    const { clock, run } = make();
    expect(await run(clock.sleep(Number.NaN))).toBeUndefined();
  });

  test('wakes sleepers in the order of their instants', async () => {
    const { clock, run } = make();
    const woken: number[] = [];
    const sleepers = [60, 1, 30].map(async (ms) => {
      await clock.sleep(ms);
      woken.push(ms);
    });
    await run(Promise.all(sleepers));
    expect(woken).toEqual([1, 30, 60]);
  });

  test('rejects with the reason of the signal, before and during a sleep', async () => {
    const { clock, run } = make();
    const reason = new Error('enough');
    await expect(run(clock.sleep(1000, AbortSignal.abort(reason)))).rejects.toBe(reason);
    const aborted = new AbortController();
    const sleeping = clock.sleep(1_000_000, aborted.signal);
    aborted.abort(reason);
    await expect(run(sleeping)).rejects.toBe(reason);
  });

  test('knows the time of day in milliseconds since the epoch', () => {
    expect(make().clock.nowMs()).toBeGreaterThan(1_600_000_000_000);
  });
});

test('the system clock of a host can be off, without its measure of durations', () => {
  const skewed = systemClock({ offsetMs: -3_600_000 });
  expect(skewed.nowMs()).toBeLessThan(systemClock().nowMs() - 3_000_000);
  expect(() => systemClock({ offsetMs: Number.NaN })).toThrow("Expected 'offsetMs'");
});
