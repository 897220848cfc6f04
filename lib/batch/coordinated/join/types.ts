import type { Json } from '#primitives/table';

/** What happens at the deadline when branches are missing: the join fails, or it fires with what there is. */
export type OnDeadline = 'fail' | 'fire';

/** A join as it is asked for: a list of branches, or an open one whose branches come in parts. */
export interface JoinPlan {
  /** Names, each 1..256 bytes. Two that are the same are one branch. */
  readonly branches?: readonly string[] | undefined;
  readonly open?: true | undefined;
  /** 1..{@link MAX_DEADLINE_MS}, from when the join was made. Without one it waits until its records expire. */
  readonly deadlineMs?: number | undefined;
  /** Default `fail`. */
  readonly onDeadline?: OnDeadline | undefined;
}

/** A week. */
export const MAX_DEADLINE_MS = 604_800_000;
/** Branches of one list. */
export const MAX_BRANCHES = 16_384;
/** Branches of one part, and parts of one join. */
export const MAX_PART = 1_000;
export const MAX_PARTS = 64;

/**
 * - `open`: branches may still be added.
 * - `waiting`: all branches are known, not all have arrived.
 * - `fired`: it has fired, once, for all branches or, by its deadline, for those that had arrived.
 * - `failed`: its deadline came first. It never fires.
 */
export type JoinStatus = 'open' | 'waiting' | 'fired' | 'failed';

export interface JoinView {
  readonly status: JoinStatus;
  /** How many branches there are, and how many of them have arrived in time. */
  readonly expected: number;
  readonly arrived: number;
  /** Who has not arrived, or arrived too late, in the order of their bytes; at most 1 000. */
  readonly missing: readonly string[];
  /** Who came after the deadline; at most 1 000. */
  readonly late: readonly string[];
  /** What made it fire or fail. */
  readonly outcome?: 'complete' | 'deadline';
}

/** What became of an arrival. `late`: recorded, and too late to count. */
export type Arrival = 'recorded' | 'duplicate' | 'late';

export type ArrivalOutcome =
  | { readonly arrival: Arrival; readonly status: JoinStatus }
  | 'unknown-join'
  | 'unknown-branch';

export interface ArrivalPage {
  readonly arrivals: readonly { readonly branch: string; readonly data: Json }[];
  readonly cursor?: string;
}
