import type { WholePolicy } from './policy.ts';

/** What is seen of a queue and its workers at an instant. */
export interface ScalingObservation {
  readonly atMs: number;
  /** Items that wait. On AWS approximate. */
  readonly visibleCount: number;
  /** Items that are being worked on. */
  readonly inFlightCount: number;
  /** How many have ended since the last observation. */
  readonly endedCount: number;
  /** How long workers were busy with them, all together. */
  readonly busyMs: number;
}

/** What is remembered from one step to the next. JSON, so that it can be kept in a table. */
export interface ScalingState {
  readonly concurrency: number;
  readonly seen?: { readonly atMs: number; readonly backlogCount: number };
  /** Averages; absent until there was something to measure. */
  readonly arrivalsPerMs?: number;
  /** What one of the workers gets done. */
  readonly endsPerBusyMs?: number;
  /** What was needed lately, the newest last. */
  readonly needs: readonly { readonly atMs: number; readonly concurrency: number }[];
}

export interface ScalingAdvice {
  readonly state: ScalingState;
  readonly concurrency: number;
  /** `hold`: within the tolerance. `wait`: fewer would do, but not yet for long enough. `learn`: nothing ended so far. */
  readonly reason: 'up' | 'down' | 'hold' | 'wait' | 'learn';
  /** In how long the backlog is gone at this concurrency; null when it never is, or nobody knows yet. */
  readonly drainMs: number | null;
}

/** Older needs are joined, so that the state stays small however often it is asked. */
const MAX_NEEDS = 60;

export const scalingStart = (concurrency: number): ScalingState => Object.freeze({ concurrency, needs: [] });

/** The share of the new value grows with the time that it stands for, whatever the period of the steps. */
const averaged = (before: number | undefined, now: number, overMs: number, smoothingMs: number): number =>
  before === undefined ? now : before + (now - before) * (1 - Math.exp(-overMs / smoothingMs));

const measured = (state: ScalingState, seen: ScalingObservation, smoothingMs: number) => {
  const { atMs, endedCount, busyMs } = seen;
  const backlogCount = seen.visibleCount + seen.inFlightCount;
  const overMs = state.seen === undefined ? 0 : atMs - state.seen.atMs;
  let { arrivalsPerMs, endsPerBusyMs } = state;
  if (state.seen !== undefined && overMs > 0) {
    // Nobody counts what arrives: it is what has ended and what there is more of now.
    const arrived = Math.max(0, backlogCount - state.seen.backlogCount + endedCount);
    arrivalsPerMs = averaged(arrivalsPerMs, arrived / overMs, overMs, smoothingMs);
  }
  if (busyMs > 0 && endedCount > 0)
    endsPerBusyMs = averaged(endsPerBusyMs, endedCount / busyMs, Math.max(overMs, 1), smoothingMs);
  return { backlogCount, arrivalsPerMs, endsPerBusyMs };
};

const window = (needs: ScalingState['needs'], fromMs: number): ScalingState['needs'] => {
  const recent = needs.filter(({ atMs }) => atMs >= fromMs);
  if (recent.length <= MAX_NEEDS) return recent;
  const [first, second, ...rest] = recent;
  if (first === undefined || second === undefined) return recent;
  return [{ atMs: second.atMs, concurrency: Math.max(first.concurrency, second.concurrency) }, ...rest];
};

/**
 * How many should work at a time, from what arrives, what one of them gets done, and what waits or is in flight:
 * enough for what arrives, and to work off the backlog within `drainMs`.
 *
 * More are asked for at once, fewer only when no more were needed for `downAfterMs`, neither for a difference within the
 * tolerance: so that it does not swing. It says how many may begin from now on. What is in flight is counted as backlog
 * and never ended.
 *
 * Pure: the same state, observation and policy give the same advice.
 *
 * @param policy Whole, as {@link checkedPolicy} gives it.
 * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html (backlog per instance)
 */
export const scalingStep = (state: ScalingState, seen: ScalingObservation, policy: WholePolicy): ScalingAdvice => {
  const { minConcurrency, maxConcurrency, drainMs, downAfterMs, tolerance, smoothingMs } = policy;
  const { backlogCount, arrivalsPerMs, endsPerBusyMs } = measured(state, seen, smoothingMs);
  const bounded = (count: number): number => Math.min(maxConcurrency, Math.max(minConcurrency, Math.ceil(count)));
  const current = bounded(state.concurrency);
  const needed =
    endsPerBusyMs === undefined
      ? current
      : bounded(((arrivalsPerMs ?? 0) + backlogCount / drainMs) / endsPerBusyMs - 1e-9);
  // At the first look nobody knows how long it has been so: what there is counts as needed until now.
  const sinceStart = state.seen === undefined ? Math.max(needed, current) : needed;
  const needs = window([...state.needs, { atMs: seen.atMs, concurrency: sinceStart }], seen.atMs - downAfterMs);
  const highest = Math.max(...needs.map(({ concurrency }) => concurrency));

  const decide = (): Pick<ScalingAdvice, 'concurrency' | 'reason'> => {
    if (endsPerBusyMs === undefined) return { concurrency: current, reason: 'learn' };
    if (needed > current * (1 + tolerance)) return { concurrency: needed, reason: 'up' };
    if (highest < current * (1 - tolerance)) return { concurrency: highest, reason: 'down' };
    return { concurrency: current, reason: needed < current * (1 - tolerance) ? 'wait' : 'hold' };
  };
  const { concurrency, reason } = decide();
  const surplus = concurrency * (endsPerBusyMs ?? 0) - (arrivalsPerMs ?? 0);
  return Object.freeze({
    state: Object.freeze({
      concurrency,
      seen: { atMs: seen.atMs, backlogCount },
      ...(arrivalsPerMs === undefined ? {} : { arrivalsPerMs }),
      ...(endsPerBusyMs === undefined ? {} : { endsPerBusyMs }),
      needs,
    }),
    concurrency,
    reason,
    drainMs: backlogCount === 0 ? 0 : surplus > 0 ? backlogCount / surplus : null,
  });
};
