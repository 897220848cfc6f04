import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { provision, type Provisioned } from '../../../localstack/plugin/provision.ts';
import { awsClients, clientConfig, type Place } from '../../../localstack/plugin/resources/clients.ts';
import { parseTemplate } from '../../../localstack/plugin/template.ts';
import type { Json } from '../../../lib/primitives/table.ts';
import { startPlace, type TestPlace } from './place.ts';

let testPlace: TestPlace;
let place: Place;
let sqs: SQSClient;

beforeAll(async () => {
  testPlace = await startPlace();
  place = { endpoint: testPlace.url, region: 'us-east-1', accountId: '000000000000' };
  sqs = new SQSClient({ ...clientConfig(place), useQueueUrlAsEndpoint: false });
});
afterAll(() => testPlace.stop());

const make = (resources: Json, conditions: Json = {}): Promise<Provisioned> =>
  provision({
    template: parseTemplate({ Resources: resources, Conditions: conditions }),
    stackName: 'stack',
    given: new Map(),
    clients: awsClients(place),
  });

const attributesOf = async (url: string): Promise<Readonly<Record<string, string | undefined>>> => {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  return Attributes;
};

const urlOf = ({ made }: Provisioned, id: string): string => made.get(id)?.ref ?? '';

const queue = (properties: Json): Json => ({ Type: 'AWS::SQS::Queue', Properties: properties });

const TABLE = {
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
};
const table = (properties: { readonly [name: string]: Json }): Json => ({
  Type: 'AWS::DynamoDB::Table',
  Properties: { ...TABLE, ...properties },
});

describe('queues', () => {
  const redrive = { deadLetterTargetArn: { 'Fn::GetAtt': ['dead', 'Arn'] }, maxReceiveCount: '3' };

  test('a queue has the attributes of the template, AWS defaults for the rest, and its dead-letter queue', async () => {
    const made = await make({
      items: queue({ QueueName: 'q1', VisibilityTimeout: 7, RedrivePolicy: redrive }),
      dead: queue({ QueueName: 'q1-dead' }),
    });
    const attributes = await attributesOf(urlOf(made, 'items'));
    expect(attributes).toMatchObject({ VisibilityTimeout: '7', MessageRetentionPeriod: '345600', DelaySeconds: '0' });
    expect(attributes).toMatchObject({ MaximumMessageSize: '1048576' });
    expect(JSON.parse(attributes['RedrivePolicy'] ?? '')).toMatchObject({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:q1-dead',
    });
    expect(made.made.get('items')?.attributes['Arn']).toBe('arn:aws:sqs:us-east-1:000000000000:q1');
  });

  test('starting again on a changed template changes the attributes, also back to their defaults', async () => {
    const dead = queue({ QueueName: 'q2-dead' });
    await make({
      items: queue({ QueueName: 'q2', VisibilityTimeout: 7, RedrivePolicy: redrive, DelaySeconds: 3 }),
      dead,
    });
    const made = await make({ items: queue({ QueueName: 'q2', VisibilityTimeout: '9' }), dead });
    const attributes = await attributesOf(urlOf(made, 'items'));
    expect(attributes).toMatchObject({ VisibilityTimeout: '9', DelaySeconds: '0' });
    expect(attributes['RedrivePolicy'] ?? '').toBe('');
  });

  test('a queue without a name is named after the stack and its id', async () => {
    const made = await make({ nameless: queue({}) });
    expect(made.made.get('nameless')?.attributes['QueueName']).toBe('stack-nameless');
  });

  test('a FIFO queue is one, also at the second start', async () => {
    const resources = { fifo: queue({ QueueName: 'q3.fifo', FifoQueue: true, ContentBasedDeduplication: true }) };
    await make(resources);
    expect(await attributesOf(urlOf(await make(resources), 'fifo'))).toMatchObject({
      FifoQueue: 'true',
      ContentBasedDeduplication: 'true',
    });
  });

  test.each<[string, Json, string]>([
    ['a FIFO name without FifoQueue', { QueueName: 'x.fifo' }, "end in '.fifo', got 'x.fifo'"],
    ['FifoQueue without the name', { QueueName: 'x', FifoQueue: true }, "end in '.fifo', got 'x'"],
    ['a FIFO property elsewhere', { QueueName: 'x', ContentBasedDeduplication: true }, 'is for FIFO queues only'],
    [
      'a redrive policy without a target',
      { RedrivePolicy: { maxReceiveCount: 3 } },
      "'deadLetterTargetArn' to be an ARN",
    ],
    [
      'a dead-letter queue of the other type',
      { QueueName: 'x.fifo', FifoQueue: true, RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:r:a:y' } },
      'expected the dead-letter queue to be a FIFO queue too',
    ],
    [
      'a dead-letter queue that is not there',
      { QueueName: 'x', RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:r:a:y' } },
      "there is no queue 'y'",
    ],
  ])('%s is refused, as AWS does', async (_, properties, message) => {
    await expect(make({ bad: queue(properties) })).rejects.toThrow(message);
    await expect(make({ bad: queue(properties) })).rejects.toThrow(/^Resources\.bad/);
  });
});

describe('tables', () => {
  const dynamodb = (): DynamoDBClient => new DynamoDBClient(clientConfig(place));

  test('a table has its keys, its stream and its time to live, and keeps them at the second start', async () => {
    const resources = {
      jobs: table({
        TableName: 'table-1',
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      }),
    };
    await make(resources);
    const { made } = await make(resources);
    const { Table } = await dynamodb().send(new DescribeTableCommand({ TableName: 'table-1' }));
    expect(Table).toMatchObject({ KeySchema: TABLE.KeySchema, StreamSpecification: { StreamViewType: 'NEW_IMAGE' } });
    expect(made.get('jobs')?.attributes).toMatchObject({ StreamArn: Table?.LatestStreamArn });
    const { TimeToLiveDescription } = await dynamodb().send(new DescribeTimeToLiveCommand({ TableName: 'table-1' }));
    expect(TimeToLiveDescription).toMatchObject({ AttributeName: 'ttl', TimeToLiveStatus: 'ENABLED' });
  });

  test('a stream and a time to live that come later are put on the table that is there', async () => {
    await make({ jobs: table({ TableName: 'table-2' }) });
    await make({
      jobs: table({
        TableName: 'table-2',
        StreamSpecification: { StreamViewType: 'KEYS_ONLY' },
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: 'true' },
      }),
    });
    const { Table } = await dynamodb().send(new DescribeTableCommand({ TableName: 'table-2' }));
    expect(Table?.StreamSpecification).toMatchObject({ StreamEnabled: true, StreamViewType: 'KEYS_ONLY' });
    const { TimeToLiveDescription } = await dynamodb().send(new DescribeTimeToLiveCommand({ TableName: 'table-2' }));
    expect(TimeToLiveDescription?.AttributeName).toBe('ttl');
  });

  test('other keys on a table that is there are an error that says what cannot be changed', async () => {
    await make({ jobs: table({ TableName: 'table-3' }) });
    const KeySchema = [{ AttributeName: 'pk', KeyType: 'HASH' }];
    await expect(make({ jobs: table({ TableName: 'table-3', KeySchema }) })).rejects.toThrow(
      "Resources.jobs: 'KeySchema' of table 'table-3' differs from the table that is there, and cannot be changed in place.",
    );
  });
});

describe('buckets, buses, topics', () => {
  const resources = {
    media: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'media' } },
    bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'bus' } },
    news: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'news', DisplayName: 'News' } },
    inbox: queue({ QueueName: 'inbox' }),
    inboxPolicy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: { Queues: [{ Ref: 'inbox' }], PolicyDocument: { Version: '2012-10-17', Statement: [] } },
    },
    subscription: {
      Type: 'AWS::SNS::Subscription',
      Properties: {
        TopicArn: { Ref: 'news' },
        Protocol: 'sqs',
        Endpoint: { 'Fn::GetAtt': ['inbox', 'Arn'] },
        RawMessageDelivery: true,
      },
    },
  };

  test('are made once and found at the second start, and what is published to the topic is in the queue', async () => {
    const first = await make(resources);
    const second = await make(resources);
    expect([...second.made]).toEqual([...first.made]);
    await new S3Client({ ...clientConfig(place), forcePathStyle: true }).send(
      new HeadBucketCommand({ Bucket: 'media' }),
    );
    const topic = urlOf(second, 'news');
    await new SNSClient(clientConfig(place)).send(new PublishCommand({ TopicArn: topic, Message: 'once' }));
    const url = urlOf(second, 'inbox');
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    expect(Messages.map(({ Body }) => Body)).toEqual(['once']);
    expect(await attributesOf(url)).toMatchObject({ Policy: '{"Version":"2012-10-17","Statement":[]}' });
    expect(second.made.get('bus')).toEqual({
      ref: 'bus',
      attributes: { Arn: 'arn:aws:events:us-east-1:000000000000:event-bus/bus', Name: 'bus' },
    });
  });
});

describe('what is not known', () => {
  test('a type is an error that names it and what is known, before anything is made', async () => {
    const made = make({ first: queue({ QueueName: 'never' }), odd: { Type: 'AWS::Kinesis::Stream' } });
    await expect(made).rejects.toThrow(
      "Resources.odd: type 'AWS::Kinesis::Stream' is not known here. Known: AWS::SQS::Queue,",
    );
    await expect(sqs.send(new GetQueueUrlCommand({ QueueName: 'never' }))).rejects.toThrow('does not exist');
  });

  test('a property is an error that names the resource, the property and what is known', async () => {
    await expect(make({ odd: queue({ VisibilityTimeoutS: 1 }) })).rejects.toThrow(
      "Resources.odd: property 'VisibilityTimeoutS' of AWS::SQS::Queue is not known here. Known: QueueName,",
    );
  });

  test('a name is an error that names the resource', async () => {
    await expect(make({ odd: queue({ QueueName: { Ref: 'ghost' } }) })).rejects.toThrow(
      "Resources.odd: There is no resource, function or pseudo-parameter 'ghost' in the template.",
    );
  });

  test('a resource that is not made here has no value, and whoever asks for it is told', async () => {
    const role = { Type: 'AWS::IAM::Role', Properties: { Anything: true } };
    await expect(make({ role, odd: queue({ QueueName: { Ref: 'role' } }) })).rejects.toThrow(
      "Resources.odd: 'role' (AWS::IAM::Role) has no value on this machine: it is not made here.",
    );
  });

  test('a resource whose condition does not hold is not made', async () => {
    const conditional = { Type: 'AWS::SQS::Queue', Condition: 'remote', Properties: {} };
    const { made } = await make({ conditional }, { remote: { 'Fn::Equals': ['a', 'b'] } });
    expect(made.size).toBe(0);
  });

  test('a condition that depends on itself is an error', async () => {
    const conditional = { Type: 'AWS::SQS::Queue', Condition: 'a', Properties: {} };
    const conditions = { a: { 'Fn::Not': [{ Condition: 'b' }] }, b: { 'Fn::Not': [{ Condition: 'a' }] } };
    await expect(make({ conditional }, conditions)).rejects.toThrow("Conditions: 'a' depends on itself.");
  });
});
