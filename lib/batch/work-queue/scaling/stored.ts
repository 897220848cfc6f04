import * as v from 'valibot';
import type { FieldValue } from '#primitives/table';
import { jsonOf } from '#primitives/field-values';

/*
 * What is kept between two runs. What cannot be read, since another version has written it, is as if it were not there:
 * the next run learns it anew.
 */
const number = v.number();
const policy = v.object({
  minConcurrency: number,
  maxConcurrency: number,
  drainMs: number,
  downAfterMs: v.optional(number),
  tolerance: v.optional(number),
  smoothingMs: v.optional(number),
});

const plan = v.variant('mode', [
  v.object({ mode: v.literal('unlimited') }),
  v.object({ mode: v.literal('fixed'), maximumConcurrency: number }),
  v.object({ mode: v.literal('automatic'), policy }),
]);

const state = v.object({
  concurrency: number,
  seen: v.exactOptional(v.object({ atMs: number, backlogCount: number })),
  arrivalsPerMs: v.exactOptional(number),
  endsPerBusyMs: v.exactOptional(number),
  needs: v.array(v.object({ atMs: number, concurrency: number })),
});

const last = v.object({
  atMs: number,
  concurrency: number,
  reason: v.picklist(['up', 'down', 'hold', 'wait', 'learn']),
  arrivalsPerSecond: v.nullable(number),
  endsPerSecond: v.nullable(number),
  drainMs: v.nullable(number),
});

const reading =
  <T>(schema: v.GenericSchema<unknown, T>) =>
  (field: FieldValue | undefined): T | undefined => {
    const result = v.safeParse(schema, jsonOf(field));
    return result.success ? result.output : undefined;
  };

export const readPlan = reading(plan);
export const readState = reading(state);
export const readLast = reading(last);
