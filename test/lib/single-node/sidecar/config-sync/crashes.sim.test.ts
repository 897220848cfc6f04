import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { configSync } from '#single-node/sidecar/config-sync/config-sync';
import type { ConfigCandidate } from '#single-node/sidecar/config-sync/step';
import { crashAt, memoryFiles, type OnStep } from '../../../../support/memory-files.ts';
import { quietLog } from '../../../../support/probe-log.ts';

const CHANGES = 1_000;
/** Sweeps end long before; a sweep that does not is a failure. */
const MOST_STEPS = 200;
const FILE = '/program/config.json';

/** Valid is what has a text that is long enough to be torn. */
const validate = (value: unknown) =>
  typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
    ? { value: { text: value.text } }
    : { reason: 'no text' };

const candidateText = (version: number): string => `number ${version}`.repeat(8);
const candidate = (version: number): ConfigCandidate => ({ version, value: { text: candidateText(version) } });

const world = () => {
  const clock = memoryClock();
  const random = seededRandom(7);
  const disk = memoryFiles();
  let offered: ConfigCandidate | undefined;
  let seen = -1;

  /** The program beside it, which may read at any moment. */
  const programReads = (): void => {
    const text = disk.peek(FILE);
    if (text === undefined) {
      // Only before the first version, or where the power was lost before it was safe.
      if (seen >= 0) throw new Error('the file is gone');
      return;
    }
    // No `expect`: this is asked a million times.
    const { version, value } = JSON.parse(text) as { version: number; value: { text: string } };
    if (value.text !== candidateText(version)) throw new Error(`not whole: ${text}`);
    if (version < seen) throw new Error(`version ${version} after ${seen}`);
    seen = version;
  };

  const start = async (onStep: OnStep): Promise<string> => {
    const sync = configSync({
      source: { name: 'offered', read: async () => offered },
      file: FILE,
      validate,
      intervalMs: 1_000,
      readMs: 1_000,
      waitMs: 1_000,
      looks: 'calls',
      files: disk.of(onStep),
      clock,
      random,
      log: quietLog,
    });
    await clock.until(
      sync.start?.({ clock, log: quietLog, signal: new AbortController().signal }) ?? Promise.resolve(),
    );
    programReads();
    return sync.report().lastLook;
  };
  return {
    disk,
    start,
    programReads,
    offer: (next: ConfigCandidate | undefined) => {
      offered = next;
    },
    seen: () => seen,
    losePower: () => {
      disk.losePower();
      seen = -1;
    },
  };
};

test(`${CHANGES} changes, the sidecar dying at each of its steps: the program sees whole, valid versions, in order`, async () => {
  const { disk, start, programReads, offer, seen } = world();
  let crashes = 0;
  for (let version = 1; version <= CHANGES; version += 1) {
    // Between the good ones: late reads and invalid ones.
    const rubbish: readonly ConfigCandidate[] = [
      { version: version - 2, value: candidate(version - 2).value },
      { version, value: { text: 7 } },
      { version: 'latest', value: candidate(version).value },
    ];
    offer(rubbish[version % rubbish.length]);
    await start(programReads);
    expect(seen()).toBe(version === 1 ? -1 : version - 1);

    offer(candidate(version));
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const crash = crashAt(step, programReads);
      await start(crash.onStep).catch((error: unknown) => {
        if (!crash.isReached()) throw error;
      });
      if (!crash.isReached()) break;
      crashes += 1;
    }
    await start(programReads);
    expect(seen()).toBe(version);
    // Nothing is left behind by those that died.
    expect(disk.peekList('/program')).toEqual(['config.json']);
  }
  expect(crashes).toBeGreaterThan(CHANGES * 5);
  console.log(`${CHANGES} changes, ${crashes} crashes`);
}, 120_000);

test('a loss of power at any step leaves a whole, valid version, at most one behind what was applied', async () => {
  const { start, programReads, offer, seen, losePower } = world();
  let losses = 0;
  for (let version = 1; version <= 50; version += 1) {
    offer(candidate(version));
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const crash = crashAt(step);
      await start(crash.onStep).catch(() => undefined);
      if (!crash.isReached()) break;
      losses += 1;
      losePower();
      programReads();
      expect(seen()).toBeGreaterThanOrEqual(version === 1 ? -1 : version - 1);
    }
    losePower();
    programReads();
    // What a look has answered for is on the disk.
    expect(seen()).toBe(version);
  }
  expect(losses).toBeGreaterThan(250);
});
