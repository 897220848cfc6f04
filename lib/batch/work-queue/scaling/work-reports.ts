import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, type Key, type Table } from '#primitives/table';
import { numberOf } from '#primitives/field-values';

/** What workers did, added up. */
export interface Work {
  readonly endedCount: number;
  readonly busyMs: number;
}

const REPORTS = 'scaling-reports';
const KEEP_MS = 3_600_000;
/** Wide enough for every instant until the year 33658, so that keys are in the order of time. */
const AT_DIGITS = 15;
const PAGE_COUNT = 1_000;
const MAX_PAGES = 5;

const sortOf = (atMs: number, id: string): string => `${String(Math.round(atMs)).padStart(AT_DIGITS, '0')}/${id}`;

/**
 * Tells how much a host got done, for whoever decides how many hosts there should be: one write in `everyMs` while there
 * is work, whatever there is. What was not told when a host ends is missing; nothing else rests on it.
 *
 * @returns Adds to what is to be told, and tells it when it is time. Never rejects.
 */
export const workReporter = (options: {
  readonly jobs: Table;
  readonly clock: Clock;
  readonly random: Random;
  readonly everyMs: number;
}): ((work: Work) => Promise<void>) => {
  const { jobs, clock, random, everyMs } = options;
  let untold: Work = { endedCount: 0, busyMs: 0 };
  let nextAtMs = clock.monotonicMs();

  return async ({ endedCount, busyMs }) => {
    untold = { endedCount: untold.endedCount + endedCount, busyMs: untold.busyMs + busyMs };
    if (clock.monotonicMs() < nextAtMs) return;
    const told = untold;
    untold = { endedCount: 0, busyMs: 0 };
    nextAtMs = clock.monotonicMs() + everyMs;
    const atMs = clock.nowMs();
    const key: Key = { partition: REPORTS, sort: sortOf(atMs, random.uuid()) };
    // An estimate: what is lost here makes it a little less exact, and a batch must not fail for it.
    await jobs
      .put({ key, fields: { ...told }, condition: absent(), expiresAtMs: atMs + KEEP_MS })
      .catch(() => undefined);
  };
};

/**
 * What was told after `afterMs` and until `untilMs`, by the clocks of those who told it; of very many reports the first
 * 5 000. So that of runs of which each begins where the last one ended none counts a report twice: what a clock that is
 * ahead has told counts when its time has come. *Not*: what was told for a time that has been counted already, by a clock
 * that is behind for longer than ago the last run was.
 */
export const workSince = async (jobs: Table, afterMs: number, untilMs: number): Promise<Work> => {
  const sum = { endedCount: 0, busyMs: 0 };
  const last = sortOf(Math.max(0, untilMs), '~');
  let after: string | undefined = sortOf(Math.max(0, afterMs), '~');
  for (let pages = 0; pages < MAX_PAGES && after !== undefined; pages += 1) {
    const page: Awaited<ReturnType<Table['query']>> = await jobs.query({
      partition: REPORTS,
      after,
      limit: PAGE_COUNT,
    });
    for (const { key, fields } of page.records) {
      if (key.sort > last) return sum;
      sum.endedCount += numberOf(fields.endedCount);
      sum.busyMs += numberOf(fields.busyMs);
    }
    after = page.next;
  }
  return sum;
};
