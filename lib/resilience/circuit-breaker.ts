import { checkInteger, checkNames, checkNumber, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { isThenable } from './attempt.ts';
import { breakerMemory } from './breaker-memory.ts';
import type { BreakerRules, BreakerState, Pass } from './breaker-step.ts';
import { CircuitOpenError } from './errors.ts';
import type { TripRule } from './failure-window.ts';

/** When it opens, for how long, and what counts as a failure. */
export interface BreakerOptions extends TripRule {
  /** Names the backend behind it, in errors and in the shared state. 1..200 bytes. */
  readonly name: string;
  readonly clock: Clock;
  /** From the opening to the first probe, and from one probe to the next. 100..3_600_000 ms. */
  readonly openMs: number;
  /**
   * Which errors say that the backend is ill. Default: all. An error that says that the *caller* was wrong is an answer,
   * and proves the backend well.
   */
  readonly isFailure?: (error: unknown) => boolean;
  /** Which values say so, e.g. answers with status 503. Default: none. */
  readonly isFailureValue?: (value: unknown) => boolean;
}

/** What this host knows of the breaker. */
export type BreakerView =
  | { readonly status: 'closed' }
  /** `retryAfterMs`: when this host may ask for the next probe. */
  | { readonly status: 'open'; readonly retryAfterMs: number }
  /** A probe of this host is on its way; everybody else is refused. */
  | { readonly status: 'half-open'; readonly retryAfterMs: number };

/**
 * Stops calls to a backend that fails, and lets one probe through from time to time to see whether it is well again.
 */
export interface CircuitBreaker {
  readonly name: string;
  /**
   * Runs the call when the breaker lets it pass.
   *
   * @throws {@link CircuitOpenError} when it does not: nothing was called
   */
  run<T>(call: () => T | PromiseLike<T>): Promise<T>;
  view(): BreakerView;
  /**
   * For compositions that cannot afford a promise a layer: {@link run} in two parts. Every pass that was given comes back
   * by one of the `exit…`; a probe that never comes back counts as crashed after `openMs`.
   *
   * @throws {@link CircuitOpenError} or rejects with it
   */
  enter(): Pass | Promise<Pass>;
  /**
   * Waits, at most a moment, when there is something to write. Never rejects; throws what the classifier throws.
   *
   * @param latestAtMs When the call has ended at the latest, by the same clock, e.g. its deadline: it may save a look at
   *   the clock. Default: not known.
   */
  exitWithValue(pass: Pass, value: unknown, latestAtMs?: number): void | Promise<void>;
  exitWithError(pass: Pass, error: unknown): void | Promise<void>;
  /** The call ended without telling anything of the backend, e.g. because its caller went away. */
  exitUndecided(pass: Pass): void | Promise<void>;
}

export const BREAKER_OPTIONS: readonly string[] = [
  'name',
  'clock',
  'openMs',
  'windowMs',
  'minCallCount',
  'failureRatio',
  'isFailure',
  'isFailureValue',
];
const HOUR_MS = 3_600_000;

/** @throws {@link InvalidArgumentError} when an option is out of its range; names are checked by the factories. */
export const checkBreaker = (options: BreakerOptions): void => {
  checkText('name', options.name, 1, 200);
  checkInteger('openMs', options.openMs, 100, HOUR_MS);
  checkInteger('windowMs', options.windowMs, 10, HOUR_MS);
  checkInteger('minCallCount', options.minCallCount, 1, 1_000_000);
  checkNumber('failureRatio', options.failureRatio, Number.MIN_VALUE, 1);
};

export const viewOf = (state: BreakerState, nowMs: number): BreakerView => {
  if (state.status === 'closed') return { status: 'closed' };
  const isProbing = state.probe !== undefined || state.claim !== undefined;
  return { status: isProbing ? 'half-open' : 'open', retryAfterMs: Math.max(0, state.dueAtMs - nowMs) };
};

/** What the two kinds of breaker differ in. */
interface Gate {
  readonly view: () => BreakerView;
  readonly enter: () => Pass | Promise<Pass>;
  readonly exit: (pass: Pass, outcome: 'value' | 'failure' | 'undecided', latestAtMs?: number) => void | Promise<void>;
}

export const breakerOf = (options: BreakerOptions, { view, enter, exit }: Gate): CircuitBreaker => {
  const { name, isFailure = () => true, isFailureValue } = options;
  const exitWithValue = (pass: Pass, value: unknown, latestAtMs?: number): void | Promise<void> =>
    exit(pass, isFailureValue?.(value) === true ? 'failure' : 'value', latestAtMs);
  const exitWithError = (pass: Pass, error: unknown): void | Promise<void> =>
    exit(pass, isFailure(error) ? 'failure' : 'value');
  return Object.freeze<CircuitBreaker>({
    name,
    view,
    enter,
    exitWithValue,
    exitWithError,
    exitUndecided: (pass) => exit(pass, 'undecided'),
    run: async (call) => {
      const entered = enter();
      const pass = isThenable(entered) ? await entered : entered;
      let value;
      try {
        const begun = call();
        value = isThenable(begun) ? await begun : begun;
      } catch (error) {
        await exitWithError(pass, error);
        throw error;
      }
      const told = exitWithValue(pass, value);
      if (told !== undefined) await told;
      return value;
    },
  });
};

/**
 * A breaker for the calls of this process.
 *
 * Closed, it counts; at `failureRatio` of at least `minCallCount` calls of the last `windowMs` it opens. Open, it refuses
 * everything at once, except one probe each `openMs`, however many callers wait for it. A probe that ends well closes it
 * with an empty window; one that fails, or never ends, changes nothing, and the next one goes out after `openMs`.
 *
 * Uses no timers: it is open as long as nobody asks.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see https://martinfowler.com/bliki/CircuitBreaker.html
 */
export const circuitBreaker = (options: BreakerOptions): CircuitBreaker => {
  checkNames(options, BREAKER_OPTIONS);
  checkBreaker(options);
  const { name, clock, openMs, windowMs, minCallCount, failureRatio } = options;
  const rules: BreakerRules = { trip: { windowMs, minCallCount, failureRatio }, waitMs: openMs, slackMs: 0 };
  const { state, happened, isCounted } = breakerMemory(clock, rules);
  let probeCount = 0;

  return breakerOf(options, {
    view: () => viewOf(state(), clock.monotonicMs()),
    enter: () => {
      const known = state();
      if (known.status === 'closed') return known.era;
      const nowMs = clock.monotonicMs();
      const mark = `probe-${(probeCount += 1)}`;
      // Nobody else can have the state: what is asked for is granted in the same instant.
      happened({ kind: 'asked', mark }, nowMs);
      const now = happened({ kind: 'claimed', mark }, nowMs);
      if (now.status === 'open' && now.probe !== mark) throw new CircuitOpenError(name, now.dueAtMs - nowMs);
      return mark;
    },
    exit: (pass, outcome, latestAtMs = Infinity) => {
      if (outcome === 'value' && isCounted(pass, latestAtMs)) return;
      const known = state();
      const isProbe = known.status === 'open' && known.probe === pass;
      const nowMs = clock.monotonicMs();
      happened({ kind: 'ended', pass, outcome }, nowMs);
      if (isProbe && outcome === 'value') happened({ kind: 'closed', from: pass, mark: pass }, nowMs);
    },
  });
};
