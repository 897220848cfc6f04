/** Concurrent batches at the start. @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const START_COUNT = 5;
/** Growth while there is a backlog, source as above. */
const GROWTH_PER_MINUTE = 300;
/** AWS's ceiling for the batches of one mapping at once, source as above. */
export const CEILING_COUNT = 1250;
/** A longer silence than this grows nothing more: growth is earned by a backlog that was seen. */
const GROWTH_STEP_LIMIT_MS = 1000;
/** A burst of failures from one cause (a host that died under many batches) counts once. */
const CUT_INTERVAL_MS = 1000;
const MS_PER_MINUTE = 60_000;

/** How many batches of one mapping may run at once. */
export interface Scaling {
  /** May be fractional; {@link concurrencyLimit} rounds down. */
  readonly limit: number;
  readonly ceilingCount: number;
  readonly grownAtMs: number;
  readonly cutAtMs: number;
}

export type ScalingEvent =
  /** A receive came back full: there is more. */
  | { readonly kind: 'backlog'; readonly nowMs: number }
  /** A receive came back without a message. */
  | { readonly kind: 'empty'; readonly nowMs: number }
  /** A batch failed as a whole, or was throttled. */
  | { readonly kind: 'trouble'; readonly nowMs: number };

/**
 * The state of a mapping that starts.
 *
 * @param options `maximumConcurrency`: the mapping's own, never passed; `capCount`: what the machine can bear (default
 * and at most 1 250).
 */
export const startScaling = (options: {
  readonly maximumConcurrency?: number;
  readonly capCount?: number;
  readonly nowMs: number;
}): Scaling => {
  const ceilingCount = Math.max(
    1,
    Math.min(CEILING_COUNT, options.maximumConcurrency ?? CEILING_COUNT, options.capCount ?? CEILING_COUNT),
  );
  return {
    limit: Math.min(START_COUNT, ceilingCount),
    ceilingCount,
    grownAtMs: options.nowMs,
    cutAtMs: Number.NEGATIVE_INFINITY,
  };
};

/** How many batches may run now: 1 and more. */
export const concurrencyLimit = (state: Scaling): number => Math.floor(state.limit);

/**
 * One step: a backlog lets the limit grow by 300 a minute up to the ceiling, an empty queue halves it down to the
 * start, trouble halves it down to one, at most once a second.
 */
export const stepScaling = (state: Scaling, event: ScalingEvent): Scaling => {
  switch (event.kind) {
    case 'backlog': {
      const elapsedMs = Math.min(Math.max(0, event.nowMs - state.grownAtMs), GROWTH_STEP_LIMIT_MS);
      const grown = state.limit + (elapsedMs * GROWTH_PER_MINUTE) / MS_PER_MINUTE;
      return { ...state, limit: Math.min(state.ceilingCount, grown), grownAtMs: event.nowMs };
    }
    case 'empty': {
      const floor = Math.min(state.limit, START_COUNT);
      return { ...state, limit: Math.max(floor, state.limit / 2), grownAtMs: event.nowMs };
    }
    case 'trouble': {
      if (event.nowMs - state.cutAtMs < CUT_INTERVAL_MS) return { ...state, grownAtMs: event.nowMs };
      return { ...state, limit: Math.max(1, state.limit / 2), grownAtMs: event.nowMs, cutAtMs: event.nowMs };
    }
  }
};
