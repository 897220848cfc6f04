/** Ownership election (Burns, chapter 10): locks, leases, leaders, and what makes their late writes harmless. */
export { election, type Election, type ElectionOptions, type Observation } from './election.ts';
export {
  fencedPut,
  guarded,
  type GuardedOutcome,
  type GuardedPut,
  type GuardedRecord,
  type GuardedTable,
} from './guarded.ts';
export {
  locks,
  type AcquireOutcome,
  type Acquisition,
  type Locks,
  type LocksOptions,
  type Look,
  type Ownership,
  type ReleaseOutcome,
  type RenewOutcome,
} from './locks.ts';
export type { LockRecord } from './record.ts';
export {
  scheduledLeader,
  type ScheduledLeader,
  type ScheduledLeaderOptions,
  type Standing,
} from './scheduled-leader.ts';
export { scoped, ScopeConflictError, type Scope, type Scoped, type ScopedOptions } from './scoped.ts';
export { OwnershipEndedError, type Tenure } from './tenure.ts';
