import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { stackCall, startWorld, type World } from './fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.close();
});

const good: PutEventsRequestEntry = { Source: 'shop', DetailType: 'sold', Detail: '{"n":1}' };
const put = (...Entries: PutEventsRequestEntry[]) => world.events.send(new PutEventsCommand({ Entries }));
const refused = (name: string) => ({ name, $metadata: expect.objectContaining({ httpStatusCode: 400 }) });

test('events are taken and refused one by one, in order', async () => {
  const answer = await put(
    good,
    { ...good, Source: undefined },
    { ...good, DetailType: '' },
    { ...good, Detail: undefined },
    { ...good, Detail: 'no json' },
    { ...good, Detail: '[1]' },
    { ...good, Source: 'aws.s3' },
    good,
  );
  expect(answer.FailedEntryCount).toBe(6);
  expect(
    answer.Entries?.map(({ ErrorCode, EventId }) => ErrorCode ?? (EventId === undefined ? 'nothing' : 'taken')),
  ).toEqual([
    'taken',
    'InvalidArgument',
    'InvalidArgument',
    'InvalidArgument',
    'MalformedDetail',
    'MalformedDetail',
    'NotAuthorizedForSource',
    'taken',
  ]);
});

test('a call has one to ten entries and at most a mebibyte', async () => {
  await expect(put()).rejects.toMatchObject(refused('ValidationException'));
  await expect(put(...Array.from({ length: 11 }, () => good))).rejects.toMatchObject(refused('ValidationException'));
  const filled = (bytes: number) => ({ ...good, Detail: JSON.stringify({ n: 'x'.repeat(bytes - 8) }) });
  const around = Buffer.byteLength('shop') + Buffer.byteLength('sold');
  expect((await put(filled(1_048_576 - around))).FailedEntryCount).toBe(0);
  await expect(put(filled(1_048_577 - around))).rejects.toThrow('over the limit');
});

test('what a bus took can be read, the latest thousand of it', async () => {
  await world.events.send(new CreateEventBusCommand({ Name: 'kept' }));
  const Time = new Date('2026-01-02T03:04:05Z');
  for (let n = 0; n < 101; n += 1)
    await put(
      ...Array.from({ length: 10 }, (_, i) => ({ ...good, EventBusName: 'kept', Detail: `{"n":${n * 10 + i}}`, Time })),
    );
  const answer = await stackCall(`${world.endpoint.url}/_stack/events?bus=kept`, 'GET');
  const { events }: { events: { detail: { n: number } }[] } = JSON.parse(await answer.text());
  expect(events).toHaveLength(1_000);
  expect([events[0]?.detail.n, events[999]?.detail.n]).toEqual([10, 1_009]);
  expect(events[0]).toMatchObject({
    version: '0',
    source: 'shop',
    'detail-type': 'sold',
    account: '000000000000',
    region: 'us-east-1',
    time: '2026-01-02T03:04:05Z',
    resources: [],
  });
  expect((await stackCall(`${world.endpoint.url}/_stack/events?bus=nobody`, 'GET')).status).toBe(404);
});

test('an event for a bus that is not there is accepted and dropped, as by AWS', async () => {
  expect((await put({ ...good, EventBusName: 'nowhere' })).FailedEntryCount).toBe(0);
});

test('buses are made once, described, listed, and deleted without rules only', async () => {
  const Arn = 'arn:aws:events:us-east-1:000000000000:event-bus/orders';
  expect((await world.events.send(new CreateEventBusCommand({ Name: 'orders' }))).EventBusArn).toBe(Arn);
  await expect(world.events.send(new CreateEventBusCommand({ Name: 'orders' }))).rejects.toMatchObject(
    refused('ResourceAlreadyExistsException'),
  );
  expect(await world.events.send(new DescribeEventBusCommand({ Name: Arn }))).toMatchObject({ Name: 'orders', Arn });
  expect((await world.events.send(new DescribeEventBusCommand({}))).Name).toBe('default');
  const { EventBuses } = await world.events.send(new ListEventBusesCommand({ NamePrefix: 'ord' }));
  expect(EventBuses?.map(({ Name }) => Name)).toEqual(['orders']);
  const rule = { Name: 'r', EventBusName: 'orders' };
  await world.events.send(new PutRuleCommand({ ...rule, EventPattern: '{"source":["shop"]}' }));
  await expect(world.events.send(new DeleteEventBusCommand({ Name: 'orders' }))).rejects.toThrow('has rules');
  await world.events.send(new DeleteRuleCommand(rule));
  await world.events.send(new DeleteEventBusCommand({ Name: 'orders' }));
  await expect(world.events.send(new DescribeEventBusCommand({ Name: 'orders' }))).rejects.toMatchObject(
    refused('ResourceNotFoundException'),
  );
  await expect(world.events.send(new DeleteEventBusCommand({ Name: 'default' }))).rejects.toThrow('Cannot delete');
});

test('rules and their targets are kept as they were put', async () => {
  const EventPattern = '{"source":["shop"]}';
  const { RuleArn } = await world.events.send(new PutRuleCommand({ Name: 'sold', EventPattern, Description: 'd' }));
  expect(RuleArn).toBe('arn:aws:events:us-east-1:000000000000:rule/sold');
  const Targets = [{ Id: '1', Arn: 'arn:aws:sqs:us-east-1:000000000000:q', InputPath: '$.detail' }];
  await world.events.send(new PutTargetsCommand({ Rule: 'sold', Targets }));
  await world.events.send(new DisableRuleCommand({ Name: 'sold' }));
  expect(await world.events.send(new DescribeRuleCommand({ Name: 'sold' }))).toMatchObject({
    EventPattern,
    Description: 'd',
    State: 'DISABLED',
    EventBusName: 'default',
  });
  expect((await world.events.send(new ListRulesCommand({ NamePrefix: 'so' }))).Rules).toHaveLength(1);
  expect((await world.events.send(new ListTargetsByRuleCommand({ Rule: 'sold' }))).Targets).toEqual(Targets);
  await expect(world.events.send(new DeleteRuleCommand({ Name: 'sold' }))).rejects.toThrow('has targets');
  await world.events.send(new RemoveTargetsCommand({ Rule: 'sold', Ids: ['1'] }));
  await world.events.send(new DeleteRuleCommand({ Name: 'sold' }));
  await expect(world.events.send(new DescribeRuleCommand({ Name: 'sold' }))).rejects.toMatchObject(
    refused('ResourceNotFoundException'),
  );
});

test('bad rules are refused', async () => {
  await expect(world.events.send(new PutRuleCommand({ Name: 'r' }))).rejects.toThrow('must be specified');
  await expect(world.events.send(new PutRuleCommand({ Name: 'r', EventPattern: '[' }))).rejects.toMatchObject(
    refused('InvalidEventPatternException'),
  );
  await expect(
    world.events.send(new PutRuleCommand({ Name: 'a b', EventPattern: '{"source":["shop"]}' })),
  ).rejects.toMatchObject(refused('ValidationException'));
  await world.events.send(new PutRuleCommand({ Name: 'full', EventPattern: '{"source":["shop"]}' }));
  const Targets = Array.from({ length: 6 }, (_, n) => ({ Id: `${n}`, Arn: 'arn:aws:sqs:us-east-1:000000000000:q' }));
  await expect(world.events.send(new PutTargetsCommand({ Rule: 'full', Targets }))).rejects.toMatchObject(
    refused('LimitExceededException'),
  );
});
