import { checkInteger, checkNames, checkNumber } from '#primitives/checks';

/** How many may work at a time, and how fast that may change. */
export interface ScalingPolicy {
  /** 1..1000. An event source of Lambda takes no less than 2. */
  readonly minConcurrency: number;
  /** From `minConcurrency` to 1000. */
  readonly maxConcurrency: number;
  /** In how long a backlog is to be worked off, beside what arrives meanwhile. 1_000..86_400_000 ms. */
  readonly drainMs: number;
  /** Fewer are asked for when for so long no more were needed. 0..86_400_000 ms; 300_000 unless told. */
  readonly downAfterMs?: number | undefined;
  /** A need that differs by no more than this share changes nothing. 0..1; 0.1 unless told. */
  readonly tolerance?: number | undefined;
  /** Over how long rates are averaged. 1..86_400_000 ms; 60_000 unless told. */
  readonly smoothingMs?: number | undefined;
}

/** A policy that says everything. */
export type WholePolicy = { readonly [Name in keyof ScalingPolicy]-?: number };

const DAY_MS = 86_400_000;
/** The most that an event source takes. @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const MAX_CONCURRENCY = 1_000;

/**
 * The policy with what it leaves out as Kubernetes has it.
 *
 * @see https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 * @throws {@link InvalidArgumentError} when an option is out of range or not known.
 */
export const checkedPolicy = (policy: ScalingPolicy): WholePolicy => {
  const { downAfterMs = 300_000, tolerance = 0.1, smoothingMs = 60_000 } = policy;
  const whole = { ...policy, downAfterMs, tolerance, smoothingMs };
  checkNames(policy, ['minConcurrency', 'maxConcurrency', 'drainMs', 'downAfterMs', 'tolerance', 'smoothingMs']);
  checkInteger('minConcurrency', whole.minConcurrency, 1, MAX_CONCURRENCY);
  checkInteger('maxConcurrency', whole.maxConcurrency, whole.minConcurrency, MAX_CONCURRENCY);
  checkInteger('drainMs', whole.drainMs, 1_000, DAY_MS);
  checkInteger('downAfterMs', whole.downAfterMs, 0, DAY_MS);
  checkNumber('tolerance', whole.tolerance, 0, 1);
  checkInteger('smoothingMs', whole.smoothingMs, 1, DAY_MS);
  return Object.freeze(whole);
};
