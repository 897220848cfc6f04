import * as v from 'valibot';

/** How many of something there are, in an answer. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
