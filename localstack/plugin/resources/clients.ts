import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** Where resources are made. */
export interface Place {
  readonly endpoint: string;
  readonly region: string;
  readonly accountId: string;
}

/** One client a service, made when the first resource of its kind is: loading a client takes longer than using it. */
export interface Clients {
  readonly place: Place;
  readonly sqs: () => Promise<SQSClient>;
  readonly dynamodb: () => Promise<DynamoDBClient>;
  readonly s3: () => Promise<S3Client>;
  readonly sns: () => Promise<SNSClient>;
  readonly events: () => Promise<EventBridgeClient>;
  readonly lambda: () => Promise<LambdaClient>;
  readonly scheduler: () => Promise<SchedulerClient>;
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

/** The dummies that every client here uses: nothing looks at them, and nothing here may reach a real account. */
export const clientConfig = ({ endpoint, region }: Place) => ({
  endpoint,
  region,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

export const awsClients = (place: Place): Clients => {
  const config = clientConfig(place);
  return Object.freeze({
    place,
    sqs: once(async () => {
      const { SQSClient: Client } = await import('@aws-sdk/client-sqs');
      return new Client({ ...config, useQueueUrlAsEndpoint: false });
    }),
    dynamodb: once(async () => new (await import('@aws-sdk/client-dynamodb')).DynamoDBClient(config)),
    s3: once(async () => new (await import('@aws-sdk/client-s3')).S3Client({ ...config, forcePathStyle: true })),
    sns: once(async () => new (await import('@aws-sdk/client-sns')).SNSClient(config)),
    scheduler: once(async () => new (await import('@aws-sdk/client-scheduler')).SchedulerClient(config)),
    lambda: once(async () => new (await import('@aws-sdk/client-lambda')).LambdaClient(config)),
    events: once(async () => new (await import('@aws-sdk/client-eventbridge')).EventBridgeClient(config)),
  });
};
