import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Json } from '../../../lib/primitives/table.ts';
import { syncBusEvents } from '../../../localstack/plugin/bus-events.ts';
import { provision } from '../../../localstack/plugin/provision.ts';
import { awsClients, clientConfig, type Place } from '../../../localstack/plugin/resources/clients.ts';
import type { FunctionDefinition, Service } from '../../../localstack/plugin/service.ts';
import { parseTemplate, type JsonObject } from '../../../localstack/plugin/template.ts';
import { startPlace, type TestPlace } from './place.ts';

let testPlace: TestPlace;
let place: Place;
let events: EventBridgeClient;
let scheduler: SchedulerClient;

beforeAll(async () => {
  testPlace = await startPlace();
  place = { endpoint: testPlace.url, region: 'us-east-1', accountId: '000000000000' };
  events = new EventBridgeClient(clientConfig(place));
  scheduler = new SchedulerClient(clientConfig(place));
});
afterAll(async () => {
  events.destroy();
  scheduler.destroy();
  await testPlace.stop();
});

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:q';
const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:shop-local-eat';

/** Starts a service of one function on a template, as the plugin does; gives the function as the host will see it. */
const start = async (functionEvents: readonly JsonObject[], resources: Json = {}): Promise<FunctionDefinition> => {
  const clients = awsClients(place);
  const template = parseTemplate({ Resources: resources });
  const { made, scope } = await provision({ template, stackName: 'shop-local', given: new Map(), clients });
  const eat: FunctionDefinition = { name: 'shop-local-eat', events: functionEvents };
  const service: Service = { service: 'shop', provider: { region: 'us-east-1', stage: 'local' }, functions: { eat } };
  await syncBusEvents({ service, scope, stackName: 'shop-local', made, clients });
  return eat;
};

const rules = async (bus = 'default') =>
  (await events.send(new ListRulesCommand({ EventBusName: bus, NamePrefix: 'shop-local-' }))).Rules ?? [];
const targets = async (Rule: string, bus = 'default') =>
  (await events.send(new ListTargetsByRuleCommand({ Rule, EventBusName: bus }))).Targets;

test('a rule of the template is made, changed, and goes with the targets that it no longer has', async () => {
  const rule = (state: string, ...list: readonly Json[]): Json => ({
    sold: {
      Type: 'AWS::Events::Rule',
      Properties: { EventPattern: { source: ['shop'] }, State: state, Targets: list },
    },
  });
  const one = { Id: 'one', Arn: QUEUE, RetryPolicy: { MaximumRetryAttempts: '3' } };
  await start([], rule('ENABLED', one, { Id: 'two', Arn: QUEUE }));
  expect(await rules()).toMatchObject([
    { Name: 'shop-local-sold', EventPattern: '{"source":["shop"]}', State: 'ENABLED' },
  ]);
  expect(await targets('shop-local-sold')).toMatchObject([
    { Id: 'one', RetryPolicy: { MaximumRetryAttempts: 3 } },
    { Id: 'two' },
  ]);
  await start([], rule('DISABLED', one));
  expect(await rules()).toMatchObject([{ State: 'DISABLED' }]);
  expect(await targets('shop-local-sold')).toHaveLength(1);
  await start([]);
  expect(await rules()).toEqual([]);
});

test('an eventBridge event is a rule on its bus with the function for a target', async () => {
  const eventBridge = {
    eventBus: 'shop-bus',
    pattern: { source: ['shop'] },
    inputTransformer: { inputPathsMap: { n: '$.detail.n' }, inputTemplate: '{"n": <n>}' },
    retryPolicy: { maximumEventAge: 60, maximumRetryAttempts: 2 },
    deadLetterQueueArn: QUEUE,
  };
  await start([{ eventBridge }]);
  expect(await targets('shop-local-eat-rule-1', 'shop-bus')).toEqual([
    {
      Id: 'shop-local-eat-rule-1-target',
      Arn: FUNCTION,
      InputTransformer: { InputPathsMap: { n: '$.detail.n' }, InputTemplate: '{"n": <n>}' },
      RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 },
      DeadLetterConfig: { Arn: QUEUE },
    },
  ]);
  await start([]);
  expect(await rules('shop-bus')).toEqual([]);
});

test('schedule events are rules or schedules, and the host does not see them', async () => {
  const http = { http: { path: 'a', method: 'get' } };
  const eat = await start([
    http,
    { schedule: { rate: ['rate(5 minutes)', 'cron(0 8 ? * MON *)'], input: { n: 1 } } },
    { schedule: 'rate(1 day)' },
    {
      schedule: {
        method: 'scheduler',
        rate: ['rate(1 hour)'],
        name: 'shop-local-hourly',
        timezone: 'Asia/Tokyo',
        enabled: false,
      },
    },
  ]);
  expect(eat.events).toEqual([http]);
  expect((await rules()).map(({ Name, ScheduleExpression }) => [Name, ScheduleExpression])).toEqual([
    ['shop-local-eat-schedule-2-1', 'rate(5 minutes)'],
    ['shop-local-eat-schedule-2-2', 'cron(0 8 ? * MON *)'],
    ['shop-local-eat-schedule-3', 'rate(1 day)'],
  ]);
  expect(await targets('shop-local-eat-schedule-2-1')).toMatchObject([{ Arn: FUNCTION, Input: '{"n":1}' }]);
  expect(await scheduler.send(new GetScheduleCommand({ Name: 'shop-local-hourly' }))).toMatchObject({
    State: 'DISABLED',
    ScheduleExpressionTimezone: 'Asia/Tokyo',
    Target: { Arn: FUNCTION },
  });
  await start([]);
  expect(await rules()).toEqual([]);
  expect((await scheduler.send(new ListSchedulesCommand({}))).Schedules).toEqual([]);
});

test('a schedule of the template is made and updated', async () => {
  const schedule = (expression: string): Json => ({
    tick: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: {
        ScheduleExpression: expression,
        FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: '5' },
        StartDate: '2030-01-01T00:00:00Z',
        Target: { Arn: QUEUE, RoleArn: QUEUE, Input: '{}' },
      },
    },
  });
  await start([], schedule('rate(1 hour)'));
  await start([], schedule('rate(2 hours)'));
  expect(await scheduler.send(new GetScheduleCommand({ Name: 'shop-local-tick' }))).toMatchObject({
    ScheduleExpression: 'rate(2 hours)',
    FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 5 },
    StartDate: new Date('2030-01-01T00:00:00Z'),
  });
});

test('what is not known is an error that says where', async () => {
  await expect(start([{ eventBridge: { pattern: { source: ['x'] }, colour: 'blue' } }])).rejects.toThrow(
    "functions.eat.events[0].eventBridge: 'colour' is not known here.",
  );
  await expect(start([{ schedule: 'rate(1 minutes)' }])).rejects.toThrow('functions.eat.events[0].schedule: ');
  const rule = { Type: 'AWS::Events::Rule', Properties: { EventPattern: { source: 'x' }, Targets: [] } };
  await expect(start([], { rule })).rejects.toThrow('Resources.rule: Event pattern is not valid');
});
