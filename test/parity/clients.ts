import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, paginateQuery, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  LambdaClient,
  InvokeCommand,
  paginateListFunctions,
} from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Named, ParityPlace } from './place.ts';
import type { Sighting } from './service/orders.ts';

const REGION = 'us-east-1';
const STACK = 'parity-local';
const SEND_SIZE = 10;
const WARM_UP_COUNT = 6;
const WARM_UP_MS = 500;
const SETTLE_TRIES = 300;
const SETTLE_PAUSE_MS = 100;

const functionsOf = async (lambda: LambdaClient): Promise<ReadonlyMap<string, Named>> => {
  const found = new Map<string, Named>();
  for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {}))
    for (const { FunctionName: name = '', FunctionArn: arn = '' } of Functions) found.set(name, { name, arn });
  return found;
};

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const sightingOf = (item: Readonly<Record<string, AttributeValue>>): Sighting => ({
  event: item['event']?.S === undefined ? undefined : (JSON.parse(item['event'].S) as unknown),
  functionName: item['functionName']?.S ?? '',
  requestId: item['requestId']?.S ?? '',
  startedAtMs: Number(item['startedAtMs']?.N),
  ...(item['endedAtMs']?.N === undefined ? {} : { endedAtMs: Number(item['endedAtMs'].N) }),
  numbers: JSON.parse(item['numbers']?.S ?? '[]') as number[],
});

const queues = (sqs: SQSClient): Pick<ParityPlace, 'queue' | 'send' | 'depth' | 'take'> => ({
  queue: async (attributes = {}) => {
    const QueueName = `parity-${randomUUID()}${attributes['FifoQueue'] === 'true' ? '.fifo' : ''}`;
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '5', ...attributes } }),
    );
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    return { url: QueueUrl, arn: Attributes?.['QueueArn'] ?? '' };
  },
  send: async (queue, messages) => {
    const entries = messages.map(({ body, groupId, attributes, ...order }, index) => ({
      Id: String(index),
      MessageBody: body ?? JSON.stringify(order),
      ...(groupId === undefined ? {} : { MessageGroupId: groupId, MessageDeduplicationId: randomUUID() }),
      ...(attributes === undefined ? {} : { MessageAttributes: attributes }),
    }));
    for (let start = 0; start < entries.length; start += SEND_SIZE) {
      const { Failed = [] } = await sqs.send(
        new SendMessageBatchCommand({ QueueUrl: queue.url, Entries: entries.slice(start, start + SEND_SIZE) }),
      );
      if (Failed.length > 0) throw new Error(`not sent: ${JSON.stringify(Failed)}`);
    }
  },
  depth: async (queue) => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
    );
    return (['', 'NotVisible', 'Delayed'] as const)
      .map((state) => Number(Attributes[`ApproximateNumberOfMessages${state}`]))
      .reduce((sum, count) => sum + count, 0);
  },
  take: async (queue) => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue.url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 30,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages;
  },
});

/** Cold starts take their time, on a busy machine longer than a message stays hidden: they come before the rows. */
const warmUp = async (lambda: LambdaClient, FunctionName: string): Promise<void> => {
  const Payload = JSON.stringify({ key: 'warm-up', takesMs: WARM_UP_MS });
  await Promise.all(
    Array.from({ length: WARM_UP_COUNT }, () => lambda.send(new InvokeCommand({ FunctionName, Payload }))),
  );
};

/** A mapping works some time after it was made; only then may a row rely on it. */
const settled = async (lambda: LambdaClient, UUID: string): Promise<void> => {
  for (let tries = 0; tries < SETTLE_TRIES; tries += 1) {
    const { State = '' } = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
    if (!State.endsWith('ing')) return;
    await sleep(SETTLE_PAUSE_MS);
  }
  throw new Error('the event source mapping did not become ready');
};

/** All of a place that needs only the AWS APIs at an address where the probes have been deployed. */
export const clientsAt = async (
  endpointUrl: string,
): Promise<Omit<ParityPlace, 'name' | 'close'> & { destroy(): void }> => {
  const options = {
    endpoint: endpointUrl,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
  const lambda = new LambdaClient(options);
  const dynamodb = new DynamoDBClient(options);
  const events = new EventBridgeClient(options);
  const scheduler = new SchedulerClient(options);
  const sns = new SNSClient(options);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const functions = await functionsOf(lambda);

  const fn = (key: string): Named => {
    const found = functions.get(`${STACK}-${kebab(key)}`);
    if (found === undefined) throw new Error(`The function ${key} was not deployed.`);
    return found;
  };

  await warmUp(lambda, fn('probe').name);

  return {
    endpointUrl,
    region: REGION,
    sqs,
    lambda,
    dynamodb,
    events,
    scheduler,
    sns,
    s3,
    fn,
    ...queues(sqs),
    sightings: async (key) => {
      const pages = paginateQuery(
        { client: dynamodb },
        {
          TableName: `${STACK}-sightings`,
          KeyConditionExpression: 'pk = :key',
          ExpressionAttributeValues: { ':key': { S: key } },
          ConsistentRead: true,
        },
      );
      const found: Sighting[] = [];
      for await (const { Items = [] } of pages) found.push(...Items.map(sightingOf));
      return found;
    },
    map: async (input) => {
      const { UUID = '' } = await lambda.send(
        new CreateEventSourceMappingCommand({ FunctionName: fn('probe').name, ...input }),
      );
      await settled(lambda, UUID);
      return UUID;
    },
    allow: async (FunctionName, Principal, SourceArn) => {
      const StatementId = `parity-${randomUUID()}`;
      const Action = 'lambda:InvokeFunction';
      await lambda.send(new AddPermissionCommand({ FunctionName, StatementId, Action, Principal, SourceArn }));
    },
    destroy: () => {
      for (const client of [sqs, lambda, dynamodb, events, scheduler, sns, s3]) client.destroy();
    },
  };
};
