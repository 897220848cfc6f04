/** The embedded place's SQS for the benchmarks: in this process, or (`node queues.ts`, forked) in one of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startEndpoint } from '../../localstack/embedded/endpoint.ts';
import { faultInjector } from '../../localstack/embedded/faults.ts';
import { systemRandom } from '../../lib/primitives/system-random.ts';
import { quietLog } from '../support/probe-log.ts';

export const BATCH_SIZE = 10;
const ACCOUNT_ID = '000000000000';
const REGION = 'us-east-1';
const TOKEN = 'bench';
/** Nothing here asks for a table. */
const NO_TABLES = 'http://127.0.0.1:1';

export interface Queues {
  readonly url: string;
  close(): Promise<void>;
}

export const startQueues = async (): Promise<Queues> => {
  const endpoint = await startEndpoint({
    port: 0,
    region: REGION,
    accountId: ACCOUNT_ID,
    dynamodbUrl: NO_TABLES,
    adminToken: TOKEN,
    functionHost: () => undefined,
    faults: faultInjector({ random: systemRandom(), service: 'bench', stage: 'local' }),
    log: quietLog,
  });
  return { url: endpoint.url, close: () => endpoint.close() };
};

/** The same in a process of its own, which ends with this one. */
export const forkQueues = async (): Promise<Queues> => {
  const child = fork(fileURLToPath(import.meta.url));
  const [message]: unknown[] = await once(child, 'message');
  return {
    url: String(message),
    close: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
};

export const sqsClient = (url: string): SQSClient =>
  new SQSClient({
    endpoint: url,
    region: REGION,
    useQueueUrlAsEndpoint: false,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

export const queueArn = (name: string): string => `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${name}`;

/** Makes a queue of that name with so many messages in it; its URL. */
export const filledQueue = async (client: SQSClient, name: string, messageCount: number): Promise<string> => {
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { VisibilityTimeout: '60' } }),
  );
  for (let sent = 0; sent < messageCount; sent += BATCH_SIZE) {
    const Entries = Array.from({ length: Math.min(BATCH_SIZE, messageCount - sent) }, (_, index) => ({
      Id: String(index),
      MessageBody: JSON.stringify({ id: sent + index }),
    }));
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
  return QueueUrl;
};

const calls = async (url: string, method: 'GET' | 'DELETE'): Promise<Readonly<Record<string, number>>> => {
  const response = await fetch(`${url}/_stack/calls`, { method, headers: { authorization: `Bearer ${TOKEN}` } });
  return method === 'GET' ? ((await response.json()) as Record<string, number>) : {};
};

export const resetCalls = (url: string): Promise<unknown> => calls(url, 'DELETE');

/** The receives that brought something, and the deletes: what consuming cost, without polling and making the queue. */
export const consumptionCalls = async (url: string): Promise<number> => {
  const counts = await calls(url, 'GET');
  const of = (name: string): number => counts[`sqs.${name}`] ?? 0;
  return of('ReceiveMessage') - of('ReceiveMessage.empty') + of('DeleteMessage') + of('DeleteMessageBatch');
};

if (process.argv[1] === fileURLToPath(import.meta.url) && process.send !== undefined) {
  const queues = await startQueues();
  process.send(queues.url);
  process.once('disconnect', () => process.exit());
}
