import { checkInteger, checkNames } from '#primitives/checks';
import { PatternError } from '#primitives/errors';
import { FAULT_KINDS, makesSense, type FaultKind, type FaultRule } from '#primitives/memory/fault-rules';
import type { InjectedFault } from '#primitives/memory/faults';
import { seededRandom } from '#primitives/memory/random';
import type { Operation } from '#primitives/memory/wire';
import type { Random } from '#primitives/random';
import { world, type World, type WorldOptions } from './world.ts';

/** Builds something in a world, lets it run and throws when a promise was broken. It takes all chance from the world. */
export type Scenario = (world: World) => Promise<void>;

/** What decides a run. */
export type Run = Pick<WorldOptions, 'seed' | 'faults'>;

/** A run in which a promise was broken, with the fewest faults that were found: give it to {@link replay}. */
export class SimulationFailure extends PatternError {
  readonly run: Run;
  readonly injected: readonly InjectedFault[];

  constructor({ run, injected, error }: { readonly run: Run } & Failed) {
    const list = injected.map(({ kind, call, operation }) => `${kind} at call ${call}, ${nameOf(operation)}`);
    const what = error instanceof Error ? error.message : String(error);
    super(
      'simulation/broken-promise',
      `${what}\nSeed ${run.seed}, faults: ${list.join('; ') || 'none'}\nReplay: ${JSON.stringify(run)}`,
      { cause: error },
    );
    this.run = run;
    this.injected = injected;
  }
}

interface Failed {
  readonly injected: readonly InjectedFault[];
  readonly error: unknown;
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
  /** The first seed. Default 1. */
  readonly from?: number;
  /** So many faults in a run at most: fewer than the receives that a message has. Default 8. */
  readonly faultLimitCount?: number;
  /** What may go wrong in a run. Default {@link mixedFaults}. */
  readonly faults?: (random: Random) => readonly FaultRule[];
}

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

const attempt = async (scenario: Scenario, options: WorldOptions): Promise<Attempt> => {
  const w = world(options);
  try {
    await scenario(w);
    return { calls: w.calls(), injected: w.injected() };
  } catch (error) {
    return { calls: w.calls(), injected: w.injected(), failed: { injected: w.injected(), error } };
  }
};

const ruleOf = ({ kind, call, ms, chance }: InjectedFault): FaultRule => ({ kind, call, ms, chance });

/** Drops faults one by one, as long as the run still fails. */
const shortest = async (scenario: Scenario, seed: number, failed: Failed): Promise<SimulationFailure> => {
  let best: Failed = failed;
  let tries = 0;
  for (let at = 0; at < best.injected.length && tries < SHRINK_TRIES; tries += 1) {
    const fewer = best.injected.toSpliced(at, 1).map(ruleOf);
    const next = await attempt(scenario, { seed, faults: fewer });
    if (next.failed === undefined) {
      at += 1;
      continue;
    }
    best = next.failed;
    // What was needed beside this fault may be of no use without it.
    at = 0;
  }
  return new SimulationFailure({ run: { seed, faults: best.injected.map(ruleOf) }, ...best });
};

/**
 * Runs a scenario once as it is, and then once more for each of its writes and each kind of fault that can happen to
 * that write: a crash before the k-th write, a crash after it, its answer lost, and so on.
 *
 * @returns How many calls were hit and how many runs that took.
 * @throws {@link SimulationFailure} at the first run in which a promise was broken
 */
export const sweep = async (
  scenario: Scenario,
  options: SweepOptions = {},
): Promise<{ readonly callCount: number; readonly runCount: number }> => {
  checkNames(options, ['seed', 'kinds', 'where']);
  const { seed = 1, kinds = FAULT_KINDS, where = ({ isWrite }) => isWrite } = options;
  const undisturbed = await attempt(scenario, { seed });
  if (undisturbed.failed !== undefined) throw new SimulationFailure({ run: { seed }, ...undisturbed.failed });
  let callCount = 0;
  let runCount = 1;
  for (const [index, operation] of undisturbed.calls.entries()) {
    if (!where(operation)) continue;
    callCount += 1;
    for (const kind of kinds) {
      if (!makesSense(kind, operation)) continue;
      for (const ms of waitsOf(kind)) {
        const faults = [{ kind, call: index + 1, ...(ms === undefined ? {} : { ms }) }];
        const { failed } = await attempt(scenario, { seed, faults });
        runCount += 1;
        if (failed !== undefined) throw new SimulationFailure({ run: { seed, faults }, ...failed });
      }
    }
  }
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
 */
export const seeds = async (
  scenario: Scenario,
  options: SeedsOptions,
): Promise<{ readonly faultCount: number; readonly kinds: ReadonlySet<FaultKind> }> => {
  checkNames(options, ['count', 'from', 'faultLimitCount', 'faults']);
  const { count, from = 1, faultLimitCount = 8, faults = mixedFaults } = options;
  checkInteger('count', count, 1, 1_000_000);
  const kinds = new Set<FaultKind>();
  let faultCount = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const rules = faults(seededRandom(seed));
    const { injected, failed } = await attempt(scenario, { seed, faults: rules, faultLimitCount });
    if (failed !== undefined) throw await shortest(scenario, seed, failed);
    for (const { kind } of injected) kinds.add(kind);
    faultCount += injected.length;
  }
  return Object.freeze({ faultCount, kinds });
};

/**
 * Runs a scenario as it once failed.
 *
 * @throws What the scenario throws.
 */
export const replay = async (scenario: Scenario, run: Run): Promise<void> => scenario(world(run));
