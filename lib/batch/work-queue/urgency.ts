import * as v from 'valibot';

/** The classes of items; each has a queue and workers of its own. */
export const PRIORITIES = ['high', 'normal'] as const;
/** How urgent an item is: `high` never waits behind `normal`, and cannot keep it from being done either. */
export type Priority = (typeof PRIORITIES)[number];

/** `normal` unless told. */
export const priority = v.picklist(PRIORITIES, "Expected 'high' or 'normal'");

const ZONED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
/** In 1973: what is below was meant as seconds. The last instant is the last that a `Date` can hold. */
const [FIRST_MS, LAST_MS] = [100_000_000_000, 8_640_000_000_000_000];
const EXPECTED = 'Expected an instant: ISO 8601 with a zone (2030-01-31T12:00:00Z), or milliseconds since the epoch';

/** `Date.parse` takes the 30th of February for a day of March. */
const isDay = (day: string): boolean => {
  const atMs = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(day);
};

/** From when on an item is obsolete. */
export const deadlineAt = v.union(
  [
    v.pipe(
      v.string(),
      v.check((text) => ZONED.test(text) && isDay(text.slice(0, 10)) && Number.isFinite(Date.parse(text)), EXPECTED),
    ),
    v.pipe(v.number(), v.integer(EXPECTED), v.minValue(FIRST_MS, EXPECTED), v.maxValue(LAST_MS, EXPECTED)),
  ],
  EXPECTED,
);
export type DeadlineAt = v.InferOutput<typeof deadlineAt>;

/** Whether it is too late to begin an item, by the clock of whoever would begin it. */
export const isObsolete = (item: { readonly deadlineAt?: DeadlineAt | undefined }, nowMs: number): boolean => {
  if (item.deadlineAt === undefined) return false;
  return nowMs >= (typeof item.deadlineAt === 'number' ? item.deadlineAt : Date.parse(item.deadlineAt));
};
