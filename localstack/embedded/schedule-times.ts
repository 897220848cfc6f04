import { Cron } from 'croner';
import type { ScheduleExpression } from '#event-sources/schedule-expression';
import type { NextAtMs } from './alarms.ts';

export interface ScheduleTimesOptions {
  /** Where a rate is counted from. */
  readonly startAtMs: number;
  /** An IANA name. Default: UTC. */
  readonly timezone?: string;
}

const rateTimes =
  (everyMs: number, startAtMs: number): NextAtMs =>
  (afterMs) =>
    afterMs < startAtMs ? startAtMs : startAtMs + (Math.floor((afterMs - startAtMs) / everyMs) + 1) * everyMs;

/**
 * The instants of a schedule. A rate begins at its start; a cron expression and a one-time schedule are read in the
 * timezone.
 *
 * @throws RangeError or TypeError for a timezone that nobody knows.
 */
export const scheduleTimes = (expression: ScheduleExpression, options: ScheduleTimesOptions): NextAtMs => {
  if (expression.kind === 'rate') return rateTimes(expression.everyMs, options.startAtMs);
  // AWS counts the days of a week from Sunday, 1; croner's seconds field comes first.
  const text = expression.kind === 'cron' ? `0 ${expression.fields.join(' ')}` : expression.localTime;
  const cron = new Cron(text, { paused: true, alternativeWeekdays: true, timezone: options.timezone ?? 'UTC' });
  const next: NextAtMs = (afterMs) => cron.nextRun(new Date(afterMs))?.getTime();
  next(options.startAtMs);
  return next;
};
