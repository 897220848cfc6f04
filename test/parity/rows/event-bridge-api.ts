import { randomUUID } from 'node:crypto';
import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeRuleCommand,
  ListRuleNamesByTargetCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import type { RowGroup } from '../row.ts';
import { busQueue, makeRule, newSource } from './event-bridge-place.ts';

const GOOD: PutEventsRequestEntry = { Source: 'parity', DetailType: 'sold', Detail: '{"n":1}' };
const EventPattern = '{"source":["parity"]}';
const refused = (name: string) => ({ name, $metadata: expect.objectContaining({ httpStatusCode: 400 }) });
const newName = (): string => `parity-${randomUUID()}`;

export const eventBridgeApi: RowGroup = {
  subject: 'EventBridge: API',
  rows: [
    {
      title: 'entries of PutEvents are taken and refused one by one, in order',
      run: async ({ events }) => {
        const { FailedEntryCount, Entries = [] } = await events.send(
          new PutEventsCommand({
            Entries: [
              GOOD,
              { ...GOOD, Detail: 'no json' },
              { ...GOOD, Source: 'aws.s3' },
              { ...GOOD, DetailType: '' },
              GOOD,
            ],
          }),
        );
        expect(FailedEntryCount).toBe(3);
        expect(Entries.map(({ ErrorCode = 'taken' }) => ErrorCode)).toEqual([
          'taken',
          'MalformedDetail',
          'NotAuthorizedForSource',
          'InvalidArgument',
          'taken',
        ]);
      },
    },
    {
      title: 'ten entries are taken, eleven refused, and so is none',
      run: async ({ events }) => {
        const put = (count: number) =>
          events.send(new PutEventsCommand({ Entries: Array.from({ length: count }, () => GOOD) }));
        expect((await put(10)).FailedEntryCount).toBe(0);
        await expect(put(11)).rejects.toMatchObject(refused('ValidationException'));
        await expect(put(0)).rejects.toMatchObject(refused('ValidationException'));
      },
    },
    {
      title: 'the entries of a call have a mebibyte together',
      run: async ({ events }) => {
        const put = (bytes: number) =>
          events.send(
            new PutEventsCommand({ Entries: [{ ...GOOD, Detail: JSON.stringify({ n: 'x'.repeat(bytes) }) }] }),
          );
        expect((await put(1_040_000)).FailedEntryCount).toBe(0);
        await expect(put(1_049_000)).rejects.toMatchObject({ $metadata: { httpStatusCode: expect.any(Number) } });
      },
    },
    {
      title: 'a rule needs a pattern or a schedule, a pattern that is valid, and a bus that is there',
      run: async ({ events }) => {
        // A place that takes a bad pattern may stumble over it at each event: not on the bus that all rows share.
        const bus = newName();
        await events.send(new CreateEventBusCommand({ Name: bus }));
        const put = (more: object) => events.send(new PutRuleCommand({ Name: newName(), EventBusName: bus, ...more }));
        await expect(put({})).rejects.toMatchObject(refused('ValidationException'));
        await expect(put({ EventPattern: '{"source":"x"}' })).rejects.toMatchObject(
          refused('InvalidEventPatternException'),
        );
        await expect(put({ EventPattern, EventBusName: newName() })).rejects.toMatchObject(
          refused('ResourceNotFoundException'),
        );
      },
    },
    {
      title: 'a schedule is for rules of the default bus, in the singular for one',
      run: async ({ events }) => {
        const bus = newName();
        await events.send(new CreateEventBusCommand({ Name: bus }));
        const put = (ScheduleExpression: string, more: object = {}) =>
          events.send(new PutRuleCommand({ Name: newName(), State: 'DISABLED', ScheduleExpression, ...more }));
        await expect(put('rate(5 minutes)', { EventBusName: bus })).rejects.toMatchObject(
          refused('ValidationException'),
        );
        for (const bad of [
          'rate(1 minutes)',
          'rate(5 minute)',
          'rate(0 minutes)',
          'cron(0 10 * * * *)',
          'cron(0 10 * * ?)',
        ])
          await expect(put(bad)).rejects.toMatchObject(refused('ValidationException'));
        for (const good of [
          'rate(1 minute)',
          'rate(5 hours)',
          'cron(0/15 10 ? * MON-FRI *)',
          'cron(0 8 L * ? 2026-2030)',
        ])
          expect((await put(good)).RuleArn).toMatch(/:rule\//u);
      },
    },
    {
      title: 'targets for a rule that is not there are refused',
      run: async (place) => {
        const Targets = [{ Id: '1', Arn: (await busQueue(place)).arn }];
        await expect(place.events.send(new PutTargetsCommand({ Rule: newName(), Targets }))).rejects.toMatchObject(
          refused('ResourceNotFoundException'),
        );
      },
    },
    {
      title: 'a rule has at most five targets',
      run: async (place) => {
        const { arn } = await busQueue(place);
        const { name } = await makeRule(place, {
          pattern: { source: [newSource()] },
          targets: [{ Id: '0', Arn: arn }],
        });
        const Targets = Array.from({ length: 5 }, (_, n) => ({ Id: `${n + 1}`, Arn: arn }));
        await expect(place.events.send(new PutTargetsCommand({ Rule: name, Targets }))).rejects.toMatchObject(
          refused('LimitExceededException'),
        );
      },
    },
    {
      title: 'a target gets one of Input, InputPath and InputTransformer',
      run: async (place) => {
        const { arn } = await busQueue(place);
        const { name } = await makeRule(place, {
          pattern: { source: [newSource()] },
          targets: [{ Id: '0', Arn: arn }],
        });
        const Targets = [{ Id: '1', Arn: arn, Input: '{}', InputPath: '$.detail' }];
        await expect(place.events.send(new PutTargetsCommand({ Rule: name, Targets }))).rejects.toMatchObject(
          refused('ValidationException'),
        );
      },
    },
    {
      title: 'a rule with targets is not deleted, one without is, and its bus then too',
      run: async (place) => {
        const [{ arn }, bus] = [await busQueue(place), newName()];
        await place.events.send(new CreateEventBusCommand({ Name: bus }));
        const targets = [{ Id: '1', Arn: arn }];
        const { name } = await makeRule(place, { pattern: { source: [newSource()] }, bus, targets });
        const rule = { Name: name, EventBusName: bus };
        await expect(place.events.send(new DeleteRuleCommand(rule))).rejects.toMatchObject(
          refused('ValidationException'),
        );
        await expect(place.events.send(new DeleteEventBusCommand({ Name: bus }))).rejects.toMatchObject(
          refused('ValidationException'),
        );
        await place.events.send(new RemoveTargetsCommand({ Rule: name, EventBusName: bus, Ids: ['1'] }));
        await place.events.send(new DeleteRuleCommand(rule));
        await place.events.send(new DeleteEventBusCommand({ Name: bus }));
        await expect(place.events.send(new DescribeRuleCommand(rule))).rejects.toMatchObject(
          refused('ResourceNotFoundException'),
        );
      },
    },
    {
      title: 'a rule put again keeps its targets, and is found by them',
      run: async (place) => {
        const { arn } = await busQueue(place);
        const { name } = await makeRule(place, {
          pattern: { source: [newSource()] },
          targets: [{ Id: '1', Arn: arn }],
        });
        await place.events.send(new PutRuleCommand({ Name: name, EventPattern, Description: 'new' }));
        expect(await place.events.send(new DescribeRuleCommand({ Name: name }))).toMatchObject({
          EventPattern,
          Description: 'new',
          State: 'ENABLED',
        });
        const { Targets } = await place.events.send(new ListTargetsByRuleCommand({ Rule: name }));
        expect(Targets).toEqual([{ Id: '1', Arn: arn }]);
        const { RuleNames } = await place.events.send(new ListRuleNamesByTargetCommand({ TargetArn: arn }));
        expect(RuleNames).toEqual([name]);
      },
    },
  ],
};
