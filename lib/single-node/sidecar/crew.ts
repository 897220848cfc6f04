import { checkInteger, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';
import type { Sidecar } from './sidecar.ts';
import { within, type Ended } from './within.ts';

/** Whether the program may run without the sidecar. */
export type Need = 'required' | 'optional';

/** `idle`: not started yet; `off`: it failed or was late at the start, and is tried again now and then. */
export type SidecarState = 'idle' | 'running' | 'off' | 'stopped';

export interface SidecarReport {
  readonly name: string;
  readonly need: Need;
  readonly state: SidecarState;
  readonly report?: Json;
}

/** One sidecar with what became of it. */
export interface Member {
  readonly sidecar: Sidecar;
  readonly need: Need;
  readonly log: Log;
  state: SidecarState;
  /** Its start that has not ended, which a late one may not for long. */
  attempt?: Promise<unknown> | undefined;
  /** When one that is off may be tried again, by the monotonic clock. */
  againAtMs: number;
}

export interface CrewOptions {
  readonly required: readonly Sidecar[];
  readonly optional: readonly Sidecar[];
  readonly clock: Clock;
  readonly log: Log;
  /** For all starts together. 1..600_000 ms. */
  readonly startMs: number;
  /** For all stops together. 1..600_000 ms. */
  readonly stopMs: number;
}

/** Sidecars that live and end together. */
export interface Crew {
  /** All of them, required ones first, each group in the order in which it was given. */
  readonly members: readonly Member[];
  /**
   * Starts those that do not run yet, one after the other. An optional one that fails or is late is off.
   *
   * @throws {@link PatternError} `sidecar/start-failed` (retryable) when a required one failed or was late. It may be
   *   called again: what runs goes on running, the rest is tried again.
   */
  start(): Promise<void>;
  /**
   * Starts those again that are off, each 5 s after its last try at the soonest, and not before that has ended; within
   * `startMs` in all. Undefined when none is due, or a try runs. Never rejects.
   */
  startAgain(): Promise<void> | undefined;
  /**
   * Stops what runs, in reverse order, and never throws. Whoever is late is left behind. Gives the names of those that
   * failed or were late. Asked again, it gives the same.
   *
   * @param ms How long the stops may take together, `stopMs` unless told.
   */
  stop(ms?: number): Promise<readonly string[]>;
  report(): readonly SidecarReport[];
}

const NAME = /^[a-z0-9-]{1,64}$/;
const LONGEST_MS = 600_000;
const AGAIN_MS = 5_000;

const checkSidecars = (sidecars: readonly Sidecar[]): void => {
  for (const [index, { name }] of sidecars.entries()) {
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw refuse('sidecar.name', '1 to 64 characters of a-z, 0-9 and -', name);
    }
    if (sidecars.findIndex((other) => other.name === name) !== index) {
      throw refuse('sidecar.name', 'unique among the sidecars of a program', name);
    }
  }
};

const reportOf = ({ sidecar, need, state, log }: Member): SidecarReport => {
  const own = { name: sidecar.name, need, state };
  if (state !== 'running' || sidecar.report === undefined) return own;
  try {
    return { ...own, report: sidecar.report() };
  } catch (error) {
    log.warn('sidecar has no report', { error });
    return own;
  }
};

/** Without time left it is called all the same, and told so: it may release at once, but is not waited for. */
const stopMember = async ({ sidecar }: Member, clock: Clock, ms: number): Promise<Ended<void>> => {
  const stop = async (signal: AbortSignal): Promise<void> => sidecar.stop?.(signal);
  if (ms > 0) return within(clock, ms, stop);
  void stop(AbortSignal.abort()).catch(() => undefined);
  return { status: 'late' };
};

/** Starts one that is not running. The error, when it did not come up; a late start that succeeds after all is undone. */
const startMember = async (member: Member, crew: CrewOptions, ms: number, stopping: AbortSignal): Promise<unknown> => {
  const { sidecar, log } = member;
  const stopped = new PatternError('sidecar/stopped', `The sidecar ${sidecar.name} is being stopped`);
  const late = new PatternError('sidecar/late', `The sidecar ${sidecar.name} was late`, { retryable: true });
  if (stopping.aborted) return stopped;
  if (ms <= 0) return late;
  const beganMs = crew.clock.monotonicMs();
  let isUp = false;
  let isGivenUp = false;
  const before = member.attempt;
  const attempt = async (tooLate: AbortSignal): Promise<void> => {
    // Two starts of one sidecar at the same time would undo each other.
    if (before !== undefined) await before;
    if (tooLate.aborted) return;
    await sidecar.start?.({ clock: crew.clock, log, signal: AbortSignal.any([tooLate, stopping]) });
    isUp = !isGivenUp && !stopping.aborted;
    if (!isUp) await sidecar.stop?.(AbortSignal.abort());
  };
  const ended = await within(crew.clock, ms, (tooLate) => {
    const run = attempt(tooLate);
    const mine = run
      .catch(() => undefined)
      .finally(() => {
        if (member.attempt === mine) member.attempt = undefined;
      });
    member.attempt = mine;
    return run;
  });
  // It may have come up in the very turn in which the stop began, or the time was over.
  if (stopping.aborted && isUp) await stopMember(member, crew.clock, 0);
  if (stopping.aborted) return stopped;
  isGivenUp = !isUp;
  if (isGivenUp) return ended.status === 'failed' ? ended.error : late;
  member.state = 'running';
  log.info('sidecar started', { tookMs: Math.round(crew.clock.monotonicMs() - beganMs) });
  return undefined;
};

const crewOf = (options: CrewOptions): Member[] =>
  (['required', 'optional'] as const).flatMap((need) =>
    options[need].map((sidecar) => ({
      sidecar,
      need,
      log: options.log.child({ sidecar: sidecar.name }),
      state: 'idle' as SidecarState,
      againAtMs: 0,
    })),
  );

/** @throws {@link InvalidArgumentError} when a name is not allowed or not unique, or a time is out of range */
export const crew = (options: CrewOptions): Crew => {
  const { clock, startMs, stopMs } = options;
  checkSidecars([...options.required, ...options.optional]);
  checkInteger('startMs', startMs, 1, LONGEST_MS);
  checkInteger('stopMs', stopMs, 1, LONGEST_MS);
  const members = crewOf(options);
  const stopping = new AbortController();
  let stopped: Promise<readonly string[]> | undefined;
  let again: Promise<void> | undefined;

  const start = async (starters: readonly Member[]): Promise<void> => {
    const endsAtMs = clock.monotonicMs() + startMs;
    for (const member of starters) {
      const error = await startMember(member, options, endsAtMs - clock.monotonicMs(), stopping.signal);
      if (error === undefined) continue;
      member.log.error('sidecar did not start', { need: member.need, error });
      if (member.need === 'required') {
        const what = `The required sidecar ${member.sidecar.name} did not start`;
        throw new PatternError('sidecar/start-failed', what, { retryable: true, cause: error });
      }
      if (stopping.signal.aborted) return;
      member.state = 'off';
      member.againAtMs = clock.monotonicMs() + AGAIN_MS;
    }
  };

  const startAgain = (): Promise<void> | undefined => {
    const nowMs = clock.monotonicMs();
    const due = members.filter((each) => each.state === 'off' && !each.attempt && nowMs >= each.againAtMs);
    if (again !== undefined || due.length === 0 || stopping.signal.aborted) return undefined;
    again = start(due).finally(() => {
      again = undefined;
    });
    return again;
  };

  const stopAll = async (ms: number): Promise<readonly string[]> => {
    stopping.abort();
    const endsAtMs = clock.monotonicMs() + ms;
    const unclean: string[] = [];
    for (const member of members.toReversed()) {
      const wasRunning = member.state === 'running';
      member.state = 'stopped';
      if (!wasRunning) continue;
      const ended = await stopMember(member, clock, endsAtMs - clock.monotonicMs());
      if (ended.status === 'done') continue;
      unclean.unshift(member.sidecar.name);
      const error = ended.status === 'failed' ? ended.error : undefined;
      member.log.error('sidecar did not stop cleanly', { status: ended.status, error });
    }
    return unclean;
  };

  return Object.freeze({
    members,
    start: () => start(members.filter(({ state }) => state === 'idle')),
    startAgain,
    stop: (ms = stopMs) => (stopped ??= stopAll(ms)),
    report: () => members.map(reportOf),
  });
};
