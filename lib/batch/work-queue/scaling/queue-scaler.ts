import type { Clock } from '#primitives/clock';
import type { ConcurrencyLimit } from '#primitives/concurrency-limit';
import type { Log } from '#primitives/log';
import type { Queue } from '#primitives/queue';
import type { Json, Key, Table } from '#primitives/table';
import { numberOf } from '#primitives/field-values';
import { checkedPolicy, type ScalingPolicy } from './policy.ts';
import { scalingStart, scalingStep, type ScalingAdvice } from './step.ts';
import { readLast, readPlan, readState } from './stored.ts';
import { workSince } from './work-reports.ts';

/** How many work: as many as the platform likes, a fixed number, or what the controller says. */
export type ScalingPlan =
  | { readonly mode: 'unlimited' }
  | { readonly mode: 'fixed'; readonly maximumConcurrency: number }
  | { readonly mode: 'automatic'; readonly policy: ScalingPolicy };

export interface ScalingStatus {
  readonly plan: ScalingPlan;
  /** What the event source has now; null when there is no limit. */
  readonly maximumConcurrency: number | null;
  readonly visibleCount: number;
  readonly inFlightCount: number;
  /** What the controller said last; absent until it has run. */
  readonly last?: {
    readonly atMs: number;
    readonly concurrency: number;
    readonly reason: ScalingAdvice['reason'];
    readonly arrivalsPerSecond: number | null;
    /** What one of them gets done. */
    readonly endsPerSecond: number | null;
    readonly drainMs: number | null;
  };
}

export interface QueueScaler {
  /** API calls: 3. */
  read(): Promise<ScalingStatus>;
  /** Keeps the plan and carries it out at once. API calls: 1 and those of `run` and `read`. */
  plan(plan: ScalingPlan): Promise<ScalingStatus>;
  /**
   * Looks once and sets the limit. A crash between the two writes: the next run looks anew. API calls: 2 when nothing is
   * to be decided, else 5, 1 more for a change.
   */
  run(): Promise<void>;
}

const planKey: Key = { partition: 'scaling', sort: 'plan' };
const stateKey: Key = { partition: 'scaling', sort: 'state' };
/** Without a look for so long, what was remembered tells nothing any more. */
const STALE_MS = 900_000;
const S = 1_000;

const perSecond = (perMs: number | undefined): number | null => (perMs === undefined ? null : perMs * S);
const limitOf = (concurrency: number): number => Math.max(2, concurrency);
const asJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

/**
 * Keeps the concurrency of an event source at what its queue needs: {@link scalingStep} at each `run`, which a schedule
 * calls. A limit is for what begins from then on, so nothing in flight is ended by it.
 */
export const queueScaler = (options: {
  readonly queue: Queue;
  readonly limit: ConcurrencyLimit;
  /** Where plan and state are kept, and the workers' reports are found. */
  readonly jobs: Table;
  readonly clock: Clock;
  readonly log: Log;
}): QueueScaler => {
  const { queue, limit, jobs, clock, log } = options;

  const stored = async () => {
    const [plan, state] = await jobs.getMany([planKey, stateKey]);
    const unlimited: ScalingPlan = { mode: 'unlimited' };
    return {
      plan: readPlan(plan?.plan) ?? unlimited,
      state: readState(state?.state),
      last: readLast(state?.last),
      atMs: numberOf(state?.atMs),
    };
  };

  const read = async (): Promise<ScalingStatus> => {
    const [{ plan, last }, current, depth] = await Promise.all([stored(), limit.get(), queue.depth()]);
    const { visibleCount, inFlightCount } = depth;
    const known = plan.mode === 'automatic' && last !== undefined ? { last } : {};
    return { plan, maximumConcurrency: current ?? null, visibleCount, inFlightCount, ...known };
  };

  const setTo = async (wanted: number | undefined, current: number | undefined): Promise<void> => {
    if (wanted === current) return;
    await limit.set(wanted);
    log.info('concurrency changed', { from: current ?? 'no limit', to: wanted ?? 'no limit' });
  };

  const decide = async (policy: ScalingPolicy, current: number | undefined): Promise<void> => {
    const { state, atMs } = await stored();
    const [nowMs, whole] = [clock.nowMs(), checkedPolicy(policy)];
    const isFresh = state !== undefined && nowMs - atMs < STALE_MS && nowMs > atMs;
    const before = isFresh
      ? { ...state, concurrency: current ?? state.concurrency }
      : scalingStart(current ?? whole.maxConcurrency);
    const [{ visibleCount, inFlightCount }, work] = await Promise.all([
      queue.depth(),
      workSince(jobs, isFresh ? atMs : nowMs - whole.smoothingMs, nowMs),
    ]);
    const advice = scalingStep(before, { atMs: nowMs, visibleCount, inFlightCount, ...work }, whole);
    await setTo(limitOf(advice.concurrency), current);
    const { arrivalsPerMs, endsPerBusyMs } = advice.state;
    const last: ScalingStatus['last'] = {
      atMs: nowMs,
      concurrency: limitOf(advice.concurrency),
      reason: advice.reason,
      arrivalsPerSecond: perSecond(arrivalsPerMs),
      endsPerSecond: perSecond(endsPerBusyMs),
      drainMs: advice.drainMs,
    };
    await jobs.put({ key: stateKey, fields: { state: asJson(advice.state), last: asJson(last), atMs: nowMs } });
  };

  const run = async (): Promise<void> => {
    const [{ plan }, current] = await Promise.all([stored(), limit.get()]);
    if (plan.mode === 'automatic') return decide(plan.policy, current);
    // Set again what somebody else has changed; without a plan it is none of ours.
    if (plan.mode === 'fixed') await setTo(plan.maximumConcurrency, current);
  };

  return Object.freeze<QueueScaler>({
    read,
    run,
    plan: async (plan) => {
      if (plan.mode === 'automatic') checkedPolicy(plan.policy);
      await jobs.put({ key: planKey, fields: { plan: asJson(plan) } });
      if (plan.mode === 'unlimited') await limit.set(undefined);
      else await run();
      return read();
    },
  });
};
