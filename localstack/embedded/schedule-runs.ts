import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { parseSchedule } from '#event-sources/schedule-expression';
import type { Alarms } from './alarms.ts';
import { eventTime } from './bus.ts';
import type { Deliveries, Delivery, GivenUp } from './deliveries.ts';
import { policyOf } from './rule-targets.ts';
import { scheduleTimes } from './schedule-times.ts';
import type { ScheduleInput } from './schedule-input.ts';
import { deadLetterTo, deliverTo, type TargetServices } from './targets.ts';

export interface StoredSchedule {
  readonly name: string;
  readonly arn: string;
  readonly input: ScheduleInput;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

export interface ScheduleRunsOptions {
  readonly region: string;
  readonly accountId: string;
  readonly alarms: Alarms;
  readonly deliveries: Deliveries;
  readonly services: TargetServices;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called with a schedule that deletes itself after its last time. */
  readonly forget: (name: string) => void;
}

export interface ScheduleRuns {
  /** Runs the schedule from now on, instead of an earlier one of its name. */
  start(stored: StoredSchedule): void;
  stop(name: string): void;
}

const MS_PER_S = 1_000;

/** One time of a schedule. */
interface Run {
  readonly stored: StoredSchedule;
  readonly scheduledTime: string;
  readonly executionId: string;
}

/** @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
const withContext = (input: string, { stored, scheduledTime, executionId }: Run, retryCount: number): string =>
  input
    .replaceAll('<aws.scheduler.schedule-arn>', stored.arn)
    .replaceAll('<aws.scheduler.scheduled-time>', scheduledTime)
    .replaceAll('<aws.scheduler.execution-id>', executionId)
    .replaceAll('<aws.scheduler.attempt-number>', String(retryCount + 1));

/** @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html */
const deadLetterAttributes = (run: Run, targetArn: string, reason: GivenUp): Readonly<Record<string, string>> => ({
  SCHEDULE_ARN: run.stored.arn,
  SCHEDULED_TIME: run.scheduledTime,
  EXECUTION_ID: run.executionId,
  TARGET_ARN: targetArn,
  ERROR_CODE: reason.code,
  ERROR_MESSAGE: reason.message === '' ? reason.code : reason.message,
  RETRY_ATTEMPTS: String(reason.retryCount),
  IS_PAYLOAD_TRUNCATED: 'false',
  ...(reason.exhausted === undefined ? {} : { EXHAUSTED_RETRY_CONDITION: reason.exhausted }),
});

/**
 * Delivers schedules to their targets at their times, at least once. A rate without a start date begins at once. A
 * flexible time window is kept by its first instant. A time that passed before the schedule was made does not come.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export const scheduleRuns = (options: ScheduleRunsOptions): ScheduleRuns => {
  const { alarms, deliveries, services, random, log } = options;

  /** What a target gets when the schedule says nothing. */
  const standardInput = ({ stored, scheduledTime, executionId }: Run): string =>
    JSON.stringify({
      version: '0',
      id: executionId,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: options.accountId,
      time: scheduledTime,
      region: options.region,
      resources: [stored.arn],
      detail: '{}',
    });

  const deliveryOf = (run: Run): Delivery => {
    const { Arn: arn, Input, SqsParameters, DeadLetterConfig, RetryPolicy } = run.stored.input.Target;
    const payload = Input ?? standardInput(run);
    const filled = (retryCount: number): string => withContext(payload, run, retryCount);
    return {
      what: `${run.stored.arn} to ${arn}`,
      byteCount: payload.length,
      policy: policyOf(RetryPolicy),
      attempt: (retryCount) =>
        deliverTo(services, { arn, payload: filled(retryCount), groupId: SqsParameters?.MessageGroupId }),
      deadLetter: (reason) => {
        if (DeadLetterConfig?.Arn === undefined) return undefined;
        const attributes = deadLetterAttributes(run, arn, reason);
        return deadLetterTo(services, { arn: DeadLetterConfig.Arn, payload: filled(reason.retryCount), attributes });
      },
    };
  };

  const stop = (name: string): void => alarms.clear(`schedule/${name}`);

  const start = (stored: StoredSchedule): void => {
    const { name, input, changedAtMs } = stored;
    if (input.State === 'DISABLED') return stop(name);
    const startAtMs = Math.max(changedAtMs, (input.StartDate ?? 0) * MS_PER_S);
    const endAtMs = (input.EndDate ?? Infinity) * MS_PER_S;
    const { ScheduleExpressionTimezone: timezone = 'UTC' } = input;
    const expression = parseSchedule(input.ScheduleExpression);
    const times = scheduleTimes(expression, { startAtMs, timezone });
    // Only a rate is counted from its start date; a one-time schedule knows none.
    const firstAfterMs = expression.kind === 'at' ? changedAtMs : startAtMs - 1;
    if (times(firstAfterMs) === undefined) log.warn('a schedule has no time to come', { schedule: stored.arn });
    const alarm = {
      nextAtMs: (afterMs: number) => {
        const atMs = times(afterMs);
        return atMs === undefined || atMs > endAtMs ? undefined : atMs;
      },
      ring: (dueAtMs: number) =>
        deliveries.accept(deliveryOf({ stored, scheduledTime: eventTime(dueAtMs), executionId: random.uuid() })),
      ended: () => {
        if (input.ActionAfterCompletion === 'DELETE') options.forget(name);
      },
    };
    alarms.set(`schedule/${name}`, alarm, firstAfterMs);
  };
  return Object.freeze({ start, stop });
};
