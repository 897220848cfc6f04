import type { Clock } from '#primitives/clock';
import { absent, equals, type Table } from '#primitives/table';
import { persist, type Pause } from '../pause.ts';
import { numberOf } from '#primitives/field-values';
import { paceKey } from './records.ts';

/**
 * Reserves room for `count` dead letters at `ratePerSecond` and gives how long to wait before they may be moved. The
 * record is one for all redrives: two side by side are together no faster than the faster one alone. A crash after the
 * reservation costs its time and nothing else.
 *
 * API calls: 2.
 *
 * @returns Milliseconds; when it is more than `mostMs`, nothing was reserved.
 */
export const reservePace = async (options: {
  readonly jobs: Table;
  readonly clock: Clock;
  readonly count: number;
  readonly ratePerSecond: number;
  readonly mostMs: number;
  readonly pause: Pause;
}): Promise<number> => {
  const { jobs, clock, count, ratePerSecond, mostMs, pause } = options;
  const takesMs = (count * 1_000) / ratePerSecond;
  return persist('reserve pace', pause, async () => {
    const known = await jobs.get(paceKey);
    const nowMs = clock.nowMs();
    // Never longer than the largest step of the slowest redrive: a host whose clock is wrong must not stop the others.
    const waitMs = Math.min(Math.max(0, numberOf(known?.nextAtMs) - nowMs), MAX_WAIT_MS);
    if (waitMs > mostMs) return waitMs;
    const outcome = await jobs.update({
      key: paceKey,
      set: { nextAtMs: nowMs + waitMs + takesMs },
      condition: known === undefined ? absent() : equals('nextAtMs', numberOf(known.nextAtMs)),
    });
    return outcome.status === 'written' ? waitMs : undefined;
  });
};

/** One letter at the slowest rate: one in ten seconds. */
const MAX_WAIT_MS = 10_000;
