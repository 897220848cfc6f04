import type { ParityPlace } from './place.ts';

/** One behaviour of AWS, told apart from others by what a client can see. */
export interface Row {
  /** What AWS does, as a promise; unique in its group. */
  readonly title: string;
  /** Rejects when the place does something else. Runs beside other rows: everything it makes is its own. */
  readonly run: (place: ParityPlace) => Promise<void>;
  /** How long it may take, when that is more than 60 s. */
  readonly timeoutMs?: number;
}

/** The rows of one table of the suite. */
export interface RowGroup {
  readonly subject: string;
  readonly rows: readonly Row[];
}
