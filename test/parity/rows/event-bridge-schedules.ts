import { randomUUID } from 'node:crypto';
import { DisableRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  UpdateScheduleCommand,
  type CreateScheduleCommandInput,
} from '@aws-sdk/client-scheduler';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import type { ParityPlace } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually } from '../wait.ts';
import { bodyOf, busQueue, makeRule, nextMessage, ROLE } from './event-bridge-place.ts';

const MINUTE_ROW_MS = 120_000;
const FIRST_MS = 100_000;
/** A one-time schedule fires within the minute that follows its time. */
const AT_ROW_MS = 90_000;
const SOON_MS = 3_000;

type Settings = Partial<CreateScheduleCommandInput> & Pick<CreateScheduleCommandInput, 'ScheduleExpression' | 'Target'>;

const newName = (): string => `parity-${randomUUID()}`;
const inputOf = (Name: string, settings: Settings): CreateScheduleCommandInput => ({
  FlexibleTimeWindow: { Mode: 'OFF' },
  ...settings,
  Name,
});
const schedule = async ({ scheduler }: ParityPlace, settings: Settings): Promise<string> => {
  const name = newName();
  await scheduler.send(new CreateScheduleCommand(inputOf(name, settings)));
  return name;
};

const soon = (): string => `at(${new Date(Date.now() + SOON_MS).toISOString().slice(0, 19)})`;
const exists = ({ scheduler }: ParityPlace, Name: string): Promise<boolean> =>
  scheduler.send(new GetScheduleCommand({ Name })).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return false;
      throw error;
    },
  );

export const eventBridgeSchedules: RowGroup = {
  subject: 'EventBridge: schedules',
  rows: [
    {
      title: 'a rule with rate(1 minute) gives its target a Scheduled Event, which names the rule',
      timeoutMs: MINUTE_ROW_MS,
      run: async (place) => {
        const queue = await busQueue(place);
        const rule = await makeRule(place, { schedule: 'rate(1 minute)', targets: [{ Id: '1', Arn: queue.arn }] });
        const body = bodyOf(await nextMessage(place, queue, FIRST_MS));
        await place.events.send(new DisableRuleCommand({ Name: rule.name }));
        expect(body).toMatchObject({
          'detail-type': 'Scheduled Event',
          source: 'aws.events',
          resources: [rule.arn],
          detail: {},
        });
      },
    },
    {
      title: 'a rule with cron(* * * * ? *) fires at the minute, and hands over the input of its target',
      timeoutMs: MINUTE_ROW_MS,
      run: async (place) => {
        const queue = await busQueue(place);
        const targets = [{ Id: '1', Arn: queue.arn, Input: '{"tick":true}' }];
        const { name } = await makeRule(place, { schedule: 'cron(* * * * ? *)', targets });
        expect(bodyOf(await nextMessage(place, queue, FIRST_MS))).toEqual({ tick: true });
        await place.events.send(new DisableRuleCommand({ Name: name }));
      },
    },
    {
      title: 'a one-time schedule gives its queue the input, and goes when it is to be deleted',
      timeoutMs: MINUTE_ROW_MS,
      run: async (place) => {
        const queue = await busQueue(place);
        const Target = { Arn: queue.arn, RoleArn: ROLE, Input: '{"once":1}' };
        const name = await schedule(place, { ScheduleExpression: soon(), ActionAfterCompletion: 'DELETE', Target });
        expect(bodyOf(await nextMessage(place, queue, AT_ROW_MS))).toEqual({ once: 1 });
        await eventually('the schedule is gone', async () => !(await exists(place, name)));
      },
    },
    {
      title: 'a one-time schedule is read in its timezone, and calls a function',
      timeoutMs: MINUTE_ROW_MS,
      run: async (place) => {
        const key = randomUUID();
        const inTokyo = new Date(Date.now() + SOON_MS + 9 * 3_600_000).toISOString().slice(0, 19);
        const name = await schedule(place, {
          ScheduleExpression: `at(${inTokyo})`,
          ScheduleExpressionTimezone: 'Asia/Tokyo',
          Target: { Arn: place.fn('probe').arn, RoleArn: ROLE, Input: JSON.stringify({ key, n: 6 }) },
        });
        await eventually('the probe saw it', async () => (await place.sightings(key)).length > 0, AT_ROW_MS);
        expect((await place.sightings(key))[0]?.numbers).toEqual([6]);
        expect(await exists(place, name)).toBe(true);
        await place.scheduler.send(new DeleteScheduleCommand({ Name: name }));
      },
    },
    {
      title: 'what a schedule could not deliver is in its dead-letter queue, with the reason in attributes',
      timeoutMs: MINUTE_ROW_MS,
      run: async (place) => {
        const [gone, dead] = [await busQueue(place), await busQueue(place)];
        await place.sqs.send(new DeleteQueueCommand({ QueueUrl: gone.url }));
        await schedule(place, {
          ScheduleExpression: soon(),
          ActionAfterCompletion: 'DELETE',
          Target: {
            Arn: gone.arn,
            RoleArn: ROLE,
            Input: '{"once":2}',
            RetryPolicy: { MaximumRetryAttempts: 0 },
            DeadLetterConfig: { Arn: dead.arn },
          },
        });
        const { MessageAttributes } = await nextMessage(place, dead, AT_ROW_MS);
        expect(MessageAttributes).toMatchObject({
          TARGET_ARN: { StringValue: gone.arn },
          ERROR_CODE: { StringValue: expect.stringMatching(/./u) },
        });
      },
    },
    {
      title: 'a schedule is created once, shown, updated as a whole, listed and deleted',
      run: async (place) => {
        const { arn } = await busQueue(place);
        const settings = {
          ScheduleExpression: 'rate(1 hour)',
          State: 'DISABLED' as const,
          Target: { Arn: arn, RoleArn: ROLE },
        };
        const name = await schedule(place, { ...settings, Description: 'first' });
        const { scheduler } = place;
        await expect(scheduler.send(new CreateScheduleCommand(inputOf(name, settings)))).rejects.toMatchObject({
          name: 'ConflictException',
        });
        await scheduler.send(
          new UpdateScheduleCommand(inputOf(name, { ...settings, ScheduleExpression: 'rate(2 hours)' })),
        );
        const shown = await scheduler.send(new GetScheduleCommand({ Name: name }));
        expect(shown).toMatchObject({
          Name: name,
          GroupName: 'default',
          ScheduleExpression: 'rate(2 hours)',
          State: 'DISABLED',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: { Arn: arn },
        });
        expect(shown.Description).toBeUndefined();
        expect(shown.CreationDate).toBeInstanceOf(Date);
        const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ NamePrefix: name }));
        expect(Schedules.map(({ Name }) => Name)).toEqual([name]);
        await scheduler.send(new DeleteScheduleCommand({ Name: name }));
        expect(await exists(place, name)).toBe(false);
      },
    },
    {
      title: 'a schedule with a bad expression, timezone or target is refused',
      run: async (place) => {
        const Target = { Arn: (await busQueue(place)).arn, RoleArn: ROLE };
        const bad: readonly Settings[] = [
          { ScheduleExpression: 'rate(1 minutes)', Target },
          { ScheduleExpression: 'at(2026-01-01)', Target },
          { ScheduleExpression: 'cron(0 10 * * * *)', Target },
          { ScheduleExpression: 'rate(1 hour)', ScheduleExpressionTimezone: 'Mars/Olympus', Target },
          { ScheduleExpression: 'rate(1 hour)', Target: { ...Target, Arn: 'nowhere' } },
          { ScheduleExpression: 'rate(1 hour)', Target: { ...Target, RetryPolicy: { MaximumRetryAttempts: 186 } } },
        ];
        for (const settings of bad)
          await expect(schedule(place, { ...settings, State: 'DISABLED' })).rejects.toMatchObject({
            name: 'ValidationException',
          });
      },
    },
  ],
};
