import { setImmediate } from 'node:timers/promises';
import { turnClock } from '#serving/replicated/turn-clock';

test('time is read once a turn, and at every 64th call of one that does not end', async () => {
  let readCount = 0;
  const monotonicMs = (): number => (readCount += 1);
  const clock = turnClock({ clock: { nowMs: () => 0, monotonicMs, sleep: async () => undefined } });
  expect(Array.from({ length: 65 }, () => clock.monotonicMs())).toEqual(Array.from({ length: 65 }, () => 1));
  expect(clock.monotonicMs()).toBe(2);
  await Promise.resolve();
  expect(clock.monotonicMs()).toBe(2);
  await setImmediate();
  expect(clock.monotonicMs()).toBe(3);
});
