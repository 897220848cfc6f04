import { isAbsolute, join } from 'node:path';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import type { Json } from '#primitives/table';
import type { Files } from '../files.ts';
import type { Sidecar } from '../sidecar.ts';
import { within } from '../within.ts';
import { deployer, type Deployer, type SyncOutcome } from './deployer.ts';
import type { Launch } from './program.ts';
import type { VersionSource } from './repository.ts';
import { stage, type Act } from './stage.ts';
import { versionStore } from './version-store.ts';

export interface GitSyncOptions {
  readonly source: VersionSource;
  readonly launch: Launch;
  /** The folder of the versions; absolute, made when it is not there. One sidecar a folder. */
  readonly root: string;
  /** How many good versions stay on the disk, the current one with them: those that can be rolled back to. 2..100. */
  readonly keepCount: number;
  /** When the current version has ended by itself more often than this ... 0..100. */
  readonly maxEnds: number;
  /** ... within this time, it is rolled back; before that it is started again. 1..86_400_000 ms. */
  readonly endsWithinMs: number;
  /** How long a version that was replaced may go on answering the calls that it has. 1..600_000 ms. */
  readonly drainMs: number;
  /** How long after one look at the repository the next may begin. 1..86_400_000 ms. */
  readonly intervalMs: number;
  /** How long a call of a function, or the start, waits for a look; it goes on in the background. 1..600_000 ms. */
  readonly waitMs: number;
  /** `interval`: looks by itself; `calls`: only before a call, for functions that are frozen between calls. */
  readonly looks: 'interval' | 'calls';
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The sidecar, and the way to the version that runs. */
export interface GitSync extends Sidecar {
  /**
   * One look at the repository, or the one that runs. Never throws.
   *
   * @param options.retry Also tries a commit that was refused before.
   */
  sync(options?: { readonly retry?: boolean }): Promise<SyncOutcome>;
  /**
   * Gives the version that runs to `work`, which a change of versions lets end.
   *
   * @throws {@link UnavailableError} when none runs
   */
  use<T>(work: (act: Act) => Promise<T>): Promise<T>;
  current(): Act | undefined;
  report(): Json;
}

const OPTIONS =
  'source launch root keepCount maxEnds endsWithinMs drainMs intervalMs waitMs looks files clock random log'.split(' ');
const SHOWN_BAD = 5;

const checkOptions = (options: GitSyncOptions): void => {
  checkNames(options, OPTIONS);
  if (!isAbsolute(options.root)) throw refuse('root', 'an absolute path', options.root);
  checkInteger('keepCount', options.keepCount, 2, 100);
  checkInteger('maxEnds', options.maxEnds, 0, 100);
  checkInteger('endsWithinMs', options.endsWithinMs, 1, 86_400_000);
  checkInteger('drainMs', options.drainMs, 1, 600_000);
  checkInteger('intervalMs', options.intervalMs, 1, 86_400_000);
  checkInteger('waitMs', options.waitMs, 1, 600_000);
  if (options.looks !== 'interval' && options.looks !== 'calls')
    throw refuse('looks', `'interval' or 'calls'`, options.looks);
};

const reportOf = (source: VersionSource, { good, bad }: ReturnType<Deployer['state']>, act: Act | undefined): Json => ({
  source: source.name,
  running: act === undefined ? null : { commit: act.commit, pid: act.program.pid, url: act.program.url },
  good,
  bad: bad.slice(0, SHOWN_BAD).map(({ commit, reason }) => ({ commit, reason })),
});

/** Runs one thing after the other, whatever became of the one before. */
const inTurn = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
};

/**
 * A push to a repository becomes the running version of a program that knows nothing of it: fetched, written into a
 * folder of its own, started beside the old one, asked for its health, and only then given the calls; the old one
 * answers what it has and is stopped. A version that is refused (links, submodules, too large), does not start or is
 * not healthy changes nothing and is remembered, so that it is not tried again at every look. One that ends by itself
 * is started again, and rolled back when it does so too often.
 *
 * A crash at any step leaves the version before or the new one to be started next; the programs that ran end with this
 * process where their launcher sees to it.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3
 */
export const gitSync = (options: GitSyncOptions): GitSync => {
  checkOptions(options);
  const { source, launch, root, files, clock, random, log, intervalMs, waitMs } = options;
  const { keepCount, maxEnds, endsWithinMs, drainMs } = options;
  // One for each start: a sidecar that was late is stopped, and started again.
  let stopping = new AbortController();
  const turn = inTurn();
  const place = stage({ clock, drainMs });
  const store = versionStore({ root: join(root), source, files, random });
  const revive = (): void => {
    if (stopping.signal.aborted) return;
    turn(() => versions.revive(stopping.signal)).catch((error: unknown) => log.error('no version runs', { error }));
  };
  const versions = deployer(
    { source, store, launch, stage: place, keepCount, maxEnds, endsWithinMs, clock, log },
    revive,
  );
  let looking: Promise<SyncOutcome> | undefined;
  let lookedAtMs: number | undefined;
  let loop: Promise<void> | undefined;

  const look = (retry = false): Promise<SyncOutcome> =>
    (looking ??= turn(() => versions.look(stopping.signal, retry)).finally(() => {
      looking = undefined;
      lookedAtMs = clock.monotonicMs();
    }));
  const isDue = (): boolean => lookedAtMs === undefined || clock.monotonicMs() - lookedAtMs >= intervalMs;
  const keepLooking = async (ending: AbortSignal): Promise<void> => {
    while (!ending.aborted) {
      await clock.sleep(intervalMs, ending).catch(() => undefined);
      if (!ending.aborted) await look();
    }
  };

  return Object.freeze({
    name: 'git-sync',
    start: async ({ signal }) => {
      const ending = new AbortController();
      stopping = ending;
      signal.addEventListener('abort', () => ending.abort(), { once: true });
      if (signal.aborted) ending.abort();
      await turn(() => versions.open(ending.signal));
      await within(clock, waitMs, () => look());
      if (options.looks === 'interval') loop = keepLooking(ending.signal);
    },
    before: async () => {
      if (options.looks === 'calls' && looking === undefined && isDue()) await within(clock, waitMs, () => look());
    },
    stop: async () => {
      stopping.abort();
      await loop;
      await turn(async () => place.change(undefined));
      await place.settled();
    },
    sync: async ({ retry = false } = {}) => {
      // What runs may have looked before the push that the caller means.
      await looking;
      return look(retry);
    },
    use: place.use,
    current: place.current,
    report: () => reportOf(source, versions.state(), place.current()),
  } satisfies GitSync);
};
