/** Small verbs for calls that fail: each does one thing, on the caller's clock and chance, and they go together. */
export type { Attempt, Call, CallOptions } from './attempt.ts';
export type { Run } from './attempts.ts';
export { backoffMs, type Backoff } from './backoff.ts';
export type { Pass } from './breaker-step.ts';
export { circuitBreaker, type BreakerOptions, type BreakerView, type CircuitBreaker } from './circuit-breaker.ts';
export { CircuitOpenError, TimeoutError } from './errors.ts';
export type { TripRule } from './failure-window.ts';
export { fleetCircuitBreaker, type FleetBreakerOptions } from './fleet-circuit-breaker.ts';
export { hedge, type HedgeOptions } from './hedge.ts';
export { inTime, type InTime } from './in-time.ts';
export { policy, type PolicyOptions } from './policy.ts';
export { retry, type RetryOptions } from './retry.ts';
export { retryBudget, type RetryBudget, type RetryBudgetOptions } from './retry-budget.ts';
export type { RetryRules } from './retry-rules.ts';
export { singleFlight, type SingleFlight } from './single-flight.ts';
export { tokenBucket, type TokenBucket, type TokenBucketOptions, type TokenOutcome } from './token-bucket.ts';
export { withTimeout, type TimeoutOptions } from './with-timeout.ts';
