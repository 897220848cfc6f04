import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { EventSourceMapping } from '#event-sources/mapping';
import type { StreamRecord } from '#event-sources/stream-event';
import type { StreamSettings } from '#event-sources/stream-mapping';
import { systemRandom } from '#primitives/system-random';
import { startDynoxide } from '../../localstack/embedded/dynoxide.ts';
import { startEndpoint } from '../../localstack/embedded/endpoint.ts';
import type { Endpoint } from '../../localstack/embedded/endpoint.ts';
import { faultInjector } from '../../localstack/embedded/faults.ts';
import type { Invoke } from '../../localstack/event-sources/invocation.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import type { EventSources, EventSourcesOptions } from '../../localstack/event-sources/runner.ts';
import { quietLog } from './probe-log.ts';

/** The embedded place with its tables, and a function that answers as each test says. */
export interface StreamWorld {
  readonly endpoint: Endpoint;
  readonly dynamodb: DynamoDBClient;
  /** A new table with a stream; its key is `pk`. */
  table(): Promise<{ readonly name: string; readonly streamArn: string }>;
  put(table: string, pk: string, attributes?: Readonly<Record<string, AttributeValue>>): Promise<void>;
  remove(table: string, pk: string): Promise<void>;
  /** Maps a stream to a function, by the store; gives the mapping's id. */
  map(streamArn: string, settings?: Partial<StreamSettings>, extra?: Partial<EventSourceMapping>): string;
  start(options: Partial<EventSourcesOptions> & { readonly invoke: Invoke }): EventSources;
  queue(): Promise<{ readonly arn: string; take(): Promise<readonly string[]> }>;
  close(): Promise<void>;
}

const config = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

/** The records of an invocation's payload. */
export const recordsOf = (payload: string): readonly StreamRecord[] =>
  (JSON.parse(payload) as { readonly Records: readonly StreamRecord[] }).Records;

/** The `pk` of each record of a payload. */
export const keysOf = (payload: string): readonly string[] =>
  recordsOf(payload).map(({ dynamodb }) => (dynamodb.Keys['pk'] as { readonly S: string }).S);

/** Everything ends with `close`. */
export const startStreamWorld = async (options: { readonly ttlSweepMs?: number } = {}): Promise<StreamWorld> => {
  const dynoxide = await startDynoxide();
  const endpoint = await startEndpoint({
    port: 0,
    region: config.region,
    accountId: '000000000000',
    dynamodbUrl: dynoxide.url,
    ...options,
    adminToken: randomUUID(),
    functionHost: () => undefined,
    faults: faultInjector({ random: systemRandom(), service: 'shop', stage: 'local' }),
    log: quietLog,
  });
  const dynamodb = new DynamoDBClient({ ...config, endpoint: endpoint.url });
  const sqs = new SQSClient({ ...config, endpoint: endpoint.url, useQueueUrlAsEndpoint: false });
  const started: EventSources[] = [];
  return {
    endpoint,
    dynamodb,
    table: async () => {
      const name = `table-${randomUUID()}`;
      const { TableDescription } = await dynamodb.send(
        new CreateTableCommand({
          TableName: name,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        }),
      );
      return { name, streamArn: TableDescription?.LatestStreamArn ?? '' };
    },
    put: async (TableName, pk, attributes = {}) => {
      await dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, ...attributes } }));
    },
    remove: async (TableName, pk) => {
      await dynamodb.send(new DeleteItemCommand({ TableName, Key: { pk: { S: pk } } }));
    },
    map: (eventSourceArn, settings = {}, extra = {}) => {
      const uuid = extra.uuid ?? randomUUID();
      const mapping: EventSourceMapping = {
        uuid,
        functionName: 'worker',
        eventSourceArn,
        enabled: true,
        batchSize: 100,
        maximumBatchingWindowS: 0,
        reportBatchItemFailures: false,
        filterPatterns: [],
        ...extra,
        stream: {
          startingPosition: 'TRIM_HORIZON',
          parallelizationFactor: 1,
          bisectBatchOnFunctionError: false,
          maximumRetryAttempts: -1,
          maximumRecordAgeS: -1,
          ...settings,
        },
      };
      endpoint.mappings.put({ mapping, modifiedAtMs: 0 });
      return uuid;
    },
    start: (extra) => {
      const sources = startEventSources({
        endpointUrl: endpoint.url,
        mappings: endpoint.mappings,
        hostIsUp: () => true,
        log: quietLog,
        ...extra,
      });
      started.push(sources);
      return sources;
    },
    queue: async () => {
      const QueueName = `q-${randomUUID()}`;
      const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName }));
      return {
        arn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}`,
        take: async () =>
          ((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages ?? []).map(({ Body = '' }) => Body),
      };
    },
    close: async () => {
      for (const sources of started) await sources.stop();
      dynamodb.destroy();
      sqs.destroy();
      await endpoint.close();
      await dynoxide.stop();
    },
  };
};
