import { readFile } from 'node:fs/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Deployment } from '../../localstack/deployed/deployment-file.ts';
import type { StackAddress } from '../../localstack/stack-file.ts';
import { startTestStack } from './stack.ts';

/** A stack to be tested from outside, wherever it runs. */
export interface Place {
  readonly info: StackAddress;
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  /** The process that runs the functions; undefined where nobody here owns it. */
  functionHostPid(): Promise<number | undefined>;
  /** The URL of the queue, the name of the table or bucket that ends so. */
  queue(role: string): string;
  table(role: string): string;
  bucket(role: string): string;
  close(): Promise<void>;
}

const endingWith = (names: Readonly<Record<string, string>>, role: string): string => {
  const [found] = Object.entries(names).flatMap(([name, value]) => (name.endsWith(`-${role}`) ? [value] : []));
  if (found === undefined) throw new Error(`The stack has nothing that ends in '-${role}'.`);
  return found;
};

const attach = async (file: string) => {
  const info = JSON.parse(await readFile(file, 'utf8')) as Deployment;
  return { info, functionHostPid: async () => undefined, stop: async () => undefined };
};

const start = async () => {
  const stack = await startTestStack({ env: { VISIBILITY_TIMEOUT_S: '6', SYNC_INTERVAL_MS: '1000' } });
  return {
    info: stack.info,
    functionHostPid: async () => (await stack.refresh())?.functionHostPid ?? undefined,
    stop: () => stack.stop(),
  };
};

/**
 * The stack that `STACK_FILE` describes, which `npm run test:local` sets to what was deployed; without it an embedded
 * one of the test's own. What a test makes there must have names of its own: others, and earlier runs, were there before.
 */
export const openPlace = async (): Promise<Place> => {
  const { STACK_FILE } = process.env;
  const { info, functionHostPid, stop } = await (STACK_FILE ? attach(STACK_FILE) : start());
  const config = {
    endpoint: info.awsEndpointUrl,
    region: info.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const clients = {
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    dynamodb: new DynamoDBClient(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
    lambda: new LambdaClient(config),
  };
  return {
    info,
    ...clients,
    functionHostPid,
    queue: (role) => endingWith(info.queues, role),
    table: (role) => endingWith(info.tables, role),
    bucket: (role) => endingWith(info.buckets, role),
    close: async () => {
      for (const client of Object.values(clients)) client.destroy();
      await stop();
    },
  };
};
