import { randomUUID } from 'node:crypto';
import {
  CreateEventBusCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs';
import { registered, stackCall, startWorld, type World } from './fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.close();
});
afterEach(() => {
  world.faults.clear();
});

const queue = async (name: string = randomUUID()): Promise<{ url: string; arn: string }> => {
  const fifo = name.endsWith('.fifo') ? { FifoQueue: 'true', ContentBasedDeduplication: 'true' } : {};
  const { QueueUrl = '' } = await world.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: fifo }));
  return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:000000000000:${name}` };
};

/** Waits for a message; the tests' own timeout is the limit. */
const received = async (QueueUrl: string): Promise<Message> => {
  for (;;) {
    const { Messages = [] } = await world.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages[0] !== undefined) return Messages[0];
  }
};

const rule = async (source: string, targets: readonly Target[], bus?: string): Promise<string> => {
  const Name = randomUUID();
  const on = bus === undefined ? {} : { EventBusName: bus };
  const EventPattern = JSON.stringify({ source: [source] });
  const { RuleArn = '' } = await world.events.send(new PutRuleCommand({ Name, EventPattern, ...on }));
  const { FailedEntryCount } = await world.events.send(
    new PutTargetsCommand({ Rule: Name, Targets: [...targets], ...on }),
  );
  expect(FailedEntryCount).toBe(0);
  return RuleArn;
};

const put = async (source: string, detail: object, bus?: string): Promise<string> => {
  const entry = { Source: source, DetailType: 'sold', Detail: JSON.stringify(detail) };
  const { Entries = [] } = await world.events.send(
    new PutEventsCommand({ Entries: [bus === undefined ? entry : { ...entry, EventBusName: bus }] }),
  );
  return Entries[0]?.EventId ?? '';
};

test('an event reaches every queue whose rule it matches, as it is, and no other', async () => {
  const [first, second, other] = [await queue(), await queue(), await queue()];
  const source = randomUUID();
  await rule(source, [
    { Id: '1', Arn: first.arn },
    { Id: '2', Arn: second.arn },
  ]);
  await rule('another', [{ Id: '1', Arn: other.arn }]);
  const id = await put(source, { n: 1 });
  for (const { url } of [first, second])
    expect(JSON.parse((await received(url)).Body ?? '')).toMatchObject({ id, source, detail: { n: 1 } });
  const { Messages } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl: other.url }));
  expect(Messages).toBeUndefined();
});

test('a function gets the event, without anybody waiting for it', async () => {
  await stackCall(`${world.endpoint.url}/_stack/functions`, 'PUT', { functions: [registered('eats')] });
  const source = randomUUID();
  await rule(source, [{ Id: '1', Arn: 'arn:aws:lambda:us-east-1:000000000000:function:eats', InputPath: '$.detail' }]);
  const called = new Promise((resolve) => {
    world.host.handler = (_name, payload, _request, response) => {
      response.end('{}');
      resolve(JSON.parse(payload));
    };
  });
  await put(source, { n: 2 });
  expect(await called).toEqual({ n: 2 });
});

test('an event goes from one bus to another, and no further', async () => {
  const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
  for (const Name of [one, two, three]) await world.events.send(new CreateEventBusCommand({ Name }));
  const busArn = (name: string): string => `arn:aws:events:us-east-1:000000000000:event-bus/${name}`;
  const seen = await queue();
  await rule('hop', [{ Id: '1', Arn: busArn(two) }], one);
  await rule(
    'hop',
    [
      { Id: '1', Arn: busArn(three) },
      { Id: '2', Arn: busArn(one) },
      { Id: '3', Arn: seen.arn },
    ],
    two,
  );
  const id = await put('hop', {}, one);
  expect(JSON.parse((await received(seen.url)).Body ?? '')).toMatchObject({ id });
  expect(world.endpoint.bus.events(two)).toHaveLength(1);
  expect(world.endpoint.bus.events(three)).toHaveLength(0);
  expect(world.endpoint.bus.events(one)).toHaveLength(1);
});

test('a target that is gone costs no retries: the event is in its dead-letter queue, with the reason', async () => {
  const dead = await queue();
  const source = randomUUID();
  const Arn = `arn:aws:sqs:us-east-1:000000000000:gone-${randomUUID()}`;
  const ruleArn = await rule(source, [{ Id: '1', Arn, DeadLetterConfig: { Arn: dead.arn } }]);
  const id = await put(source, {});
  const { Body = '', MessageAttributes = {} } = await received(dead.url);
  expect(JSON.parse(Body)).toMatchObject({ id });
  expect(
    Object.fromEntries(Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue])),
  ).toEqual({
    RULE_ARN: ruleArn,
    TARGET_ARN: Arn,
    ERROR_CODE: 'NO_RESOURCE',
    ERROR_MESSAGE: expect.stringMatching(/exist/),
    RETRY_ATTEMPTS: '0',
  });
});

test('a target that fails is tried again, so that a fault loses nothing', async () => {
  const name = randomUUID();
  const { url, arn } = await queue(name);
  const source = randomUUID();
  await rule(source, [{ Id: '1', Arn: arn }]);
  world.faults.put([{ at: `queue/${name}`, kind: 'error', rate: 1, times: 1 }]);
  const id = await put(source, {});
  expect(JSON.parse((await received(url)).Body ?? '')).toMatchObject({ id });
});

test('a delivery that spent its retries is a dead letter that says so', async () => {
  const name = randomUUID();
  const [{ arn }, dead] = [await queue(name), await queue()];
  const source = randomUUID();
  const RetryPolicy = { MaximumRetryAttempts: 1 };
  await rule(source, [{ Id: '1', Arn: arn, DeadLetterConfig: { Arn: dead.arn }, RetryPolicy }]);
  world.faults.put([{ at: `queue/${name}`, kind: 'error', rate: 1 }]);
  await put(source, {});
  const { MessageAttributes = {} } = await received(dead.url);
  expect(MessageAttributes['EXHAUSTED_RETRY_CONDITION']?.StringValue).toBe('MaximumRetryAttempts');
  expect(MessageAttributes['RETRY_ATTEMPTS']?.StringValue).toBe('1');
});

test('a FIFO queue gets the event in the group that the target names', async () => {
  const { url, arn } = await queue(`${randomUUID()}.fifo`);
  const source = randomUUID();
  await rule(source, [{ Id: '1', Arn: arn, SqsParameters: { MessageGroupId: 'g' } }]);
  await put(source, {});
  expect((await received(url)).Attributes?.MessageGroupId).toBe('g');
});

test('a pattern can be tried out, and an event that is none is refused', async () => {
  const event = { id: '1', account: '1', source: 's', time: 't', region: 'r', resources: [], 'detail-type': 'd' };
  const test = (EventPattern: string, Event: object) =>
    world.events.send(new TestEventPatternCommand({ EventPattern, Event: JSON.stringify(Event) }));
  expect((await test('{"source":["s"]}', event)).Result).toBe(true);
  expect((await test('{"source":["x"]}', event)).Result).toBe(false);
  await expect(test('{"source":"s"}', event)).rejects.toMatchObject({ name: 'InvalidEventPatternException' });
  await expect(test('{"source":["s"]}', { ...event, region: undefined })).rejects.toThrow('it has no region');
});
