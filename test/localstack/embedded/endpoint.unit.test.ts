import { connect } from 'node:net';
import { request as httpRequest } from 'node:http';
import { CreateTableCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListEventBusesCommand } from '@aws-sdk/client-eventbridge';
import { CreateEventSourceMappingCommand, InvokeCommand, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startEndpoint } from '../../../localstack/embedded/endpoint.ts';
import { faultInjector } from '../../../localstack/embedded/faults.ts';
import { fixedRandom, registered, silentLog, stackCall, startWorld, TOKEN, type World } from './fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.close();
});

const table = (name: string): CreateTableCommand =>
  new CreateTableCommand({
    TableName: name,
    KeySchema: [{ AttributeName: 'k', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'k', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
  });

const rawRequest = (url: string, headers: Record<string, string>, method = 'GET', body = ''): Promise<number> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });

describe('one address serves', () => {
  test('DynamoDB', async () => {
    await world.dynamodb.send(table('things'));
    await world.dynamodb.send(new PutItemCommand({ TableName: 'things', Item: { k: { S: 'a' }, v: { N: '1' } } }));
    const read = await world.dynamodb.send(new GetItemCommand({ TableName: 'things', Key: { k: { S: 'a' } } }));
    expect(read.Item).toEqual({ k: { S: 'a' }, v: { N: '1' } });
  });

  test('SQS, whose queue URLs have the address that the caller can reach', async () => {
    const { QueueUrl } = await world.sqs.send(new CreateQueueCommand({ QueueName: 'orders' }));
    expect(QueueUrl).toBe(`${world.endpoint.url}/000000000000/orders`);
    expect((await world.sqs.send(new GetQueueUrlCommand({ QueueName: 'orders' }))).QueueUrl).toBe(QueueUrl);
    expect((await world.sqs.send(new ListQueuesCommand({}))).QueueUrls).toContain(QueueUrl);
    await world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
    const { Messages } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(['hello']);
  });

  test('SQS for a client that sends to the URL of the queue', async () => {
    const { QueueUrl } = await world.sqs.send(new CreateQueueCommand({ QueueName: 'by-url' }));
    const target = { 'x-amz-target': 'AmazonSQS.SendMessage', 'content-type': 'application/x-amz-json-1.0' };
    const body = JSON.stringify({ QueueUrl, MessageBody: 'x' });
    expect(await rawRequest(String(QueueUrl), target, 'POST', body)).toBe(200);
    const client = new SQSClient({
      endpoint: world.endpoint.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const sent = await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'y' }));
    client.destroy();
    expect(sent.MessageId).toMatch(/^[\da-f-]{36}$/);
  });

  test('SNS, which delivers to SQS', async () => {
    await world.sqs.send(new CreateQueueCommand({ QueueName: 'inbox' }));
    const { TopicArn } = await world.sns.send(new CreateTopicCommand({ Name: 'news' }));
    const Endpoint = 'arn:aws:sqs:us-east-1:000000000000:inbox';
    const Attributes = { RawMessageDelivery: 'true' };
    await world.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
    await world.sns.send(new PublishCommand({ TopicArn, Message: 'read all about it' }));
    const QueueUrl = `${world.endpoint.url}/000000000000/inbox`;
    const { Messages } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.[0]?.Body).toBe('read all about it');
  });

  test('S3: put, head, get, list behind a key, delete', async () => {
    const Bucket = 'pictures';
    await world.s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['in/a', 'in/b c', 'in/d'])
      await world.s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(Key), ContentType: 'image/png' }));
    const got = await world.s3.send(new GetObjectCommand({ Bucket, Key: 'in/b c' }));
    expect(await got.Body?.transformToString()).toBe('in/b c');
    expect(got.ContentType).toBe('image/png');
    const head = await world.s3.send(new HeadObjectCommand({ Bucket, Key: 'in/a' }));
    expect(head.ContentLength).toBe(4);
    const page = await world.s3.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'in/', StartAfter: 'in/a', MaxKeys: 1 }),
    );
    expect(page.Contents?.map(({ Key }) => Key)).toEqual(['in/b c']);
    expect(page.IsTruncated).toBe(true);
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key: 'in/a' }));
    await expect(world.s3.send(new GetObjectCommand({ Bucket, Key: 'in/a' }))).rejects.toBeInstanceOf(NoSuchKey);
  });

  test('S3 keys as they are: dots and slashes are letters of a name, not steps of a path', async () => {
    const Bucket = 'dotted';
    const keys = [
      'mix/../up',
      './a',
      'a//b',
      'a/./b',
      '..',
      '../../pictures/x',
      'a/.../%2E%2E/c',
      'x\\..\\y',
      'ü/?#+/..',
    ];
    await world.s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of keys) await world.s3.send(new PutObjectCommand({ Bucket, Key, Body: `of ${Key}` }));
    const { Contents = [] } = await world.s3.send(new ListObjectsV2Command({ Bucket }));
    expect(new Set(Contents.map(({ Key }) => Key))).toEqual(new Set(keys));
    for (const Key of keys) {
      const got = await world.s3.send(new GetObjectCommand({ Bucket, Key }));
      expect(await got.Body?.transformToString()).toBe(`of ${Key}`);
      await world.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    }
    expect((await world.s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });

  test('S3 under a bucket of the host, whose key is no less as it is', async () => {
    await world.s3.send(new CreateBucketCommand({ Bucket: 'hosted' }));
    const host = { host: 'hosted.localhost' };
    expect(await rawRequest(`${world.endpoint.url}/a/k`, { ...host, 'content-type': 'text/x' }, 'PUT', 'hi')).toBe(200);
    const got = await world.s3.send(new GetObjectCommand({ Bucket: 'hosted', Key: 'a/k' }));
    expect([await got.Body?.transformToString(), got.ContentType]).toEqual(['hi', 'text/x']);
  });

  test('an S3 key that is no percent-encoded UTF-8 is 400', async () => {
    await world.s3.send(new CreateBucketCommand({ Bucket: 'malformed' }));
    for (const key of ['%', '%zz', '%ff'])
      expect(await rawRequest(`${world.endpoint.url}/malformed/${key}`, {}, 'PUT', 'x')).toBe(400);
  });

  test.each([
    'application/x-www-form-urlencoded',
    'application/x-amz-json-1.0',
    'application/json; charset=utf-8',
    'multipart/form-data; boundary=x',
  ])('an S3 object of the type %s, its bytes and its type as they were put', async (ContentType) => {
    const Bucket = 'typed';
    await world.s3.send(new CreateBucketCommand({ Bucket }));
    for (const Body of [Buffer.from([0xff, 0x00, 0x26, 0x3d]), Buffer.alloc(0)]) {
      await world.s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body, ContentType }));
      const got = await world.s3.send(new GetObjectCommand({ Bucket, Key: 'k' }));
      expect(got.ContentType).toBe(ContentType);
      expect(Body.equals(Buffer.from((await got.Body?.transformToByteArray()) ?? []))).toBe(true);
    }
  });

  test('a large object, as it was put', async () => {
    const Body = Buffer.alloc(10_000_000, 'abc');
    await world.s3.send(new CreateBucketCommand({ Bucket: 'large' }));
    await world.s3.send(new PutObjectCommand({ Bucket: 'large', Key: 'k', Body }));
    const got = await world.s3.send(new GetObjectCommand({ Bucket: 'large', Key: 'k' }));
    expect(Body.equals(Buffer.from((await got.Body?.transformToByteArray()) ?? []))).toBe(true);
  });

  test.each([12 * 1_048_576, 33 * 1_048_576])('an object of %d bytes is refused in the words of S3', async (length) => {
    await world.s3.send(new CreateBucketCommand({ Bucket: `too-large-${length}` }));
    const put = world.s3.send(
      new PutObjectCommand({ Bucket: `too-large-${length}`, Key: 'k', Body: Buffer.alloc(length) }),
    );
    await expect(put).rejects.toMatchObject({ name: 'EntityTooLarge', $metadata: { httpStatusCode: 400 } });
  });

  test('EventBridge', async () => {
    const { EventBuses } = await world.events.send(new ListEventBusesCommand({}));
    expect(EventBuses?.map(({ Name }) => Name)).toContain('default');
  });

  test('Lambda, by the function host', async () => {
    await stackCall(`${world.endpoint.url}/_stack/functions`, 'PUT', { functions: [registered('echo')] });
    const { Payload } = await world.lambda.send(new InvokeCommand({ FunctionName: 'echo', Payload: '{"a":1}' }));
    expect(Payload?.transformToString()).toBe('{"a":1}');
  });

  test('event source mappings, which the event sources follow', async () => {
    await stackCall(`${world.endpoint.url}/_stack/functions`, 'PUT', { functions: [registered('worker')] });
    await world.sqs.send(new CreateQueueCommand({ QueueName: 'mapped' }));
    const EventSourceArn = 'arn:aws:sqs:us-east-1:000000000000:mapped';
    await world.lambda.send(new CreateEventSourceMappingCommand({ FunctionName: 'worker', EventSourceArn }));
    const { EventSourceMappings } = await world.lambda.send(new ListEventSourceMappingsCommand({}));
    expect(EventSourceMappings?.map((each) => each.EventSourceArn)).toEqual([EventSourceArn]);
    expect(world.endpoint.mappings.list()).toHaveLength(1);
    const missing = 'arn:aws:sqs:us-east-1:000000000000:nowhere';
    await expect(
      world.lambda.send(new CreateEventSourceMappingCommand({ FunctionName: 'worker', EventSourceArn: missing })),
    ).rejects.toMatchObject({ name: expect.stringMatching(/Exception$/) });
  });
});

test('calls are counted exactly, empty receives apart', async () => {
  const { QueueUrl } = await world.sqs.send(new CreateQueueCommand({ QueueName: 'counted' }));
  await stackCall(`${world.endpoint.url}/_stack/calls`, 'DELETE');
  const entry = (Id: string) => ({ Id, MessageBody: 'x' });
  for (let n = 0; n < 3; n += 1)
    await world.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [entry('1'), entry('2')] }));
  const { Messages = [] } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
  await world.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  await world.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  await world.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  const counts = await (await fetch(`${world.endpoint.url}/_stack/calls`)).json();
  expect(counts).toEqual({
    'sqs.DeleteMessageBatch': 1,
    'sqs.ReceiveMessage': 3,
    'sqs.ReceiveMessage.empty': 2,
    'sqs.SendMessageBatch': 3,
  });
});

test('messages for a receiver that left are visible to the next one', async () => {
  const { QueueUrl } = await world.sqs.send(new CreateQueueCommand({ QueueName: 'abandoned' }));
  const gone = new AbortController();
  const waiting = world.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
    abortSignal: gone.signal,
  });
  const counted = (): number => world.endpoint.calls.counts()['sqs.ReceiveMessage'] ?? 0;
  const before = counted();
  while (counted() === before) await new Promise((resolve) => setImmediate(resolve));
  gone.abort();
  await expect(waiting).rejects.toThrow('abort');
  // The endpoint sees the closed connection a turn later than we do.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'for whoever stays' }));
  const { Messages } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  expect(Messages?.[0]?.Body).toBe('for whoever stays');
});

describe('the gate', () => {
  test.each(['evil.example', 'localhost.evil.example', '169.254.169.254'])('refuses the host %p', async (host) => {
    expect(await rawRequest(`${world.endpoint.url}/_stack/health`, { host })).toBe(403);
  });
  test.each(['127.0.0.1:1', 'localhost', '[::1]:4566', 'pictures.localhost:4566'])(
    'lets the host %p in',
    async (host) => {
      expect(await rawRequest(`${world.endpoint.url}/_stack/health`, { host })).toBe(200);
    },
  );
  test('refuses a form of a foreign page', async () => {
    const headers = { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' };
    expect(await rawRequest(world.endpoint.url, headers, 'POST', 'Action=ListTopics')).toBe(403);
    const own = { ...headers, origin: 'http://localhost:3000' };
    expect(await rawRequest(world.endpoint.url, own, 'POST', 'Action=ListTopics')).toBe(200);
  });
});

describe('the administration', () => {
  test('says whether a function host is up', async () => {
    const health = async (): Promise<unknown> => (await fetch(`${world.endpoint.url}/_stack/health`)).json();
    expect(await health()).toEqual({ status: 'ok', functionHost: 'up' });
    world.hostUp = false;
    expect(await health()).toEqual({ status: 'ok', functionHost: 'down' });
    world.hostUp = true;
  });

  test('needs the token for what writes or shows data', async () => {
    for (const [method, path] of [
      ['DELETE', 'calls'],
      ['PUT', 'functions'],
      ['PUT', 'faults'],
      ['DELETE', 'faults'],
      ['GET', 'events'],
    ])
      expect((await stackCall(`${world.endpoint.url}/_stack/${path}`, String(method), undefined, 'wrong')).status).toBe(
        401,
      );
  });

  test('answers bad bodies, paths and methods with what is wrong', async () => {
    const put = (path: string, body: unknown) => stackCall(`${world.endpoint.url}/_stack/${path}`, 'PUT', body);
    expect((await put('functions', { functions: [{ name: 'x' }] })).status).toBe(400);
    const faults = await put('faults', { faults: [{ at: 'queue/x', kind: 'explode' }] });
    expect(faults.status).toBe(400);
    expect(JSON.stringify(await faults.json())).toContain("'faults[0].kind' to be one of hang, delay");
    expect((await put('nowhere', {})).status).toBe(404);
    expect((await put('health', {})).status).toBe(405);
  });
});

const options = {
  region: 'us-east-1',
  accountId: '000000000000',
  adminToken: TOKEN,
  functionHost: () => undefined,
  faults: faultInjector({ random: fixedRandom(0) }),
  log: silentLog,
};

test('a taken port is an error that names the port and the variable', async () => {
  const { port } = world.endpoint;
  const start = startEndpoint({ ...options, port, dynamodbUrl: 'http://127.0.0.1:1' });
  await expect(start).rejects.toThrow(new RegExp(`port ${port}.*EADDRINUSE.*AWS_PORT`));
});

test('close leaves no port behind, also with a long poll open', async () => {
  const endpoint = await startEndpoint({ ...options, port: 0, dynamodbUrl: 'http://127.0.0.1:1' });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 't', secretAccessKey: 't' },
  };
  const sqs = new SQSClient({ ...config, maxAttempts: 1 });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'q' }));
  const polling = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
  polling.catch(() => undefined);
  while (endpoint.calls.counts()['sqs.ReceiveMessage'] === undefined)
    await new Promise((resolve) => setImmediate(resolve));
  await endpoint.close();
  sqs.destroy();
  await expect(
    new Promise((resolve, reject) => {
      connect(endpoint.port, '127.0.0.1').once('connect', resolve).once('error', reject);
    }),
  ).rejects.toThrow('ECONNREFUSED');
});

test('tables that do not answer are a server error, and the endpoint lives', async () => {
  const endpoint = await startEndpoint({ ...options, port: 0, dynamodbUrl: 'http://127.0.0.1:1' });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 't', secretAccessKey: 't' },
  };
  const dynamodb = new DynamoDBClient({ ...config, maxAttempts: 1 });
  await expect(
    dynamodb.send(new GetItemCommand({ TableName: 'things', Key: { k: { S: 'a' } } })),
  ).rejects.toMatchObject({
    name: 'InternalServerError',
  });
  dynamodb.destroy();
  await endpoint.close();
});

test('with an upstream it serves Lambda and mappings itself, and passes everything else there', async () => {
  const endpoint = await startEndpoint({ ...options, port: 0, upstream: world.endpoint.url });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 't', secretAccessKey: 't' },
  };
  const sqs = new SQSClient({ ...config, useQueueUrlAsEndpoint: false, maxAttempts: 1 });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'there' }));
  expect(QueueUrl).toBe(`${world.endpoint.url}/000000000000/there`);
  sqs.destroy();
  const answer = await fetch(`${endpoint.url}/2015-03-31/functions/worker`);
  expect(answer.status).toBe(404);
  await endpoint.close();
});
