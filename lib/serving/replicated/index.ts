/** Replicated load-balanced service: a cache of two levels, rate limits, sessions, and a replica's life. */
export { cache } from './cache.ts';
export {
  CacheOverloadError,
  LoadFailedElsewhereError,
  LoadTimeoutError,
  type Cache,
  type CacheOptions,
  type CacheState,
  type CacheStats,
  type Lookup,
  type SharedLevelOptions,
} from './cache-types.ts';
export { exactLimiter } from './exact-limiter.ts';
export type { Quota } from '#resilience/quota';
export type { Decision } from './gcra.ts';
export { leasedLimiter } from './leased-limiter.ts';
export type { ExactLimiterOptions, LeasedLimiterOptions, Limiter } from './limiter-types.ts';
export { memoryLimiter, type MemoryLimiter, type MemoryLimiterOptions } from './memory-limiter.ts';
export { rateLimitHeaders, type AskedLimit } from './rate-limit-headers.ts';
export {
  DrainingError,
  replica,
  type CheckResult,
  type Readiness,
  type ReadinessCheck,
  type Replica,
  type ReplicaOptions,
} from './replica.ts';
export { sessions, type Session, type SessionOutcome, type Sessions, type SessionsOptions } from './sessions.ts';
export { turnClock } from './turn-clock.ts';
export { stickyRouter, stickyToken, type Placement, type Target } from './sticky-router.ts';
