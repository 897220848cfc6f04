import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import { within } from '../within.ts';
import type { RunningProgram } from './program.ts';

/** A version on the stage: the one that calls go to. */
export interface Act {
  readonly commit: string;
  readonly program: RunningProgram;
}

/** The place of the version that runs, and of the calls that it has not answered yet. */
export interface Stage {
  current(): Act | undefined;
  /**
   * Gives the version that runs to `work`; it is not stopped before `work` has ended, or `drainMs` have passed.
   *
   * @throws {@link UnavailableError} when none runs
   */
  use<T>(work: (act: Act) => Promise<T>): Promise<T>;
  /** From now on calls go to this version (undefined: to none). The one before is stopped when its calls have ended. */
  change(act: Act | undefined): void;
  /** Waits until what was changed is stopped. */
  settled(): Promise<void>;
}

/** @param options.drainMs How long a version that was replaced may go on answering the calls that it has. */
export const stage = (options: { readonly clock: Clock; readonly drainMs: number }): Stage => {
  const { clock, drainMs } = options;
  let act: Act | undefined;
  const calls = new Map<Act, Set<Promise<unknown>>>();
  const leaving = new Set<Promise<void>>();

  const leave = async (old: Act): Promise<void> => {
    await within(clock, drainMs, () => Promise.allSettled(calls.get(old) ?? new Set()));
    calls.delete(old);
    await old.program.stop();
  };

  return Object.freeze({
    current: () => act,
    use: async (work) => {
      if (act === undefined) throw new UnavailableError('No version of the program runs');
      const mine = calls.get(act) ?? new Set();
      calls.set(act, mine);
      const call = work(act);
      mine.add(call);
      try {
        return await call;
      } finally {
        mine.delete(call);
      }
    },
    change: (next) => {
      const old = act;
      act = next;
      if (old === undefined) return;
      const left = leave(old).finally(() => leaving.delete(left));
      leaving.add(left);
    },
    settled: async () => {
      await Promise.allSettled(leaving);
    },
  } satisfies Stage);
};
