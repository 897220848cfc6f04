import { hostSlots } from '../../../localstack/embedded/host-slots.ts';

const RUNNING = 8;
const WAITING = 1_000;

const held = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, release: resolve };
};

test('eight run at once, the others wait for their turn, in the order in which they came', async () => {
  const slots = hostSlots();
  const started: number[] = [];
  const works = Array.from({ length: RUNNING + 3 }, held);
  const runs = works.map(({ promise }, index) =>
    slots.run('work-queue', () => {
      started.push(index);
      return promise;
    }),
  );
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  works[5]?.release();
  await runs[5];
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  works[0]?.release();
  await runs[0];
  expect(started.at(-1)).toBe(9);
  for (const work of works) work.release();
  expect(await Promise.all(runs)).toEqual(runs.map(() => true));
});

test('a slot is free again when the work fails, and the failure reaches who asked', async () => {
  const slots = hostSlots();
  for (let each = 0; each < RUNNING * 2; each += 1)
    await expect(slots.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await slots.run('a', () => Promise.resolve())).toBe(true);
});

test('functions do not wait for each other', async () => {
  const slots = hostSlots();
  const busy = held();
  const runs = Array.from({ length: RUNNING }, () => slots.run('busy', () => busy.promise));
  expect(await slots.run('idle', () => Promise.resolve())).toBe(true);
  busy.release();
  await Promise.all(runs);
});

test('who comes when too many wait is sent away, without having been run', async () => {
  const slots = hostSlots();
  const busy = held();
  const runs = Array.from({ length: RUNNING + WAITING }, () => slots.run('busy', () => busy.promise));
  let ran = false;
  const late = await slots.run('busy', async () => {
    ran = true;
  });
  expect([late, ran]).toEqual([false, false]);
  busy.release();
  expect((await Promise.all(runs)).every(Boolean)).toBe(true);
});
