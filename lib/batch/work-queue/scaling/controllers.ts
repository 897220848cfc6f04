import { checkedPolicy, type ScalingPolicy } from './policy.ts';
import { scalingStart, scalingStep, type ScalingObservation } from './step.ts';

/** Decides, at each look, how many may work from now on. `drainMs`: what it predicts, null where it predicts nothing. */
export type ScalingController = (seen: ScalingObservation) => {
  readonly concurrency: number;
  readonly drainMs: number | null;
};

/** {@link scalingStep} with a memory of its own. */
export const scalingController = (policy: ScalingPolicy): ScalingController => {
  const whole = checkedPolicy(policy);
  let state = scalingStart(whole.minConcurrency);
  return (seen) => {
    const { state: next, concurrency, drainMs } = scalingStep(state, seen, whole);
    state = next;
    return { concurrency, drainMs };
  };
};

/** Always as many. */
export const fixedSize =
  (concurrency: number): ScalingController =>
  () => ({ concurrency, drainMs: null });

const STABLE_MS = 300_000;
const UP_STEP_COUNT = 4;
const TOLERANCE = 0.1;

/**
 * What KEDA's scaler of SQS and the autoscaler below it do with their defaults, to compare with: so many items (waiting
 * and in flight) for each worker; no change within a tenth; at most twice as many, or four more, at each look of 15 s; and
 * fewer only when no more were wanted for five minutes.
 *
 * @see https://keda.sh/docs/2.15/scalers/aws-sqs/
 * @see https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 */
export const kedaFormula = (options: {
  readonly queueLength: number;
  readonly minConcurrency: number;
  readonly maxConcurrency: number;
}): ScalingController => {
  const { queueLength, minConcurrency, maxConcurrency } = options;
  let current = minConcurrency;
  let wanted: { readonly atMs: number; readonly count: number }[] = [];
  return ({ atMs, visibleCount, inFlightCount }) => {
    const raw = (visibleCount + inFlightCount) / queueLength;
    const isClose = Math.abs(raw / current - 1) <= TOLERANCE;
    const count = isClose ? current : Math.min(maxConcurrency, Math.max(minConcurrency, Math.ceil(raw)));
    wanted = [...wanted.filter((each) => each.atMs >= atMs - STABLE_MS), { atMs, count }];
    const most = Math.max(...wanted.map((each) => each.count));
    const stable = count >= current ? count : Math.min(current, most);
    current = Math.min(stable, Math.max(2 * current, current + UP_STEP_COUNT));
    return { concurrency: current, drainMs: null };
  };
};
