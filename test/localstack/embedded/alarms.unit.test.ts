import { startAlarms } from '../../../localstack/embedded/alarms.ts';

/** Instants that are over already: the timers wait for nothing. */
const past = (atMs: readonly number[]) => (afterMs: number) => atMs.find((each) => each > afterMs);

test('rings at each instant, and says when there is none left', async () => {
  let nowMs = 0;
  const alarms = startAlarms(() => (nowMs += 1));
  const rung: number[] = [];
  await new Promise<void>((resolve) => {
    alarms.set('a', { nextAtMs: past([3, 12]), ring: (atMs) => rung.push(atMs), ended: resolve });
  });
  await new Promise(setImmediate);
  expect(rung).toEqual([3, 12]);
  alarms.close();
});

test('what was due while the machine slept rings once', async () => {
  const alarms = startAlarms(() => 1_000_000);
  const rung: number[] = [];
  await new Promise<void>((resolve) => {
    alarms.set('a', { nextAtMs: past([10, 20, 30]), ring: (atMs) => rung.push(atMs), ended: resolve }, 0);
  });
  await new Promise(setImmediate);
  expect(rung).toEqual([10]);
  alarms.close();
});

test('an alarm that was cleared, replaced or closed does not ring', async () => {
  const alarms = startAlarms(() => 1_000);
  const rung: string[] = [];
  const at = (name: string) => ({ nextAtMs: past([500]), ring: () => void rung.push(name) });
  alarms.set('a', at('cleared'), 0);
  alarms.clear('a');
  alarms.set('b', at('replaced'), 0);
  await new Promise<void>((resolve) => {
    alarms.set('b', { ...at('new'), ended: resolve }, 0);
  });
  await new Promise(setImmediate);
  alarms.set('c', at('closed'), 0);
  alarms.close();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(rung).toEqual(['new']);
});
