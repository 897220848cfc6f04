import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type MessageAttributeValue,
} from '@aws-sdk/client-sqs';
import { startWorld, type World } from './fixture.ts';

let world: World;
let QueueUrl: string;
beforeAll(async () => {
  world = await startWorld();
  QueueUrl = (await world.sqs.send(new CreateQueueCommand({ QueueName: 'rules' }))).QueueUrl ?? '';
  await world.sqs.send(new CreateQueueCommand({ QueueName: 'rules-dead' }));
  await world.sqs.send(new CreateQueueCommand({ QueueName: 'rules-dead.fifo' }));
});
afterAll(async () => {
  await world.close();
});

const attributes = (count: number): Record<string, MessageAttributeValue> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, { DataType: 'String', StringValue: 'x' }]));
const send = (more: object) => world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', ...more }));
const raw = async (operation: string, body: string): Promise<{ status: number; body: unknown }> => {
  const answer = await fetch(world.endpoint.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` },
    body,
  });
  return { status: answer.status, body: await answer.json() };
};

describe('a message is refused, as by SQS, with', () => {
  test.each([
    ['more than ten attributes', { MessageAttributes: attributes(11) }, 'exceeds the allowed maximum [10]'],
    ['an attribute without a value', { MessageAttributes: { a: { DataType: 'String' } } }, 'non-empty value'],
    [
      'an unknown type',
      { MessageAttributes: { a: { DataType: 'Float', StringValue: '1' } } },
      'supported type prefixes',
    ],
    ['a reserved name', { MessageAttributes: { 'AWS.a': { DataType: 'String', StringValue: '1' } } }, 'must not start'],
    ['a number that is none', { MessageAttributes: { a: { DataType: 'Number', StringValue: 'x' } } }, "Can't cast"],
    ['too long a delay', { DelaySeconds: 901 }, 'DelaySeconds must be >= 0 and <= 900'],
    ['a group of spaces', { MessageGroupId: 'a b' }, 'MessageGroupId can only include'],
  ])('%s', async (_what, more, message) => {
    await expect(send(more)).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining(message),
    });
  });
  test('an empty body', async () => {
    await expect(send({ MessageBody: '' })).rejects.toMatchObject({ name: 'MissingParameter' });
  });
});

test('ten attributes pass', async () => {
  const { MessageId } = await send({ MessageAttributes: attributes(10) });
  expect(MessageId).toBeDefined();
});

test('a bad entry of a batch fails alone', async () => {
  const Entries = [
    { Id: 'good', MessageBody: 'x' },
    { Id: 'bad', MessageBody: 'x', MessageAttributes: attributes(11) },
    { Id: 'late', MessageBody: 'x', DelaySeconds: 1_000 },
  ];
  const answer = await world.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  expect(answer.Successful?.map(({ Id }) => Id)).toEqual(['good']);
  expect(answer.Failed?.map(({ Id, SenderFault }) => [Id, SenderFault])).toEqual([
    ['bad', true],
    ['late', true],
  ]);
});

describe('a receipt that was never given out', () => {
  const ReceiptHandle = 'garbage';
  test('is refused', async () => {
    const refused = { name: 'ReceiptHandleIsInvalid' };
    await expect(world.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))).rejects.toMatchObject(refused);
    const change = new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
    await expect(world.sqs.send(change)).rejects.toMatchObject(refused);
  });
  test('fails alone in a batch', async () => {
    await send({ MessageBody: 'to delete' });
    const { Messages } = await world.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    const Entries = [
      { Id: 'bad', ReceiptHandle },
      { Id: 'good', ReceiptHandle: Messages?.[0]?.ReceiptHandle },
    ];
    const answer = await world.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    expect([answer.Successful?.map(({ Id }) => Id), answer.Failed?.map(({ Code }) => Code)]).toEqual([
      ['good'],
      ['ReceiptHandleIsInvalid'],
    ]);
  });
});

describe('a redrive policy', () => {
  const arn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;
  const create = (QueueName: string, policy: unknown) =>
    world.sqs.send(new CreateQueueCommand({ QueueName, Attributes: { RedrivePolicy: JSON.stringify(policy) } }));
  const policy = (name: string, maxReceiveCount: unknown = 3) => ({ deadLetterTargetArn: arn(name), maxReceiveCount });

  test('to a queue of the same type is taken', async () => {
    expect((await create('source', policy('rules-dead'))).QueueUrl).toContain('/source');
    expect((await create('source-text', policy('rules-dead', '3'))).QueueUrl).toContain('/source-text');
    expect((await create('source.fifo', policy('rules-dead.fifo'))).QueueUrl).toContain('/source.fifo');
  });
  test.each([
    ['a queue that is missing', policy('nowhere'), 'Dead letter target does not exist.'],
    ['a queue of the other type', policy('rules-dead.fifo'), 'same type of queue'],
    ['no count', { deadLetterTargetArn: arn('rules-dead') }, 'maxReceiveCount from 1 to 1000'],
    ['a count of 0', policy('rules-dead', 0), 'maxReceiveCount from 1 to 1000'],
    ['text', 'x', 'not a valid JSON map'],
  ])('to %s is refused, when made and when set', async (_what, given, message) => {
    const refused = { name: 'InvalidParameterValue', message: expect.stringContaining(message) };
    await expect(create('refused', given)).rejects.toMatchObject(refused);
    const set = new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy: JSON.stringify(given) } });
    await expect(world.sqs.send(set)).rejects.toMatchObject(refused);
  });
});

test.each(['a b', 'x'.repeat(81), 'ä', 'a.b'])('a queue named %p is refused', async (QueueName) => {
  await expect(world.sqs.send(new CreateQueueCommand({ QueueName }))).rejects.toMatchObject({
    name: 'InvalidParameterValue',
  });
});

test.each([
  ['SendMessage', '{'],
  ['SendMessage', '[]'],
  ['SendMessage', '{"QueueUrl": 5}'],
  ['SendMessage', '{"QueueUrl": "q", "MessageBody": {}}'],
  ['SendMessageBatch', '{"QueueUrl": "q", "Entries": {}}'],
  ['SendMessageBatch', '{"QueueUrl": "q", "Entries": [null]}'],
  ['ReceiveMessage', '{"QueueUrl": "q", "MaxNumberOfMessages": "x"}'],
])('%s of %s is the client’s fault', async (operation, body) => {
  expect(await raw(operation, body)).toMatchObject({
    status: 400,
    body: { __type: 'com.amazonaws.sqs#SerializationException' },
  });
});
