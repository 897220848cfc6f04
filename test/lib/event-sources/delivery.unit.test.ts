import { DEFAULT_DELIVERY, stepDelivery } from '#event-sources/delivery';

test('waits double, with jitter, up to a quarter of an hour', () => {
  const delay = (failedCount: number, chance: number): unknown =>
    stepDelivery({ failedCount, ageMs: 0 }, DEFAULT_DELIVERY, chance);
  expect(delay(1, 0)).toEqual({ kind: 'retry', delayMs: 500 });
  expect(delay(1, 1)).toEqual({ kind: 'retry', delayMs: 1_000 });
  expect(delay(4, 1)).toEqual({ kind: 'retry', delayMs: 8_000 });
  expect(delay(185, 1)).toEqual({ kind: 'retry', delayMs: 900_000 });
});

test('so many retries, and no more', () => {
  const step = (failedCount: number, maxRetryCount: number): string =>
    stepDelivery({ failedCount, ageMs: 0 }, { ...DEFAULT_DELIVERY, maxRetryCount }, 0).kind;
  expect([step(1, 0), step(2, 2), step(3, 2)]).toEqual(['exhausted', 'retry', 'exhausted']);
});

test('a retry that would come too late is not waited for', () => {
  const policy = { maxRetryCount: 185, maxAgeMs: 60_000 };
  expect(stepDelivery({ failedCount: 1, ageMs: 59_400 }, policy, 0)).toMatchObject({ kind: 'retry' });
  expect(stepDelivery({ failedCount: 1, ageMs: 59_600 }, policy, 0)).toEqual({
    kind: 'exhausted',
    condition: 'MaximumEventAgeInSeconds',
  });
});
