import fc from 'fast-check';
import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryLimiter } from '#serving/replicated/memory-limiter';
import { excess, ROUNDING } from './windows.ts';

const quota = fc.record({
  ratePerSecond: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0.01, max: 50, noNaN: true })),
  burstCount: fc.integer({ min: 1, max: 50 }),
});
const gaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2_000 })), { minLength: 1, maxLength: 200 });

test('no window lets through more than rate × W + burst, wherever the wall clock jumps', async () => {
  await fc.assert(
    fc.asyncProperty(quota, gaps, fc.integer({ min: -100_000, max: 100_000 }), async (limits, waits, jumpMs) => {
      const clock = memoryClock();
      const limiter = memoryLimiter({ clock, maxKeyCount: 10, ...limits });
      const instants: number[] = [];
      for (const waitMs of waits) {
        await clock.advance(waitMs);
        clock.jump(jumpMs);
        if (limiter.take('k').status === 'allowed') instants.push(clock.monotonicMs());
      }
      expect(excess(instants, limits)).toBeLessThanOrEqual(ROUNDING);
    }),
    { numRuns: 200 },
  );
});

test('who comes when told to is let through, and nobody earlier', async () => {
  await fc.assert(
    fc.asyncProperty(quota, gaps, async (limits, waits) => {
      const clock = memoryClock();
      const limiter = memoryLimiter({ clock, maxKeyCount: 10, ...limits });
      for (const waitMs of waits) {
        await clock.advance(waitMs);
        const decision = limiter.take('k');
        if (decision.status === 'allowed') continue;
        expect(decision.retryAfterMs).toBeGreaterThan(0);
        // A thousandth of a token is given for rounding; twice that is too early.
        const earlyMs = Math.max(decision.retryAfterMs * 0.01, 2 / limits.ratePerSecond);
        if (earlyMs < decision.retryAfterMs) {
          await clock.advance(decision.retryAfterMs - earlyMs);
          expect(limiter.take('k').status).toBe('refused');
          await clock.advance(earlyMs * 1.001);
        } else await clock.advance(decision.retryAfterMs * 1.001);
        expect(limiter.take('k').status).toBe('allowed');
      }
    }),
    { numRuns: 50 },
  );
});

test('after a quiet time the whole burst is there, and is told', async () => {
  const clock = memoryClock();
  const limiter = memoryLimiter({ clock, maxKeyCount: 10, ratePerSecond: 3, burstCount: 7 });
  for (let round = 0; round < 3; round += 1) {
    const decisions = Array.from({ length: 8 }, () => limiter.take('k'));
    expect(decisions.map(({ remainingCount }) => remainingCount)).toEqual([6, 5, 4, 3, 2, 1, 0, 0]);
    expect(decisions.map(({ status }) => status).filter((status) => status === 'refused')).toHaveLength(1);
    await clock.advance(7_000 / 3);
  }
});

test('several are taken at once or not at all', () => {
  const limiter = memoryLimiter({ clock: memoryClock(), maxKeyCount: 10, ratePerSecond: 1, burstCount: 5 });
  expect(limiter.take('k', 3)).toMatchObject({ status: 'allowed', remainingCount: 2 });
  expect(limiter.take('k', 3)).toMatchObject({ status: 'refused', remainingCount: 2, retryAfterMs: 1_000 });
  expect(limiter.take('k', 2)).toMatchObject({ status: 'allowed', remainingCount: 0 });
  for (const count of [0, 6, 1.5, Number.NaN]) expect(() => limiter.take('k', count)).toThrow(InvalidArgumentError);
});

test('keys are kept apart', () => {
  const limiter = memoryLimiter({ clock: memoryClock(), maxKeyCount: 10, ratePerSecond: 1, burstCount: 1 });
  expect(limiter.take('a').status).toBe('allowed');
  expect(limiter.take('b').status).toBe('allowed');
  expect(limiter.take('a').status).toBe('refused');
});

test('who invents keys is not let through by that, and a key that is told apart again has no burst of its own', async () => {
  const clock = memoryClock();
  const limits = { ratePerSecond: 1, burstCount: 5 };
  const limiter = memoryLimiter({ clock, maxKeyCount: 100, ...limits });
  const invented: number[] = [];
  for (let index = 0; index < 10_000; index += 1) {
    if (limiter.take(`k${index}`).status === 'allowed' && index >= 100) invented.push(clock.monotonicMs());
    if (index % 100 === 0) await clock.advance(1);
  }
  expect(limiter.keyCount()).toBe(100);
  expect(excess(invented, limits)).toBeLessThanOrEqual(ROUNDING);
  expect(limiter.take('k9999').status).toBe('refused');
  await clock.advance(1_000);
  // Its place is free now; what all strangers took counts.
  expect(limiter.take('k9999')).toMatchObject({ status: 'allowed', remainingCount: expect.any(Number) });
  expect(limiter.take('k9999').status).toBe('refused');
});

test('keys that owe nothing are forgotten', async () => {
  const clock = memoryClock();
  const limiter = memoryLimiter({ clock, maxKeyCount: 100, ratePerSecond: 10, burstCount: 1 });
  for (let index = 0; index < 5_000; index += 1) {
    expect(limiter.take(`k${index}`).status).toBe('allowed');
    await clock.advance(100);
  }
  expect(limiter.keyCount()).toBeLessThan(20);
});

test.each([
  ['an unknown option', { rate: 1 }],
  ['no rate', { ratePerSecond: 0 }],
  ['a rate so low that its times cannot be counted', { ratePerSecond: 1e-306 }],
  ['a burst of half a caller', { burstCount: 0.5 }],
])('%s is refused', (_, options) => {
  const good = { clock: memoryClock(), maxKeyCount: 1, ratePerSecond: 1, burstCount: 1 };
  expect(() => memoryLimiter({ ...good, ...options })).toThrow(InvalidArgumentError);
});

test.each(['', 'x'.repeat(1_025), '\ud800'])('a key that no table takes is refused', (key) => {
  const limiter = memoryLimiter({ clock: memoryClock(), maxKeyCount: 1, ratePerSecond: 1, burstCount: 1 });
  expect(() => limiter.take(key)).toThrow("Expected 'key' to be well-formed text of 1 to 1024 bytes");
  expect(limiter.keyCount()).toBe(0);
});
