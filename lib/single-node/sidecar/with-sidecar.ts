import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import { crew, type Member, type SidecarReport } from './crew.ts';
import { runHooks } from './hooks.ts';
import { invocations } from './invocation.ts';
import type { Invocation, Outcome, Sidecar } from './sidecar.ts';
import { within } from './within.ts';

/** A function as a platform calls it. */
export type FunctionHandler<Event, Context, Answer> = (event: Event, context: Context) => Promise<Answer> | Answer;

/** Which sidecars stand beside the function. Required ones come first in everything. */
export interface Sidecars {
  /** The function is not called without them: when one does not start, or its `before` fails, the call fails. */
  readonly required?: readonly Sidecar[];
  /** The function is called with or without them: whatever they do, the answer is the same. */
  readonly optional?: readonly Sidecar[];
}

export interface WithSidecarOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For all starts together; the first call waits for them. 1..600_000 ms. */
  readonly startMs: number;
  /** For all before-hooks of a call together: the most that they delay an answer. 1..600_000 ms. */
  readonly beforeMs: number;
  /** For all after-hooks of a call together. 1..600_000 ms. */
  readonly afterMs: number;
  /** For what still runs, and then once more for all stops together. 1..600_000 ms. */
  readonly stopMs: number;
  /** For how many calls after-hooks may be pending; those of further calls are left out, and counted. 1..10_000. */
  readonly maxPendingAfter: number;
  /** When it is aborted, everything is stopped. */
  readonly shutdown?: AbortSignal;
}

/** What a function with sidecars says of them. */
export interface SidecarsReport {
  readonly sidecars: readonly SidecarReport[];
  readonly invocationCount: number;
  /** Calls whose after-hooks have not ended, and calls whose after-hooks were left out. */
  readonly pendingAfterCount: number;
  readonly skippedAfterCount: number;
}

export interface SidecarHandler<Event, Context, Answer> {
  (event: Event, context: Context): Promise<Answer>;
  /** Starts the sidecars before the first call, e.g. while the function is loaded. Otherwise the first call does it. */
  start(): Promise<void>;
  /** Waits for calls and after-hooks that run, then stops the sidecars. Calls that come later fail. Never throws. */
  stop(): Promise<void>;
  report(): SidecarsReport;
}

const OPTIONS = ['clock', 'log', 'startMs', 'beforeMs', 'afterMs', 'stopMs', 'maxPendingAfter', 'shutdown'];
const LONGEST_MS = 600_000;
const MOST_PENDING = 10_000;

const validate = (sidecars: Sidecars, options: WithSidecarOptions): void => {
  checkNames(sidecars, ['required', 'optional']);
  checkNames(options, OPTIONS);
  checkInteger('beforeMs', options.beforeMs, 1, LONGEST_MS);
  checkInteger('afterMs', options.afterMs, 1, LONGEST_MS);
  checkInteger('maxPendingAfter', options.maxPendingAfter, 1, MOST_PENDING);
};

const refusal = (kind: string, what: string, cause?: unknown): PatternError =>
  new PatternError(`sidecar/${kind}`, what, { retryable: true, cause });

/** Calls work that is counted while it runs, so that a stop can wait for it. */
const counted = () => {
  const running = new Set<Promise<unknown>>();
  return {
    size: () => running.size,
    add: <T>(work: Promise<T>): Promise<T> => {
      running.add(work);
      const forget = (): void => void running.delete(work);
      work.then(forget, forget);
      return work;
    },
    ended: () => Promise.allSettled(running),
  };
};

const runBefore = async (
  members: readonly Member[],
  invocation: Invocation,
  { clock, beforeMs }: WithSidecarOptions,
): Promise<void> => {
  const failure = await runHooks({
    members,
    clock,
    ms: Math.min(beforeMs, invocation.remainingMs()),
    hook: 'before',
    stopsAtRequired: true,
    call: (sidecar, signal) => sidecar.before?.(invocation, signal),
    invocation: invocation.id,
  });
  if (failure === undefined) return;
  const { member, error } = failure;
  throw refusal('before-failed', `The required sidecar ${member.sidecar.name} was not ready`, error);
};

const runAfter = async (
  members: readonly Member[],
  invocation: Invocation,
  outcome: Outcome,
  { clock, afterMs }: WithSidecarOptions,
): Promise<void> => {
  // The answer goes out first: whoever waits for it runs in this turn of the event loop, the hooks in the next.
  await clock.sleep(0);
  await runHooks({
    members: members.toReversed(),
    clock,
    ms: afterMs,
    hook: 'after',
    stopsAtRequired: false,
    call: (sidecar, signal) => sidecar.after?.(invocation, outcome, signal),
    invocation: invocation.id,
  });
};

/**
 * Puts sidecars beside a function that does not know of them: they start once, look at each call before and after, and
 * stop with the process. The answer, or the error, is the function's own.
 *
 * Order: starts and before-hooks run one after the other, required sidecars first, as given; after-hooks and stops run
 * in reverse. All before-hooks of a call together delay it by `beforeMs` at most. After-hooks never delay the answer:
 * they start one turn of the event loop after it was handed over, and what they throw is logged. A sidecar that blocks
 * the event loop blocks the function too: nothing in the same process can prevent that.
 *
 * Crash: hooks that were running are lost; nothing of them is kept. A required sidecar that did not start is tried
 * again at the next call. An optional one is tried again at a call, 5 s after its last try at the soonest: that call waits
 * for it within its `beforeMs`, behind the hooks; the start goes on beside the calls, for `startMs` at most.
 *
 * @remarks On Lambda the process is frozen soon after the answer, in the middle of a hook if need be; the hook goes on
 * at the next call, or never. Do in `before` what must have happened, or run the sidecar as an extension, for which
 * the platform waits.
 *
 * @example
 * export const handler = withSidecar(legacy, { required: [config], optional: [usage] }, {
 *   clock: systemClock(), log, startMs: 5_000, beforeMs: 200, afterMs: 1_000, stopMs: 1_000, maxPendingAfter: 100,
 * });
 * @throws {@link InvalidArgumentError} when an option is out of range, or a name of a sidecar not allowed or not unique
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
export const withSidecar = <Event, Context, Answer>(
  handler: FunctionHandler<Event, Context, Answer>,
  sidecars: Sidecars,
  options: WithSidecarOptions,
): SidecarHandler<Event, Context, Answer> => {
  validate(sidecars, options);
  const { clock, log, startMs, stopMs, maxPendingAfter, shutdown } = options;
  const { required = [], optional = [] } = sidecars;
  const team = crew({ required, optional, clock, log, startMs, stopMs });
  const describe = invocations();
  const calls = counted();
  const afters = counted();
  let starting: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let skippedAfterCount = 0;

  const start = (): Promise<void> => {
    starting ??= team.start().catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  };

  const running = (): readonly Member[] => team.members.filter(({ state }) => state === 'running');

  const follow = (invocation: Invocation, outcome: Outcome): void => {
    if (afters.size() >= maxPendingAfter) skippedAfterCount += 1;
    else void afters.add(runAfter(running(), invocation, outcome, options));
  };

  const call = async (event: Event, context: Context): Promise<Answer> => {
    const invocation = describe.next(event, context);
    await start();
    const goesOnAtMs = clock.monotonicMs() + Math.min(options.beforeMs, invocation.remainingMs());
    await runBefore(running(), invocation, options);
    // Behind the hooks: a start takes none of the time that a required sidecar has for this call.
    const again = team.startAgain();
    const leftMs = goesOnAtMs - clock.monotonicMs();
    if (again !== undefined && leftMs > 0) await within(clock, leftMs, () => again);
    const beganMs = clock.monotonicMs();
    try {
      const answer = await handler(event, context);
      follow(invocation, { status: 'succeeded', answer, tookMs: clock.monotonicMs() - beganMs });
      return answer;
    } catch (error) {
      follow(invocation, { status: 'failed', error, tookMs: clock.monotonicMs() - beganMs });
      throw error;
    }
  };

  const stopAll = async (): Promise<void> => {
    await within(clock, stopMs, async () => {
      await calls.ended();
      await afters.ended();
    });
    await team.stop();
  };
  const stop = (): Promise<void> => (stopped ??= stopAll());
  if (shutdown?.aborted === true) void stop();
  else shutdown?.addEventListener('abort', () => void stop(), { once: true });

  const guarded = (event: Event, context: Context): Promise<Answer> =>
    stopped === undefined
      ? calls.add(call(event, context))
      : Promise.reject(refusal('stopped', 'The function is being stopped'));

  return Object.assign(guarded, {
    start,
    stop,
    report: (): SidecarsReport => ({
      sidecars: team.report(),
      invocationCount: describe.count(),
      pendingAfterCount: afters.size(),
      skippedAfterCount,
    }),
  });
};
