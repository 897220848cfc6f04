import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { gitSync, type GitSync } from '#single-node/sidecar/git-sync/git-sync';
import { crashAt, memoryFiles, type OnStep } from '../../../../support/memory-files.ts';
import { quietLog } from '../../../../support/probe-log.ts';
import { memoryPrograms, memoryRepository, type Kind } from './place.ts';

const ROOT = '/root';
const MOST_STEPS = 1_000;
const KEEP = 3;

const world = () => {
  const clock = memoryClock();
  const random = seededRandom(3);
  const disk = memoryFiles();
  const repository = memoryRepository();
  const programs = memoryPrograms(repository.kindOf, disk.peek);

  /** A process of the sidecar: starts, looks at the repository, and goes on until it is lost. */
  const start = async (onStep?: OnStep): Promise<GitSync> => {
    programs.loseAll();
    const files = disk.of(onStep);
    const sync = gitSync({
      source: repository.source(files),
      launch: programs.launch,
      root: ROOT,
      keepCount: KEEP,
      maxEnds: 2,
      endsWithinMs: 60_000,
      drainMs: 1_000,
      intervalMs: 1_000,
      waitMs: 60_000,
      looks: 'calls',
      files,
      clock,
      random,
      log: quietLog,
    });
    await clock.until(
      sync.start?.({ clock, log: quietLog, signal: new AbortController().signal }) ?? Promise.resolve(),
    );
    return sync;
  };
  return { clock, disk, repository, programs, start };
};

const STORY: readonly (readonly [version: string, kind: Kind])[] = [
  ['one', 'good'],
  ['two', 'good'],
  ['link', 'refused'],
  ['three', 'good'],
  ['sick', 'unhealthy'],
  ['four', 'good'],
  ['five', 'good'],
  // By force, back to what is kept, and to what is not.
  ['four', 'good'],
  ['one', 'good'],
];

/** Tells the story; at each push the sidecar dies at its first step, then at its second, and so on, before it gets through. */
const sweep = async (losesPower: boolean): Promise<number> => {
  const { disk, repository, programs, start } = world();
  let crashes = 0;
  let lastGood: string | undefined;
  for (const [version, kind] of STORY) {
    const commit = repository.push(version, kind);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const crash = crashAt(step);
      const sync = await start(crash.onStep).catch(() => undefined);
      if (!crash.isReached()) break;
      crashes += 1;
      // What runs, even in the process that failed half-way, is a good one: the new or the last.
      const allowed = kind === 'good' ? [commit, lastGood] : [lastGood];
      for (const running of programs.running()) expect(allowed).toContain(running);
      const link = disk.peekLink(`${ROOT}/current`);
      expect(allowed).toContain(link?.replace('versions/', ''));
      await sync?.stop?.(new AbortController().signal).catch(() => undefined);
      if (losesPower) disk.losePower();
    }
    const sync = await start();
    if (kind === 'good') lastGood = commit;
    expect(programs.running()).toEqual([lastGood]);
    expect(sync.current()?.commit).toBe(lastGood);
    expect(disk.peekLink(`${ROOT}/current`)).toBe(`versions/${lastGood}`);
    // Nothing is left by those that died.
    expect(disk.peekList(ROOT)).toEqual(['current', 'state.json', 'versions']);
    const names = disk.peekList(`${ROOT}/versions`);
    expect(names.every((name) => /^[0-9a-f]{40}$/.test(name))).toBe(true);
    expect(names.length).toBeLessThanOrEqual(KEEP);
    // Started once more, nothing changes, and what was bad is not tried again.
    const before = programs.startsOf(commit);
    const again = await start();
    const outcome = await again.sync();
    expect(outcome.status).toBe(kind === 'good' ? 'same' : 'known-bad');
    expect(programs.running()).toEqual([lastGood]);
    if (kind !== 'good') expect(programs.startsOf(commit)).toBe(before);
  }
  return crashes;
};

test('dying at each step of each change, the sidecar comes back with the last good version or the new one, whole, and gets through', async () => {
  const crashes = await sweep(false);
  expect(crashes).toBeGreaterThan(200);
  console.log(`${STORY.length} pushes, ${crashes} crashes`);
});

test('the same with the power lost at each step', async () => {
  expect(await sweep(true)).toBeGreaterThan(200);
});
