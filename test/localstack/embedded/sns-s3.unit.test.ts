import { randomUUID } from 'node:crypto';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  type NotificationConfiguration,
} from '@aws-sdk/client-s3';
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SubscribeCommand,
  type PublishCommandInput,
} from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs';
import { registered, startWorld, type World } from './fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  world.endpoint.functions.put({ functions: [registered('worker')] });
});
afterAll(() => world.close());

interface S3Record {
  readonly eventName: string;
  readonly s3: { readonly object: { readonly key: string; readonly size?: number; readonly sequencer: string } };
}

interface Queue {
  readonly url: string;
  readonly arn: string;
}

const queue = async (suffix = ''): Promise<Queue> => {
  const name = `q-${randomUUID()}${suffix}`;
  const Attributes = suffix === '' ? {} : { FifoQueue: 'true' };
  const { QueueUrl = '' } = await world.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:000000000000:${name}` };
};
const take = async ({ url }: Queue): Promise<readonly Message[]> => {
  const input = { QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] };
  const { Messages = [] } = await world.sqs.send(new ReceiveMessageCommand(input));
  return Messages;
};
const bodies = async (from: Queue): Promise<readonly string[]> => (await take(from)).map(({ Body = '' }) => Body);
const topic = async (suffix = ''): Promise<string> => {
  const Attributes: Record<string, string> = suffix === '' ? {} : { FifoTopic: 'true' };
  const { TopicArn = '' } = await world.sns.send(
    new CreateTopicCommand({ Name: `t-${randomUUID()}${suffix}`, Attributes }),
  );
  return TopicArn;
};
const subscribe = (TopicArn: string, Endpoint: string, Attributes: Record<string, string> = {}, Protocol = 'sqs') =>
  world.sns.send(new SubscribeCommand({ TopicArn, Endpoint, Protocol, Attributes, ReturnSubscriptionArn: true }));
const publish = (input: PublishCommandInput) => world.sns.send(new PublishCommand(input));
const text = (StringValue: string, DataType = 'String') => ({ DataType, StringValue });
const raw = { RawMessageDelivery: 'true' };
const WORKER = 'arn:aws:lambda:us-east-1:000000000000:function:worker';
const eventsOf = (found: (payload: string) => boolean): readonly string[] =>
  world.host.invoked.map(({ payload }) => payload).filter(found);

describe('a topic', () => {
  test('hands a message on in an envelope, and raw with its attributes where that is asked for', async () => {
    const TopicArn = await topic();
    const [plain, bare] = [await queue(), await queue()];
    await subscribe(TopicArn, plain.arn);
    await subscribe(TopicArn, bare.arn, raw);
    const { MessageId } = await publish({
      TopicArn,
      Message: 'hi',
      Subject: 's',
      MessageAttributes: { n: text('1', 'Number') },
    });
    const [envelope = ''] = await bodies(plain);
    expect(JSON.parse(envelope)).toMatchObject({
      Type: 'Notification',
      MessageId,
      TopicArn,
      Subject: 's',
      Message: 'hi',
      SignatureVersion: '1',
      MessageAttributes: { n: { Type: 'Number', Value: '1' } },
    });
    expect(await take(bare)).toMatchObject([{ Body: 'hi', MessageAttributes: { n: text('1', 'Number') } }]);
  });

  test.each([
    ['a list of texts', '{"k":["a","b"]}', { k: text('b') }, { k: text('c') }],
    ['a number only for numbers', '{"k":[100]}', { k: text('100', 'Number') }, { k: text('100') }],
    [
      'one element of an array',
      '{"k":["a"]}',
      { k: text('["x","a"]', 'String.Array') },
      { k: text('["x"]', 'String.Array') },
    ],
    ['exists: false, but not a message without attributes', '{"k":[{"exists":false}]}', { o: text('x') }, {}],
    ['anything but', '{"k":[{"anything-but":["a"]}]}', { k: text('b') }, { k: text('a') }],
  ])('filters by attributes: %s', async (_, FilterPolicy, yes, no) => {
    const TopicArn = await topic();
    const into = await queue();
    await subscribe(TopicArn, into.arn, { ...raw, FilterPolicy });
    await publish({ TopicArn, Message: 'yes', MessageAttributes: yes });
    await publish({ TopicArn, Message: 'no', MessageAttributes: no });
    expect(await bodies(into)).toEqual(['yes']);
  });

  test('filters by the body where that is asked for', async () => {
    const TopicArn = await topic();
    const into = await queue();
    await subscribe(TopicArn, into.arn, {
      ...raw,
      FilterPolicyScope: 'MessageBody',
      FilterPolicy: '{"a":{"b":[{"prefix":"x"}]}}',
    });
    for (const Message of ['{"a":{"b":"xy"}}', '{"a":{"b":"y"}}', 'a text']) await publish({ TopicArn, Message });
    expect(await bodies(into)).toEqual(['{"a":{"b":"xy"}}']);
  });

  test('calls a function with one record', async () => {
    const TopicArn = await topic();
    const { SubscriptionArn } = await subscribe(TopicArn, WORKER, {}, 'lambda');
    await publish({ TopicArn, Message: 'for the function' });
    const [payload = '{}'] = await seen('for the function');
    expect(JSON.parse(payload)).toMatchObject({
      Records: [
        {
          EventSource: 'aws:sns',
          EventVersion: '1.0',
          EventSubscriptionArn: SubscriptionArn,
          Sns: { Type: 'Notification', Subject: null, Message: 'for the function', TopicArn, MessageAttributes: {} },
        },
      ],
    });
  });

  test('buries what a subscription does not take', async () => {
    const TopicArn = await topic();
    const dead = await queue();
    const redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn }) };
    await subscribe(TopicArn, 'arn:aws:sqs:us-east-1:000000000000:nowhere', { ...raw, ...redrive });
    await subscribe(TopicArn, `${WORKER}-gone`, redrive, 'lambda');
    await publish({ TopicArn, Message: 'lost' });
    const found = await bodies(dead);
    expect(found).toHaveLength(2);
    expect(found).toContain('lost');
  });

  test('of FIFO keeps the order, and hands a repeat on once', async () => {
    const TopicArn = await topic('.fifo');
    const [into, standard] = [await queue('.fifo'), await queue()];
    await subscribe(TopicArn, into.arn, raw);
    await subscribe(TopicArn, standard.arn, raw);
    const send = (Message: string, id: string) =>
      publish({ TopicArn, Message, MessageGroupId: 'g', MessageDeduplicationId: id });
    const first = await send('1', 'a');
    const again = await send('1', 'a');
    await send('2', 'b');
    expect(again.MessageId).toBe(first.MessageId);
    expect(first.SequenceNumber).toMatch(/^\d{20}$/);
    expect(await bodies(into)).toEqual(['1', '2']);
    // A standard queue drops no repeats by itself.
    expect(await bodies(standard)).toHaveLength(2);
    await expect(publish({ TopicArn, Message: 'x' })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  test('takes the text of each protocol, and a batch with its bad entries told apart', async () => {
    const TopicArn = await topic();
    const into = await queue();
    await subscribe(TopicArn, into.arn, raw);
    const Message = JSON.stringify({ default: 'd', sqs: 'q' });
    await publish({ TopicArn, Message, MessageStructure: 'json' });
    const { Successful = [], Failed = [] } = await world.sns.send(
      new PublishBatchCommand({
        TopicArn,
        PublishBatchRequestEntries: [
          { Id: 'a', Message: 'A' },
          { Id: 'b', Message: 'B', MessageStructure: 'json' },
        ],
      }),
    );
    expect([Successful.map(({ Id }) => Id), Failed.map(({ Id }) => Id)]).toEqual([['a'], ['b']]);
    expect(await bodies(into)).toEqual(['q', 'A']);
  });

  test.each<[string, string, Record<string, string>]>([
    ['a protocol that is not served', 'https', {}],
    ['a filter policy that is none', 'sqs', { FilterPolicy: '{"k":"a"}' }],
    [
      'more than five keys',
      'sqs',
      {
        FilterPolicy: JSON.stringify({ a: Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((k) => [k, ['x']])) }),
        FilterPolicyScope: 'MessageBody',
      },
    ],
    ['raw delivery to a function', 'lambda', raw],
    ['an attribute that is not carried out', 'sqs', { DeliveryPolicy: '{}' }],
  ])('refuses %s', async (_, protocol, attributes) => {
    const endpoints: Record<string, string> = { sqs: (await queue()).arn, lambda: WORKER };
    await expect(
      subscribe(await topic(), endpoints[protocol] ?? 'https://a.example', attributes, protocol),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

/** The invocations that hold a text, once there is one. */
const seen = async (part: string): Promise<readonly string[]> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = eventsOf((payload) => payload.includes(part));
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return [];
};

describe('a bucket', () => {
  const bucket = async (config: NotificationConfiguration): Promise<string> => {
    const Bucket = `b-${randomUUID()}`;
    await world.s3.send(new CreateBucketCommand({ Bucket }));
    await configure(Bucket, config);
    return Bucket;
  };
  const configure = (Bucket: string, NotificationConfiguration: NotificationConfiguration) =>
    world.s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  const put = (Bucket: string, Key: string, Body = 'body') =>
    world.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  const recordsIn = async (from: Queue): Promise<readonly S3Record[]> =>
    (await bodies(from)).flatMap((body) => (JSON.parse(body) as { Records?: S3Record[] }).Records ?? []);

  test('tests a queue when it is named, and tells it of what is put, copied and removed', async () => {
    const into = await queue();
    const Events: string[] = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
    const Bucket = await bucket({
      QueueConfigurations: [{ Id: 'all', QueueArn: into.arn, Events: Events as never[] }],
    });
    const [test] = await bodies(into);
    expect(JSON.parse(test ?? '')).toMatchObject({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket });
    const { ETag } = await put(Bucket, 'a b/ü.txt', '12345');
    await world.s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/a%20b/%C3%BC.txt` }));
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }));
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key: 'never there' }));
    await world.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a b/ü.txt' }], Quiet: true } }));
    const records = await recordsIn(into);
    expect(records.map(({ eventName, s3 }) => [eventName, s3.object.key, s3.object.size])).toEqual([
      ['ObjectCreated:Put', 'a+b/%C3%BC.txt', 5],
      ['ObjectCreated:Copy', 'copy', 5],
      ['ObjectRemoved:Delete', 'copy', undefined],
      ['ObjectRemoved:Delete', 'a+b/%C3%BC.txt', undefined],
    ]);
    expect(records[0]).toMatchObject({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      s3: { configurationId: 'all', bucket: { name: Bucket }, object: { eTag: ETag?.replaceAll('"', '') } },
    });
    const sequencers = records.map(({ s3 }) => s3.object.sequencer);
    expect(sequencers.toSorted()).toEqual(sequencers);
  });

  test('tells by prefix and suffix', async () => {
    const into = await queue();
    const FilterRules = [
      { Name: 'prefix' as const, Value: 'in/' },
      { Name: 'suffix' as const, Value: '.jpg' },
    ];
    const Filter = { Key: { FilterRules } };
    const Bucket = await bucket({
      QueueConfigurations: [{ QueueArn: into.arn, Events: ['s3:ObjectCreated:Put'], Filter }],
    });
    await bodies(into);
    for (const key of ['in/a.jpg', 'in/a.png', 'out/a.jpg']) await put(Bucket, key);
    expect((await recordsIn(into)).map(({ s3 }) => s3.object.key)).toEqual(['in/a.jpg']);
  });

  test('calls functions, publishes to topics and speaks on the default bus', async () => {
    const TopicArn = await topic();
    const into = await queue();
    await subscribe(TopicArn, into.arn, raw);
    const prefixed = (Value: string) => ({ Key: { FilterRules: [{ Name: 'prefix' as const, Value }] } });
    const config: NotificationConfiguration = {
      LambdaFunctionConfigurations: [
        { LambdaFunctionArn: WORKER, Events: ['s3:ObjectCreated:*'], Filter: prefixed('f/') },
      ],
      TopicConfigurations: [{ TopicArn, Events: ['s3:ObjectCreated:*'], Filter: prefixed('t/') }],
      EventBridgeConfiguration: {},
    };
    const Bucket = await bucket(config);
    await bodies(into);
    await put(Bucket, 'f/x y');
    await put(Bucket, 't/x');
    expect(await seen(Bucket)).toHaveLength(1);
    expect((await recordsIn(into)).map(({ s3 }) => s3.object.key)).toEqual(['t/x']);
    const events = (world.endpoint.bus.events('default') ?? []).filter(({ resources }) =>
      resources.includes(`arn:aws:s3:::${Bucket}`),
    );
    expect(events).toMatchObject([
      {
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail: { bucket: { name: Bucket }, object: { key: 'f/x y', size: 4 }, reason: 'PutObject' },
      },
      { detail: { object: { key: 't/x' } } },
    ]);
    const stored = await world.s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
    expect(stored).toMatchObject({
      LambdaFunctionConfigurations: [
        { LambdaFunctionArn: WORKER, Filter: { Key: { FilterRules: [{ Value: 'f/' }] } } },
      ],
      TopicConfigurations: [{ TopicArn }],
      EventBridgeConfiguration: {},
    });
    await configure(Bucket, {});
    await put(Bucket, 't/y');
    expect(await bodies(into)).toEqual([]);
  });

  test('refuses overlapping configurations, targets that are not there, and events that cannot happen', async () => {
    const into = await queue();
    const Bucket = await bucket({});
    const refused = { name: 'InvalidArgument' };
    const twice = ['s3:ObjectCreated:*', 's3:ObjectCreated:Put'].map((event) => ({
      QueueArn: into.arn,
      Events: [event as never],
    }));
    await expect(configure(Bucket, { QueueConfigurations: twice })).rejects.toMatchObject(refused);
    const gone = [{ QueueArn: `${into.arn}-gone`, Events: ['s3:ObjectCreated:*' as const] }];
    await expect(configure(Bucket, { QueueConfigurations: gone })).rejects.toMatchObject(refused);
    const never = [{ QueueArn: into.arn, Events: ['s3:ReducedRedundancyLostObject' as const] }];
    await expect(configure(Bucket, { QueueConfigurations: never })).rejects.toMatchObject(refused);
    await expect(configure('nobody-has-it', {})).rejects.toMatchObject({ name: 'NoSuchBucket' });
    expect(await bodies(into)).toEqual([]);
  });
});
