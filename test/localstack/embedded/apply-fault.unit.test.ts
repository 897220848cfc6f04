import {
  BatchWriteItemCommand,
  CreateTableCommand,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { registered, startWorld, type World } from './fixture.ts';

let world: World;
let QueueUrl: string;
let queueCount = 0;
let queue: string;
beforeAll(async () => {
  world = await startWorld();
  await world.dynamodb.send(
    new CreateTableCommand({
      TableName: 'shop-local-stock',
      KeySchema: [{ AttributeName: 'k', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'k', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  world.endpoint.functions.put({ functions: [registered('shop-local-work-queue-worker', { timeoutS: 1 })] });
});
afterAll(async () => {
  await world.close();
});
beforeEach(async () => {
  queue = `items-${(queueCount += 1)}`;
  QueueUrl = (await world.sqs.send(new CreateQueueCommand({ QueueName: `shop-local-${queue}` }))).QueueUrl ?? '';
});
afterEach(() => {
  world.faults.clear();
});

const send = (MessageBody = 'x') => world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
const receive = async () =>
  (await world.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))).Messages ?? [];
const visibleCount = async (): Promise<number> => {
  const AttributeNames = ['ApproximateNumberOfMessages' as const];
  const { Attributes } = await world.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return Number(Attributes?.ApproximateNumberOfMessages);
};
const putStock = (k: string) =>
  world.dynamodb.send(
    new PutItemCommand({
      TableName: 'shop-local-stock',
      Item: { k: { S: k } },
      ConditionExpression: 'attribute_not_exists(k)',
    }),
  );
const stock = async (k: string) =>
  (await world.dynamodb.send(new GetItemCommand({ TableName: 'shop-local-stock', Key: { k: { S: k } } }))).Item;

describe('a call that meets', () => {
  test('hang gets no answer, and is not applied', async () => {
    world.faults.put([{ at: `queue/${queue}`, kind: 'hang', times: 1 }]);
    const leave = new AbortController();
    const sending = world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }), {
      abortSignal: leave.signal,
    });
    while (world.faults.list()[0]?.fired !== 1) await new Promise((resolve) => setImmediate(resolve));
    leave.abort();
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
    expect(await visibleCount()).toBe(0);
  });

  test('hang with an end is cut then', async () => {
    world.faults.put([{ at: `queue/${queue}`, kind: 'hang', ms: 20 }]);
    await expect(send()).rejects.toThrow('socket hang up');
    expect(await visibleCount()).toBe(0);
  });

  test('delay is applied, later', async () => {
    world.faults.put([{ at: `queue/${queue}`, kind: 'delay', ms: 30, times: 1 }]);
    const leave = new AbortController();
    const sending = world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'late' }), {
      abortSignal: leave.signal,
    });
    while (world.faults.list()[0]?.fired !== 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await visibleCount()).toBe(0);
    leave.abort();
    await expect(sending).rejects.toThrow('abort');
    while ((await visibleCount()) === 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('error gets the server error of its service', async () => {
    world.faults.put([
      { at: `queue/${queue}`, kind: 'error' },
      { at: 'table/stock', kind: 'error' },
      { at: 'bus', kind: 'error' },
      { at: 'bucket/shop-local-pictures', kind: 'error' },
    ]);
    const fault = { $metadata: expect.objectContaining({ httpStatusCode: 500 }) };
    await expect(send()).rejects.toMatchObject({ name: 'InternalError', ...fault });
    await expect(putStock('error')).rejects.toMatchObject({ name: 'InternalServerError', ...fault });
    const Entries = [{ Source: 's', DetailType: 't', Detail: '{}' }];
    await expect(world.events.send(new PutEventsCommand({ Entries }))).rejects.toMatchObject({
      name: 'InternalException',
      ...fault,
    });
    await world.s3.send(new CreateBucketCommand({ Bucket: 'shop-local-pictures' }));
    const put = new PutObjectCommand({ Bucket: 'shop-local-pictures', Key: 'k', Body: 'x' });
    await expect(world.s3.send(put)).rejects.toMatchObject({ name: 'InternalError', ...fault });
  });

  test('crash is cut before it is applied', async () => {
    world.faults.put([{ at: `queue/${queue}`, kind: 'crash', times: 1 }]);
    await expect(send()).rejects.toThrow('socket hang up');
    expect(await visibleCount()).toBe(0);
  });

  test('lose-answer is applied and cut: the repeat of a conditional put is refused by its own effect', async () => {
    world.faults.put([{ at: 'table/stock', kind: 'lose-answer', times: 1 }]);
    await expect(putStock('lost')).rejects.toThrow('socket hang up');
    expect(await stock('lost')).toEqual({ k: { S: 'lost' } });
    await expect(putStock('lost')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
  });

  test('duplicate is applied twice, and gets the second answer', async () => {
    world.faults.put([
      { at: `queue/${queue}`, kind: 'duplicate', times: 1 },
      { at: 'table/stock', kind: 'duplicate', times: 1 },
    ]);
    await send();
    expect(await visibleCount()).toBe(2);
    await expect(putStock('twice')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
  });

  test('duplicate at a receive is delivered, and delivered again', async () => {
    await send('again');
    world.faults.put([{ at: `queue/${queue}`, kind: 'duplicate', times: 1 }]);
    const first = await receive();
    const second = await receive();
    expect(first.map(({ Body }) => Body)).toEqual(['again']);
    expect(second.map(({ MessageId }) => MessageId)).toEqual(first.map(({ MessageId }) => MessageId));
  });

  test('conflict is cancelled by it, as DynamoDB says it', async () => {
    world.faults.put([{ at: 'table/stock', kind: 'conflict', times: 2 }]);
    await stock('reads pass');
    const put = (k: string) => ({ Put: { TableName: 'shop-local-stock', Item: { k: { S: k } } } });
    const transaction = new TransactWriteItemsCommand({ TransactItems: [put('t1'), put('t2')] });
    const refused: unknown = await world.dynamodb.send(transaction).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TransactionCanceledException);
    if (!(refused instanceof TransactionCanceledException)) return;
    expect(refused.CancellationReasons?.map(({ Code }) => Code)).toEqual(['TransactionConflict', 'None']);
    await expect(putStock('single')).rejects.toMatchObject({ name: 'TransactionConflictException' });
    await world.dynamodb.send(transaction);
    expect(await stock('t2')).toBeDefined();
  });
});

describe('partial fails half of', () => {
  test('SendMessageBatch and DeleteMessageBatch, and applies the rest', async () => {
    world.faults.put([{ at: `queue/${queue}`, kind: 'partial', times: 1, seed: 1 }]);
    const Entries = Array.from({ length: 10 }, (_, index) => ({ Id: `${index}`, MessageBody: `${index}` }));
    const sent = await world.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(sent.Failed).toHaveLength(5);
    expect(sent.Failed?.[0]).toMatchObject({ Code: 'InternalError', SenderFault: false });
    const messages = await receive();
    expect(new Set(messages.map(({ Body }) => Body))).toEqual(new Set(sent.Successful?.map(({ Id }) => Id)));
    world.faults.put([{ at: `queue/${queue}`, kind: 'partial', times: 1 }]);
    const receipts = messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    const deleted = await world.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: receipts }));
    expect([deleted.Successful?.length, deleted.Failed?.length]).toEqual([2, 3]);
  });

  test('BatchWriteItem, and gives it back as UnprocessedItems', async () => {
    world.faults.put([{ at: 'table/stock', kind: 'partial', times: 1, seed: 7 }]);
    const keys = ['p1', 'p2', 'p3', 'p4'];
    const requests = keys.map((k) => ({ PutRequest: { Item: { k: { S: k } } } }));
    const { UnprocessedItems } = await world.dynamodb.send(
      new BatchWriteItemCommand({ RequestItems: { 'shop-local-stock': requests } }),
    );
    const left = UnprocessedItems?.['shop-local-stock']?.map(({ PutRequest }) => PutRequest?.Item?.['k']?.S);
    expect(left).toHaveLength(2);
    for (const k of keys) expect((await stock(k)) === undefined).toBe(left?.includes(k));
  });

  test('PutEvents, in the order of the entries', async () => {
    world.faults.put([{ at: 'bus', kind: 'partial', times: 1, seed: 3 }]);
    const Entries = ['a', 'b', 'c', 'd'].map((type) => ({ Source: 'partial', DetailType: type, Detail: '{}' }));
    const answer = await world.events.send(new PutEventsCommand({ Entries }));
    expect(answer.FailedEntryCount).toBe(2);
    const taken = world.endpoint.bus.events('default')?.filter(({ source }) => source === 'partial');
    const accepted = answer.Entries?.flatMap(({ EventId }, index) => (EventId ? [Entries[index]?.DetailType] : []));
    expect(taken?.map((event) => event['detail-type'])).toEqual(accepted);
  });
});

describe('a function that meets', () => {
  const invoke = async () => {
    const answer = await world.lambda.send(
      new InvokeCommand({ FunctionName: 'shop-local-work-queue-worker', Payload: '{}' }),
    );
    return { error: answer.FunctionError, payload: JSON.parse(answer.Payload?.transformToString() ?? '') };
  };
  const at = 'work-queue/worker';
  const calls = (): number => world.host.invoked.length;

  test('hang runs into its timeout', async () => {
    world.faults.put([{ at, kind: 'hang', ms: 5 }]);
    expect(await invoke()).toMatchObject({ error: 'Unhandled', payload: { errorType: 'Sandbox.Timedout' } });
  });
  test('error fails, and was not called', async () => {
    const before = calls();
    world.faults.put([{ at, kind: 'error' }]);
    expect(await invoke()).toMatchObject({ error: 'Unhandled' });
    expect(calls()).toBe(before);
  });
  test('crash loses its host in the midst', async () => {
    const before = calls();
    world.faults.put([{ at: 'function/shop-local-work-queue-worker', kind: 'crash' }]);
    expect(await invoke()).toMatchObject({ error: 'Unhandled', payload: { errorType: 'Runtime.ExitError' } });
    expect([calls() - before, world.crashes]).toEqual([1, 1]);
  });
  test('lose-answer was called, and fails', async () => {
    const before = calls();
    world.faults.put([{ at, kind: 'lose-answer' }]);
    expect(await invoke()).toMatchObject({ error: 'Unhandled' });
    expect(calls() - before).toBe(1);
  });
  test('duplicate is called twice; delay once', async () => {
    const before = calls();
    world.faults.put([
      { at, kind: 'duplicate', times: 1 },
      { at, kind: 'delay', ms: 1 },
    ]);
    expect(await invoke()).toEqual({ error: undefined, payload: {} });
    expect(calls() - before).toBe(2);
    expect(await invoke()).toEqual({ error: undefined, payload: {} });
    expect(calls() - before).toBe(3);
  });
});

test('what makes and describes resources is never hit', async () => {
  world.faults.put([{ at: `queue/${queue}`, kind: 'error' }]);
  expect(await visibleCount()).toBe(0);
  expect(world.faults.list()[0]?.fired).toBe(0);
});
