import fc from 'fast-check';
import { memoryClock } from '#primitives/memory/clock';
import { tokenBucket } from '#resilience/index';

test('any window of W seconds lets through at most rate × W + burst', async () => {
  const asks = fc.array(fc.record({ waitMs: fc.nat(200), count: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 80,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 5, max: 20 }),
      asks,
      async (rate, burst, list) => {
        const clock = memoryClock();
        const bucket = tokenBucket({ clock, ratePerSecond: rate, burstCount: burst });
        const taken: { readonly atMs: number; readonly count: number }[] = [];
        for (const { waitMs, count } of list) {
          await clock.advance(waitMs);
          if (bucket.tryTake(count).status === 'taken') taken.push({ atMs: clock.monotonicMs(), count });
        }
        let tooMany = 0;
        for (const [from, first] of taken.entries()) {
          let sum = 0;
          for (const { atMs, count } of taken.slice(from)) {
            sum += count;
            tooMany = Math.max(tooMany, sum - (rate * (atMs - first.atMs)) / 1000 - burst);
          }
        }
        expect(tooMany).toBeLessThan(1e-6);
      },
    ),
    { numRuns: 50 },
  );
});

test('who is refused is told when to come again, and gets it then', async () => {
  const clock = memoryClock();
  const bucket = tokenBucket({ clock, ratePerSecond: 4, burstCount: 2 });
  expect([bucket.tryTake(), bucket.tryTake()]).toEqual([{ status: 'taken' }, { status: 'taken' }]);
  expect(bucket.tryTake()).toEqual({ status: 'refused', retryAfterMs: 250 });
  await clock.advance(249);
  expect(bucket.tryTake()).toEqual({ status: 'refused', retryAfterMs: 1 });
  await clock.advance(1);
  expect(bucket.tryTake()).toEqual({ status: 'taken' });
});

test('all that is permitted can be used', async () => {
  const clock = memoryClock();
  const bucket = tokenBucket({ clock, ratePerSecond: 10, burstCount: 1 });
  let taken = 0;
  for (let second = 0; second < 1_000; second += 1) {
    if (bucket.tryTake().status === 'taken') taken += 1;
    await clock.advance(100);
  }
  expect(taken).toBe(1_000);
});

test('a wall clock that jumps mints nothing', () => {
  const clock = memoryClock();
  const bucket = tokenBucket({ clock, ratePerSecond: 1, burstCount: 1 });
  bucket.tryTake();
  for (const jumpMs of [3_600_000, -7_200_000]) {
    clock.jump(jumpMs);
    expect(bucket.tryTake()).toEqual({ status: 'refused', retryAfterMs: 1_000 });
  }
});

test('more than a burst is refused as a mistake: it could never be had', () => {
  const bucket = tokenBucket({ clock: memoryClock(), ratePerSecond: 1, burstCount: 2 });
  expect(() => bucket.tryTake(3)).toThrow("Expected 'count' to be an integer from 1 to 2, got 3.");
});

test.each([0, 1e-306, Number.NaN])(
  'a rate of %d is refused: so slow a bucket could not be counted',
  (ratePerSecond) => {
    expect(() => tokenBucket({ clock: memoryClock(), ratePerSecond, burstCount: 1 })).toThrow(
      "Expected 'ratePerSecond' to be a number from 1e-9 to 1000000",
    );
  },
);

test('at the least rate and the largest burst the burst is had, and no more', () => {
  const bucket = tokenBucket({ clock: memoryClock(), ratePerSecond: 1e-9, burstCount: 1_000_000 });
  expect([bucket.tryTake(1_000_000).status, bucket.tryTake().status]).toEqual(['taken', 'refused']);
});
