import type { Json } from '#primitives/table';
import type { ReductionKind } from './kinds.ts';
import type { ReductionItem } from './reducer.ts';

/** A reduction as it is asked for: of a list, of the objects of a bucket, or of items that come in parts. */
export interface ReductionPlan {
  readonly kind: ReductionKind;
  readonly items?: readonly ReductionItem[] | undefined;
  readonly source?: { readonly bucket: string; readonly prefix: string } | undefined;
  readonly open?: true | undefined;
  /** How many partial results are merged at a time; 2..50, default 10. */
  readonly fanIn?: number | undefined;
  /** Of a histogram: its bounds, rising. */
  readonly buckets?: readonly number[] | undefined;
}

export const DEFAULT_FAN_IN = 10;
export const [MIN_FAN_IN, MAX_FAN_IN] = [2, 50];
/** Items of a part, and parts of a reduction. */
export const MAX_PART_ITEMS = 1_000;
export const MAX_PARTS = 1_000_000;

/**
 * - `open`: items may still be added.
 * - `running`: what was accepted is being reduced.
 * - `done`: the result is there.
 * - `failed`: it will never be; see the reason.
 */
export type ReductionStatus = 'open' | 'running' | 'done' | 'failed';

export interface ReductionView {
  readonly kind: ReductionKind;
  readonly status: ReductionStatus;
  /** Parts of the input so far. */
  readonly parts: number;
  /** Of one that is done: how many items counted, and what they come to. */
  readonly items?: number;
  readonly result?: Json;
  readonly reason?: string;
}
