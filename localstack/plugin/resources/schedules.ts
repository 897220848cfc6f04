import type { CreateScheduleCommandInput, SchedulerClient } from '@aws-sdk/client-scheduler';
import { StackError } from '../errors.ts';
import { isObject, type JsonObject } from '../template.ts';
import { checkKeys, fittingName, withNumbers } from './rules.ts';
import { errorName, optionalText, type ResourceType, type Wanted } from './type.ts';

const DATES = ['StartDate', 'EndDate'];
const TARGET_PROPERTIES = ['Arn', 'RoleArn', 'Input', 'SqsParameters', 'DeadLetterConfig', 'RetryPolicy'];

const targetOf = ({ where, properties }: Wanted): JsonObject => {
  const { Target } = properties;
  if (!isObject(Target)) throw new StackError(`${where}: expected 'Target' to be an object.`);
  checkKeys(Target, TARGET_PROPERTIES, `${where}.Target`);
  const RetryPolicy = withNumbers(Target['RetryPolicy']);
  return { ...Target, ...(RetryPolicy === undefined ? {} : { RetryPolicy }) };
};

const inputOf = (wanted: Wanted, name: string): CreateScheduleCommandInput => {
  const { FlexibleTimeWindow: window, ...rest } = wanted.properties;
  const dates = DATES.flatMap((date) => {
    const text = optionalText(rest, date);
    return text === undefined ? [] : [[date, new Date(text)] as const];
  });
  const minutes = isObject(window) ? window['MaximumWindowInMinutes'] : undefined;
  const input: object = {
    ...rest,
    ...Object.fromEntries(dates),
    Name: name,
    FlexibleTimeWindow:
      isObject(window) && minutes !== undefined ? { ...window, MaximumWindowInMinutes: Number(minutes) } : window,
    Target: targetOf(wanted),
  };
  return input as CreateScheduleCommandInput;
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html */
export const SCHEDULE: ResourceType = {
  handled: [
    'Name',
    'GroupName',
    'Description',
    'ScheduleExpression',
    'ScheduleExpressionTimezone',
    'State',
    'FlexibleTimeWindow',
    'Target',
    ...DATES,
  ],
  withoutMeaning: { KmsKeyArn: 'nothing is encrypted on one machine' },
  make: async (wanted, { scheduler }) => {
    const { CreateScheduleCommand, GetScheduleCommand, UpdateScheduleCommand } =
      await import('@aws-sdk/client-scheduler');
    const client = await scheduler();
    const name = fittingName(optionalText(wanted.properties, 'Name') ?? wanted.defaultName);
    const input = inputOf(wanted, name);
    const existing = await client.send(new GetScheduleCommand({ Name: name })).catch((error: unknown) => {
      if (errorName(error) === 'ResourceNotFoundException') return undefined;
      throw error;
    });
    const { ScheduleArn = '' } =
      existing === undefined
        ? await client.send(new CreateScheduleCommand(input))
        : await client.send(new UpdateScheduleCommand(input));
    return { ref: name, attributes: { Arn: ScheduleArn } };
  },
};

/** Removes the schedules of this stack that are no longer wanted: they would go on acting. */
export const pruneSchedules = async (
  client: SchedulerClient,
  prefix: string,
  wantedArns: ReadonlySet<string>,
): Promise<void> => {
  const { DeleteScheduleCommand, ListSchedulesCommand } = await import('@aws-sdk/client-scheduler');
  const { Schedules = [] } = await client.send(new ListSchedulesCommand({ NamePrefix: prefix, MaxResults: 100 }));
  for (const { Name, Arn = '' } of Schedules)
    if (!wantedArns.has(Arn)) await client.send(new DeleteScheduleCommand({ Name }));
};
