import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import { PatternError } from '#primitives/errors';
import { FAULT_KINDS, makesSense, type FaultKind, type FaultRule } from '#primitives/memory/fault-rules';
import type { InjectedFault } from '#primitives/memory/faults';
import { seededRandom } from '#primitives/memory/random';
import type { Operation } from '#primitives/memory/wire';
import type { Random } from '#primitives/random';
import { errorText } from './error-text.ts';
import { openWorld, type OpenWorld, type World, type WorldOptions } from './world.ts';

/** Builds something in a world, lets it run and throws when a promise was broken. It takes all chance from the world. */
export type Scenario = (world: World) => Promise<void>;

/** What decides a run. */
export type Run = Pick<WorldOptions, 'seed' | 'faults'>;

/**
 * A run in which a promise was broken, with the fewest faults that were found: give it to {@link replay}. The message
 * also tells which functions failed by errors of their own, which may be why.
 */
export class SimulationFailure extends PatternError {
  readonly run: Run;
  readonly injected: readonly InjectedFault[];

  constructor({ run, injected, error, failures }: { readonly run: Run } & Failed) {
    const list = injected.map(({ kind, call, operation }) => `${kind} at call ${call}, ${nameOf(operation)}`);
    const lines = [
      errorText(error),
      `Seed ${run.seed}, faults: ${list.join('; ') || 'none'}`,
      `Replay: ${JSON.stringify(run)}`,
      ...failures,
    ];
    super('simulation/broken-promise', lines.join('\n'), { cause: error });
    this.run = run;
    this.injected = injected;
  }
}

interface Failed {
  readonly injected: readonly InjectedFault[];
  readonly error: unknown;
  /** Of functions, by errors of their own. */
  readonly failures: readonly string[];
}

interface Attempt {
  readonly calls: readonly Operation[];
  readonly injected: readonly InjectedFault[];
  readonly failed?: Failed;
}

export interface SweepOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Which calls are hit. Default: every write. */
  readonly where?: (operation: Operation) => boolean;
}

export interface SeedsOptions {
  /** 1..1_000_000. */
  readonly count: number;
  /** The first seed, 0..2³² − `count`. Default 1. */
  readonly from?: number;
  /** So many faults in a run at most: fewer than the receives that a message has. Default 8. */
  readonly faultLimitCount?: number;
  /** What may go wrong in a run. Default {@link mixedFaults}. */
  readonly faults?: (random: Random) => readonly FaultRule[];
}

/** What was not tried did not hold. */
const nothingTried = (what: string): PatternError =>
  new PatternError(
    'simulation/nothing-tried',
    `There were ${what}. Only calls of functions, and of clients (\`w.client\`), meet faults: not what a scenario calls itself`,
  );

const nameOf = ({ operation, name }: Operation): string => `${operation} of ${name}`;
/** Late enough that what follows has been written, and later than a visibility timeout. */
const LATE_MS: readonly number[] = [100, 3_000, 40_000];
/** Which waits make a difference: a late write meets what was written meanwhile; a caller that waits just waits. */
const waitsOf = (kind: FaultKind): readonly (number | undefined)[] => {
  if (kind === 'late') return LATE_MS;
  return kind === 'delay' || kind === 'hang' ? LATE_MS.slice(-1) : [undefined];
};
const RATES: readonly number[] = [0.002, 0.01, 0.04];
const SHRINK_TRIES = 200;

/** Runs the scenario, and raises what it missed: what a watcher found, and a rejection that nobody waited for. */
const play = async (scenario: Scenario, { world, problem }: OpenWorld): Promise<void> => {
  const overlooked: unknown[] = [];
  const overlook = (error: unknown): void => {
    overlooked.push(error);
  };
  process.on('unhandledRejection', overlook);
  try {
    await scenario(world);
    // Rejections are told when a turn of the loop ends.
    await setImmediate();
  } finally {
    process.off('unhandledRejection', overlook);
  }
  const found = problem();
  if (found !== undefined) throw found.error;
  const [cause] = overlooked;
  if (overlooked.length > 0)
    throw new PatternError('simulation/not-awaited', `Nobody waited for what failed: ${errorText(cause)}`, { cause });
};

const attempt = async (scenario: Scenario, options: WorldOptions): Promise<Attempt> => {
  const open = openWorld(options);
  const { calls, injected } = open.world;
  try {
    await play(scenario, open);
    return { calls: calls(), injected: injected() };
  } catch (error) {
    const failed = { injected: injected(), error, failures: open.failures() };
    return { calls: calls(), injected: injected(), failed };
  }
};

const notRepeatable = (seed: number, what: string, cause?: unknown): PatternError =>
  new PatternError(
    'simulation/not-repeatable',
    `Seed ${seed}: ${what}. A scenario takes chance, time and whatever else from its world, and keeps nothing for the next`,
    { cause },
  );

const ruleOf = ({ kind, call, ms, chance }: InjectedFault): FaultRule => ({ kind, call, ms, chance });

/** What is wrong, without who has it: by the first word of it, as in `lost: a`, and `2 times: b`. */
const sortOf = ({ error }: Failed): string => {
  const name = error instanceof Error ? error.name : typeof error;
  return `${name} ${/\p{L}+/u.exec(errorText(error))?.[0] ?? ''}`;
};

/** The schedules with one fault less. What was called again because of it is not called without it: so all later calls move. */
const without = (faults: readonly FaultRule[], at: number): readonly (readonly FaultRule[])[] => {
  const [before, behind] = [faults.slice(0, at), faults.slice(at + 1)];
  const earlier = behind.map((rule) => ({ ...rule, call: Math.max(1, (rule.call ?? 1) - 1) }));
  return behind.length === 0 ? [before] : [earlier, behind].map((rest) => [...before, ...rest]);
};

/** Drops faults one by one, as long as the run still fails in the same way; then makes the run that it tells once more. */
const shortest = async (scenario: Scenario, seed: number, failed: Failed): Promise<SimulationFailure> => {
  let best: Failed = failed;
  let tries = 0;
  /** The same failure with the fault at this place dropped, if there is one. */
  const dropped = async (at: number): Promise<Failed | undefined> => {
    for (const faults of without(best.injected.map(ruleOf), at)) {
      tries += 1;
      const next = await attempt(scenario, { seed, faults });
      if (next.failed !== undefined && sortOf(next.failed) === sortOf(failed)) return next.failed;
    }
    return undefined;
  };
  for (let at = 0; at < best.injected.length && tries < SHRINK_TRIES;) {
    const next = await dropped(at);
    best = next ?? best;
    // What was needed beside this fault may be of no use without it.
    at = next === undefined ? at + 1 : 0;
  }
  return failureOf(scenario, { seed, faults: best.injected.map(ruleOf) }, best);
};

/** A failure that can be replayed: its run is made once more. */
const failureOf = async (scenario: Scenario, run: Run, failed: Failed): Promise<SimulationFailure> => {
  const again = await attempt(scenario, run);
  if (again.failed === undefined)
    throw notRepeatable(
      run.seed,
      `it failed by '${errorText(failed.error)}', and does not when it is replayed`,
      failed.error,
    );
  return new SimulationFailure({ run, ...failed });
};

/**
 * Runs a scenario once as it is, and then once more for each of its writes and each kind of fault that can happen to
 * that write: a crash before the k-th write, a crash after it, its answer lost, and so on.
 *
 * @returns How many calls were hit, one or more, and how many runs that took.
 * @throws {@link SimulationFailure} at the first run in which a promise was broken
 * @throws {@link PatternError} `simulation/nothing-tried` when there was no call to hit, `simulation/not-repeatable` when
 *   a run of the same seed took another course before its fault, or a failure does not come again
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const sweep = async (
  scenario: Scenario,
  options: SweepOptions = {},
): Promise<{ readonly callCount: number; readonly runCount: number }> => {
  checkNames(options, ['seed', 'kinds', 'where']);
  const { seed = 1, kinds = FAULT_KINDS, where = ({ isWrite }) => isWrite } = options;
  const strange = kinds.find((kind) => !FAULT_KINDS.includes(kind));
  if (strange !== undefined) throw refuse('kinds', `made of ${FAULT_KINDS.join(', ')}`, strange);
  const undisturbed = await attempt(scenario, { seed });
  if (undisturbed.failed !== undefined) throw await failureOf(scenario, { seed }, undisturbed.failed);
  let callCount = 0;
  let runCount = 1;
  for (const [index, operation] of undisturbed.calls.entries()) {
    if (!where(operation)) continue;
    const ways = kinds.filter((kind) => makesSense(kind, operation));
    if (ways.length > 0) callCount += 1;
    for (const kind of ways) {
      for (const ms of waitsOf(kind)) {
        const faults = [{ kind, call: index + 1, ...(ms === undefined ? {} : { ms }) }];
        const { failed, injected } = await attempt(scenario, { seed, faults });
        runCount += 1;
        if (failed !== undefined) throw await failureOf(scenario, { seed, faults }, failed);
        const hit = injected[0]?.operation;
        if (hit === undefined || nameOf(hit) !== nameOf(operation))
          throw notRepeatable(
            seed,
            `call ${index + 1} was ${nameOf(operation)}, and now is ${hit === undefined ? 'none' : nameOf(hit)}`,
          );
      }
    }
  }
  if (callCount === 0) throw nothingTried(`${undisturbed.calls.length} calls, and no fault for any of them`);
  return { callCount, runCount };
};

/** Rules for one run: of each kind of fault it has few, some or many, or none at all. */
export const mixedFaults = (random: Random): readonly FaultRule[] => {
  const oneOf = <T>(list: readonly T[]): T | undefined => list[Math.floor(random.next() * list.length)];
  return FAULT_KINDS.filter(() => random.next() < 0.7).map((kind) => ({
    kind,
    rate: oneOf(RATES) ?? 1,
    ...(waitsOf(kind)[0] === undefined ? {} : { ms: oneOf(LATE_MS) ?? 0 }),
  }));
};

/**
 * Runs a scenario with one seed after the other and everything mixed in. A failure is shrunk to the fewest faults that
 * still break the promise.
 *
 * @returns How many faults were injected, and of which kinds.
 * @throws {@link SimulationFailure} at the first run in which a promise was broken
 * @throws {@link PatternError} `simulation/nothing-tried` when there were rules and none ever fired,
 *   `simulation/not-repeatable` when a failure does not come again
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const seeds = async (
  scenario: Scenario,
  options: SeedsOptions,
): Promise<{ readonly faultCount: number; readonly kinds: ReadonlySet<FaultKind> }> => {
  checkNames(options, ['count', 'from', 'faultLimitCount', 'faults']);
  const { count, from = 1, faultLimitCount = 8, faults = mixedFaults } = options;
  checkInteger('count', count, 1, 1_000_000);
  checkInteger('from', from, 0, 2 ** 32 - count);
  let ruleCount = 0;
  const kinds = new Set<FaultKind>();
  let faultCount = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const rules = faultLimitCount === 0 ? [] : faults(seededRandom(seed));
    ruleCount += rules.length;
    const { injected, failed } = await attempt(scenario, { seed, faults: rules, faultLimitCount });
    if (failed !== undefined) throw await shortest(scenario, seed, failed);
    for (const { kind } of injected) kinds.add(kind);
    faultCount += injected.length;
  }
  if (ruleCount > 0 && faultCount === 0)
    throw nothingTried(`${ruleCount} rules in ${count} runs, and no fault by any of them`);
  return Object.freeze({ faultCount, kinds });
};

/**
 * Runs a scenario as it once failed.
 *
 * @throws What the scenario throws, and what its run would have failed by otherwise.
 */
export const replay = async (scenario: Scenario, run: Run): Promise<void> => play(scenario, openWorld(run));
