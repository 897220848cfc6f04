import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { configSync } from '#single-node/sidecar/config-sync/config-sync';
import { gitSync } from '#single-node/sidecar/git-sync/git-sync';
import type { Sidecar } from '#single-node/sidecar/sidecar';
import { withSidecar, type Sidecars } from '#single-node/sidecar/with-sidecar';
import { memoryFiles } from '../../../support/memory-files.ts';
import { quietLog } from '../../../support/probe-log.ts';
import { commitOf, memoryPrograms, memoryRepository } from './git-sync/place.ts';

const world = (sidecars: Sidecars, clock = memoryClock()) => {
  const limits = { startMs: 1_000, beforeMs: 200, afterMs: 500, stopMs: 2_000, maxPendingAfter: 3 };
  const handler = withSidecar(async () => 'answer', sidecars, { clock, log: quietLog, ...limits });
  const call = () => clock.until(handler('event', {}));
  return { clock, handler, call, states: () => handler.report().sidecars.map(({ state }) => state) };
};

test('an optional sidecar that failed is started again at a call, 5 s after its last try at the soonest', async () => {
  let starts = 0;
  const seen: string[] = [];
  const { clock, call, states } = world({
    optional: [
      {
        name: 'a',
        start: async () => {
          starts += 1;
          if (starts < 3) throw new Error('not yet');
        },
        before: ({ id }) => void seen.push(id),
      },
    ],
  });
  for (let calls = 0; calls < 3; calls += 1) await call();
  await clock.advance(4_999);
  await call();
  expect(starts).toBe(1);
  await clock.advance(1);
  for (let calls = 0; calls < 3; calls += 1) await call();
  expect({ starts, states: states() }).toEqual({ starts: 2, states: ['off'] });
  await clock.advance(5_000);
  await call();
  expect({ starts, states: states(), seen }).toEqual({ starts: 3, states: ['running'], seen: [] });
  await call();
  expect(seen).toEqual(['9']);
});

test('a sidecar is not started again while a late start of it still runs, and that one is undone first', async () => {
  const notes: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { clock, call, states } = world({
    optional: [
      {
        name: 'a',
        start: async () => {
          notes.push('start');
          if (notes.length === 1) await promise;
        },
        stop: async () => void notes.push('stop'),
      },
    ],
  });
  await call();
  await clock.advance(60_000);
  await call();
  expect(notes).toEqual(['start']);
  resolve();
  await clock.advance(0);
  await call();
  expect({ notes, states: states() }).toEqual({ notes: ['start', 'stop', 'start'], states: ['running'] });
});

test('nor is a required one', async () => {
  const notes: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { clock, call, states } = world({
    required: [
      {
        name: 'a',
        start: async () => {
          notes.push('start');
          if (notes.length === 1) await promise;
        },
        stop: async () => void notes.push('stop'),
      },
    ],
  });
  await expect(call()).rejects.toMatchObject({ code: 'sidecar/start-failed' });
  await expect(call()).rejects.toMatchObject({ code: 'sidecar/start-failed' });
  expect(notes).toEqual(['start']);
  resolve();
  await clock.advance(0);
  await call();
  expect({ notes, states: states() }).toEqual({ notes: ['start', 'stop', 'start'], states: ['running'] });
});

test('a start beside the calls delays one of them by the limit at most, and takes no time from the hooks', async () => {
  let starts = 0;
  const slow: Sidecar = {
    name: 'slow',
    start: async ({ clock }) => {
      starts += 1;
      if (starts === 1) throw new Error('not yet');
      await clock.sleep(800);
    },
  };
  const { clock, call, states } = world({
    required: [{ name: 'needed', before: () => clock.sleep(150) }],
    optional: [slow],
  });
  await call();
  await clock.advance(5_000);
  const tookMs: number[] = [];
  for (let calls = 0; calls < 2; calls += 1) {
    const beganMs = clock.monotonicMs();
    expect(await call()).toBe('answer');
    tookMs.push(clock.monotonicMs() - beganMs);
  }
  expect(tookMs).toEqual([200, 150]);
  await clock.advance(600);
  expect({ starts, states: states() }).toEqual({ starts: 2, states: ['running', 'running'] });
});

test('a stop while a sidecar is started again leaves it stopped', async () => {
  const notes: string[] = [];
  const { clock, call, handler, states } = world({
    optional: [
      {
        name: 'a',
        start: async () => {
          notes.push('start');
          if (notes.length === 1) throw new Error('not yet');
          await clock.sleep(500);
        },
        stop: async () => void notes.push('stop'),
      },
    ],
  });
  await call();
  await clock.advance(5_000);
  await call();
  await clock.until(handler.stop());
  await clock.advance(60_000);
  expect({ notes, states: states() }).toEqual({ notes: ['start', 'start', 'stop'], states: ['stopped'] });
});

test('git-sync and config-sync that were late do their work when they are started again', async () => {
  const clock = memoryClock();
  const disk = memoryFiles();
  const files = disk.of();
  const repository = memoryRepository();
  const programs = memoryPrograms(repository.kindOf, disk.peek);
  const shared = { files, clock, random: seededRandom(3), log: quietLog, intervalMs: 1_000, waitMs: 5_000 } as const;
  let looks = 0;
  const versions = gitSync({
    ...shared,
    source: repository.source(files),
    launch: async (folder, signal) => {
      await clock.sleep(looks < 2 ? 3_000 : 10, signal);
      return programs.launch(folder, signal);
    },
    root: '/root',
    keepCount: 3,
    maxEnds: 2,
    endsWithinMs: 60_000,
    drainMs: 1_000,
    looks: 'interval',
  });
  const config = configSync({
    ...shared,
    source: {
      name: 'slow at first',
      read: async () => {
        looks += 1;
        await clock.sleep(looks === 1 ? 900 : looks === 2 ? 3_000 : 10);
        return { version: looks, value: 1 };
      },
    },
    file: '/settings.json',
    validate: () => ({ value: 1 }),
    readMs: 5_000,
    looks: 'interval',
  });
  repository.push('one');
  const { call, handler, states } = world({ optional: [config, versions] }, clock);
  await call();
  expect(states()).toEqual(['running', 'off']);
  expect(await clock.until(versions.sync())).toMatchObject({ status: 'failed' });
  looks = 10;
  await clock.advance(5_000);
  await call();
  expect({ states: states(), running: programs.running() }).toEqual({
    states: ['running', 'running'],
    running: [commitOf('one')],
  });
  repository.push('two');
  await clock.advance(3_000);
  expect(programs.running()).toEqual([commitOf('two')]);
  await clock.until(handler.stop());
  expect({ running: programs.running(), sleepers: clock.sleeperCount() }).toEqual({ running: [], sleepers: 0 });
});

test('config-sync that was late looks again and again when it is started again', async () => {
  const clock = memoryClock();
  let reads = 0;
  const config = configSync({
    source: {
      name: 'slow at first',
      read: async () => {
        reads += 1;
        await clock.sleep(reads === 1 ? 3_000 : 10);
        return { version: reads, value: 1 };
      },
    },
    file: '/settings.json',
    validate: () => ({ value: 1 }),
    intervalMs: 1_000,
    readMs: 5_000,
    waitMs: 5_000,
    looks: 'interval',
    files: memoryFiles().of(),
    clock,
    random: seededRandom(3),
    log: quietLog,
  });
  const { call, handler, states } = world({ optional: [config] }, clock);
  await call();
  expect(states()).toEqual(['off']);
  await clock.advance(10_000);
  await call();
  expect(states()).toEqual(['running']);
  await clock.advance(10_000);
  expect(config.report().appliedCount).toBeGreaterThan(5);
  await clock.until(handler.stop());
  expect(clock.sleeperCount()).toBe(0);
});
