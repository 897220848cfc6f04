import * as v from 'valibot';
import { InvalidScheduleError, parseSchedule } from '#event-sources/schedule-expression';
import { invalid, parse } from './refusal.ts';
import { checkDeadLetterQueue, retryPolicySchema } from './rule-targets.ts';
import { scheduleTimes } from './schedule-times.ts';
import { isFifoQueue, targetKind } from './targets.ts';

const text = v.string();
const instant = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(253_402_300_799)));
const minutes = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_440));

/** What a schedule may say here; whatever else it says is refused by its name. */
const scheduleSchema = v.strictObject({
  Name: v.optional(text),
  ClientToken: v.optional(text),
  GroupName: v.optional(text),
  Description: v.optional(v.pipe(text, v.maxLength(512))),
  ScheduleExpression: v.pipe(text, v.minLength(1), v.maxLength(256)),
  ScheduleExpressionTimezone: v.optional(v.pipe(text, v.minLength(1), v.maxLength(50))),
  State: v.optional(v.picklist(['ENABLED', 'DISABLED']), 'ENABLED'),
  StartDate: instant,
  EndDate: instant,
  ActionAfterCompletion: v.optional(v.picklist(['NONE', 'DELETE']), 'NONE'),
  FlexibleTimeWindow: v.variant('Mode', [
    v.strictObject({ Mode: v.literal('OFF') }),
    v.strictObject({ Mode: v.literal('FLEXIBLE'), MaximumWindowInMinutes: minutes }),
  ]),
  Target: v.strictObject({
    Arn: text,
    RoleArn: text,
    Input: v.optional(v.pipe(text, v.minLength(1))),
    SqsParameters: v.optional(v.strictObject({ MessageGroupId: v.optional(text) })),
    DeadLetterConfig: v.optional(v.strictObject({ Arn: v.optional(text) })),
    RetryPolicy: v.optional(retryPolicySchema),
  }),
});

export type ScheduleInput = Readonly<v.InferOutput<typeof scheduleSchema>>;

const checkTarget = ({ Arn, SqsParameters, DeadLetterConfig }: ScheduleInput['Target']): void => {
  const kind = targetKind(Arn);
  if (kind !== 'queue' && kind !== 'function')
    throw invalid(`Provided Arn is not served here: ${Arn}. Known: SQS queues, Lambda functions.`);
  if (isFifoQueue(Arn) && SqsParameters?.MessageGroupId === undefined)
    throw invalid('MessageGroupId must be specified for FIFO queue target.');
  checkDeadLetterQueue(DeadLetterConfig?.Arn);
};

/** @throws Refused for what Scheduler refuses. */
export const checkedSchedule = (name: string, body: unknown): ScheduleInput => {
  if (!/^[\w.-]{1,64}$/u.test(name)) throw invalid(`Expected the name of a schedule, got '${name}'.`);
  const given = parse(scheduleSchema, body);
  checkTarget(given.Target);
  const { ScheduleExpression, ScheduleExpressionTimezone: timezone = 'UTC', StartDate = 0, EndDate = Infinity } = given;
  if (StartDate >= EndDate) throw invalid('The StartDate must be before the EndDate.');
  try {
    scheduleTimes(parseSchedule(ScheduleExpression), { startAtMs: 0, timezone });
    Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch (error) {
    if (error instanceof InvalidScheduleError) throw invalid(`Invalid Schedule Expression. ${error.message}`);
    throw invalid(`Provided ScheduleExpressionTimezone '${timezone}' is not valid.`);
  }
  return given;
};
