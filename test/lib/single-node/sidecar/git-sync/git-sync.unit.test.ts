import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { gitSync, type GitSyncOptions } from '#single-node/sidecar/git-sync/git-sync';
import {
  condemned,
  nothingYet,
  promoted,
  readState,
  writeState,
  type VersionState,
} from '#single-node/sidecar/git-sync/state';
import { memoryFiles } from '../../../../support/memory-files.ts';
import { quietLog } from '../../../../support/probe-log.ts';
import { commitOf, memoryPrograms, memoryRepository } from './place.ts';

const signal = new AbortController().signal;
const invocation = { id: '1', remainingMs: () => Number.POSITIVE_INFINITY };

const world = async (options: Partial<GitSyncOptions> = {}) => {
  const clock = memoryClock();
  const disk = memoryFiles();
  const repository = memoryRepository();
  const programs = memoryPrograms(repository.kindOf, disk.peek);
  const files = disk.of();
  const sync = gitSync({
    source: repository.source(files),
    launch: programs.launch,
    root: '/root',
    keepCount: 3,
    maxEnds: 2,
    endsWithinMs: 60_000,
    drainMs: 1_000,
    intervalMs: 1_000,
    waitMs: 200,
    looks: 'calls',
    files,
    clock,
    random: seededRandom(3),
    log: quietLog,
    ...options,
  });
  const start = () => clock.until(sync.start?.({ clock, log: quietLog, signal }) ?? Promise.resolve());
  return { clock, disk, repository, programs, sync, start };
};

test('a replaced version is stopped when it has answered what it has, or when its time is over', async () => {
  const { clock, repository, programs, sync, start } = await world();
  repository.push('one');
  await start();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const call = sync.use(async ({ commit }) => {
    await answered;
    return commit;
  });
  const hanging = sync.use(() => new Promise(() => undefined));
  expect(hanging).toBeInstanceOf(Promise);
  repository.push('two');
  await sync.sync();
  expect(programs.running()).toEqual([commitOf('one'), commitOf('two')]);
  expect(await sync.use(async ({ commit }) => commit)).toBe(commitOf('two'));
  answer();
  expect(await call).toBe(commitOf('one'));
  await clock.advance(999);
  expect(programs.running()).toEqual([commitOf('one'), commitOf('two')]);
  await clock.advance(1);
  expect(programs.running()).toEqual([commitOf('two')]);
});

test('a version that was refused is reported, not tried again by itself, and tried again when asked to', async () => {
  const { repository, programs, sync, start } = await world();
  const one = repository.push('one');
  await start();
  const sick = repository.push('sick', 'unhealthy');
  expect(await sync.sync()).toEqual({ status: 'refused', commit: sick, running: one, reason: 'it is not healthy' });
  expect(await sync.sync()).toEqual({ status: 'known-bad', commit: sick, running: one, reason: 'it is not healthy' });
  expect(programs.startsOf(sick)).toBe(1);
  expect((await sync.sync({ retry: true })).status).toBe('refused');
  expect(programs.startsOf(sick)).toBe(2);
  repository.push('sick', 'good');
  expect(await sync.sync({ retry: true })).toEqual({ status: 'deployed', commit: sick, running: sick });
});

test('what is left of a version that could not be written whole is not taken for one', async () => {
  const { repository, programs, sync, start } = await world();
  const one = repository.push('one');
  await start();
  const two = repository.push('two');
  repository.breakOnce();
  expect(await sync.sync()).toEqual({ status: 'failed', running: one, reason: 'the disk is full' });
  expect(await sync.sync()).toEqual({ status: 'deployed', commit: two, running: two });
  expect(programs.startsOf(two)).toBe(1);
});

test('a version that ends by itself is started again so often, and then rolled back', async () => {
  const { clock, repository, programs, sync, start } = await world();
  repository.push('one');
  await start();
  const two = repository.push('two');
  await sync.sync();
  for (let ends = 1; ends <= 2; ends += 1) {
    programs.end(two);
    await clock.advance(10);
    expect(programs.running()).toEqual([two]);
  }
  programs.end(two);
  await clock.advance(10);
  expect(programs.running()).toEqual([commitOf('one')]);
  expect((await sync.sync()).status).toBe('known-bad');
});

test('one that ends now and then is no bad version', async () => {
  const { clock, repository, programs, start } = await world();
  const one = repository.push('one');
  await start();
  for (let ends = 1; ends <= 10; ends += 1) {
    programs.end(one);
    await clock.advance(60_001);
    expect(programs.running()).toEqual([one]);
  }
});

test('the only version is tried again at every look, whatever it did', async () => {
  const { clock, repository, programs, sync, start } = await world();
  const one = repository.push('one');
  await start();
  repository.push('one', 'unhealthy');
  programs.end(one);
  await clock.advance(10);
  expect(programs.running()).toEqual([]);
  await expect(sync.use(async () => undefined)).rejects.toThrow(UnavailableError);
  repository.push('one', 'good');
  await sync.sync();
  expect(programs.running()).toEqual([one]);
});

test('before a call it looks when the interval has passed; the call waits no longer than it was told', async () => {
  const { clock, repository, sync, start, programs } = await world({
    launch: async (folder) => {
      await clock.sleep(500);
      return programs.launch(folder);
    },
  });
  const one = repository.push('one');
  await start();
  expect(clock.monotonicMs()).toBe(200);
  await clock.advance(300);
  expect(sync.current()?.commit).toBe(one);
  const two = repository.push('two');
  await clock.until(Promise.resolve(sync.before?.(invocation, signal)));
  expect(sync.current()?.commit).toBe(one);
  await clock.advance(1_000);
  const beganMs = clock.monotonicMs();
  await clock.until(Promise.resolve(sync.before?.(invocation, signal)));
  expect(clock.monotonicMs() - beganMs).toBe(200);
  expect(sync.current()?.commit).toBe(one);
  await clock.advance(300);
  expect(sync.current()?.commit).toBe(two);
});

test('a repository that is gone changes nothing, and the stop ends every program', async () => {
  const { clock, repository, programs, sync, start } = await world({ looks: 'interval' });
  const one = repository.push('one');
  await start();
  repository.goAway();
  expect(await sync.sync()).toEqual({ status: 'failed', running: one, reason: 'the repository is gone' });
  await clock.advance(5_000);
  const two = repository.push('two');
  await clock.advance(1_000);
  expect(programs.running()).toEqual([two]);
  await clock.until(sync.stop?.(signal) ?? Promise.resolve());
  expect(programs.running()).toEqual([]);
  expect(clock.sleeperCount()).toBe(0);
});

test('what is remembered is bounded, and damaged or foreign entries are left out', () => {
  let state: VersionState = nothingYet;
  for (let n = 0; n < 300; n += 1) {
    state = promoted(state, commitOf(`good ${n}`), 3);
    state = condemned(state, commitOf(`bad ${n}`), 'x'.repeat(5_000));
  }
  expect({ good: state.good.length, bad: state.bad.length }).toEqual({ good: 3, bad: 100 });
  expect(readState(writeState(state))).toEqual(state);
  expect(readState('{"good": ["../../etc", 7], "bad": [{"commit": "x", "reason": "y"}, null]}')).toEqual(nothingYet);
  for (const text of ['', '{', '[]', 'null', '{"good": 1, "bad": []}']) expect(readState(text)).toBeUndefined();
});
