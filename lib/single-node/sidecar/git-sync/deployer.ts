import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Act, Stage } from './stage.ts';
import type { Launch } from './program.ts';
import type { VersionSource } from './repository.ts';
import { condemned, forgiven, nothingYet, planFor, promoted, type BadCommit, type VersionState } from './state.ts';
import type { VersionStore } from './version-store.ts';

/** What came of one look at the repository. `running` is the commit that answers calls now. */
export type SyncOutcome =
  /** The branch is where it was. */
  | { readonly status: 'same'; readonly commit: string; readonly running: string | null }
  /** The new version was healthy and answers calls. */
  | { readonly status: 'deployed'; readonly commit: string; readonly running: string }
  /** The new version was not taken, or not healthy: the one before goes on. It is not tried again. */
  | { readonly status: 'refused'; readonly commit: string; readonly running: string | null; readonly reason: string }
  /** The branch is at a commit that was refused before. */
  | { readonly status: 'known-bad'; readonly commit: string; readonly running: string | null; readonly reason: string }
  /** The repository did not answer, or this machine failed: tried again at the next look. */
  | { readonly status: 'failed'; readonly running: string | null; readonly reason: string };

export interface DeployerOptions {
  readonly source: VersionSource;
  readonly store: VersionStore;
  readonly launch: Launch;
  readonly stage: Stage;
  readonly keepCount: number;
  readonly maxEnds: number;
  readonly endsWithinMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What changes versions. Calls one after the other: it does not guard itself. */
export interface Deployer {
  /** Reads what is remembered and runs the current version. */
  open(signal: AbortSignal): Promise<void>;
  /** One look at the repository. `retry`: also at a commit that was refused before. */
  look(signal: AbortSignal, retry: boolean): Promise<SyncOutcome>;
  /** Runs the current version when none runs, or an earlier one when that fails. */
  revive(signal: AbortSignal): Promise<void>;
  state(): VersionState;
}

/** @param onEnd Called when the version on the stage has ended by itself. */
export const deployer = (options: DeployerOptions, onEnd: () => void): Deployer => {
  const { source, store, launch, stage, keepCount, maxEnds, endsWithinMs, clock, log } = options;
  let state = nothingYet;
  /** When the current version ended by itself. */
  let endsAtMs: { readonly commit: string; readonly atMs: number }[] = [];

  const running = (): string | null => stage.current()?.commit ?? null;

  const remember = async (next: VersionState): Promise<void> => {
    await store.save(next);
    state = next;
  };

  const goOn = (act: Act): void => {
    stage.change(act);
    void act.program.ended.then((reason) => {
      if (stage.current() !== act) return;
      log.error('the program ended', { commit: act.commit, reason });
      stage.change(undefined);
      const { commit } = act;
      const atMs = clock.monotonicMs();
      endsAtMs = [
        ...endsAtMs.filter((each) => each.commit === commit && atMs - each.atMs < endsWithinMs),
        { commit, atMs },
      ];
      onEnd();
    });
  };

  const condemn = async ({ commit, reason }: BadCommit): Promise<void> => {
    log.error('version refused', { commit, reason });
    await remember(condemned(state, commit, reason));
  };

  /** Undefined when it runs now, else why not. */
  const run = async (commit: string, signal: AbortSignal): Promise<string | undefined> => {
    const made = await store.folderOf(commit, signal);
    if ('refused' in made) return made.refused;
    const launched = await launch(made.folder, signal);
    if ('reason' in launched) return launched.reason;
    // What is remembered goes first: a crash after this starts the new version, one before it the old one.
    if (state.good[0] !== commit) {
      try {
        await remember(promoted(state, commit, keepCount));
      } catch (error) {
        await launched.program.stop();
        throw error;
      }
    }
    goOn({ commit, program: launched.program });
    return undefined;
  };

  const endedTooOften = (commit: string): boolean => endsAtMs.filter((each) => each.commit === commit).length > maxEnds;

  const revive = async (signal: AbortSignal): Promise<void> => {
    while (stage.current() === undefined) {
      const [commit] = state.good;
      if (commit === undefined) return;
      const reason = endedTooOften(commit) ? `it ended by itself ${maxEnds + 1} times` : await run(commit, signal);
      if (reason === undefined) return;
      // The last one is all there is: it stays, and is tried again later.
      if (state.good.length < 2) {
        endsAtMs = [];
        log.error('no version runs', { commit, reason });
        return;
      }
      await condemn({ commit, reason });
    }
  };

  const prune = async (): Promise<void> => {
    try {
      await store.prune(state);
    } catch (error) {
      log.warn('old versions are still there', { error });
    }
  };

  const deploy = async (commit: string, signal: AbortSignal): Promise<SyncOutcome> => {
    log.info('deploying', { commit });
    const reason = await run(commit, signal);
    if (reason !== undefined) {
      await condemn({ commit, reason });
      await prune();
      return { status: 'refused', commit, running: running(), reason };
    }
    log.info('deployed', { commit });
    await prune();
    return { status: 'deployed', commit, running: commit };
  };

  return Object.freeze({
    open: async (signal) => {
      state = await store.open();
      try {
        await revive(signal);
      } catch (error) {
        log.error('no version runs yet', { error });
      }
    },
    look: async (signal, retry) => {
      try {
        await revive(signal);
        const commit = await source.head(signal);
        if (retry && planFor(state, commit).kind === 'known-bad') await remember(forgiven(state, commit));
        const plan = planFor(state, commit);
        if (plan.kind === 'same') return { status: 'same', commit, running: running() };
        if (plan.kind === 'known-bad') return { status: 'known-bad', commit, running: running(), reason: plan.reason };
        return await deploy(commit, signal);
      } catch (error) {
        log.warn('repository not synced', { source: source.name, error });
        const reason = error instanceof Error ? error.message : String(error);
        return { status: 'failed', running: running(), reason };
      }
    },
    revive,
    state: () => state,
  } satisfies Deployer);
};
