import type * as Dynamodb from '@aws-sdk/client-dynamodb';
import type * as Eventbridge from '@aws-sdk/client-eventbridge';
import type * as LambdaSdk from '@aws-sdk/client-lambda';
import type * as S3 from '@aws-sdk/client-s3';
import type * as Sqs from '@aws-sdk/client-sqs';

import { guardedEndpoint, type EndpointService, type Environment } from './endpoint-guard.ts';
import { attemptWatch } from './port-errors.ts';

/** A client, and the package that it is from: for the commands. */
export interface Sdk<Client, Package> {
  readonly client: Client;
  readonly sdk: Package;
}

/** The clients of the services, each loaded and made at its first use: a cold start pays only for what it calls. */
export interface AwsClients {
  sqs(): Promise<Sdk<Sqs.SQSClient, typeof Sqs>>;
  dynamodb(): Promise<Sdk<Dynamodb.DynamoDBClient, typeof Dynamodb>>;
  eventbridge(): Promise<Sdk<Eventbridge.EventBridgeClient, typeof Eventbridge>>;
  s3(): Promise<Sdk<S3.S3Client, typeof S3>>;
  lambda(): Promise<Sdk<LambdaSdk.LambdaClient, typeof LambdaSdk>>;
  /** Closes the connections of the clients that were made. They can't be used afterwards. */
  close(): Promise<void>;
}

/** Attempts of one call, the first included. */
const MAX_ATTEMPTS = 3;
const CONNECTION_TIMEOUT_MS = 5_000;
/** How long one attempt may wait for its answer, and how long the connection may then be silent. */
const TIMEOUT_MS = Object.freeze({
  /** A long poll takes 20 s. */
  SQS: 25_000,
  DYNAMODB: 5_000,
  EVENTBRIDGE: 5_000,
  S3: 30_000,
  /** A function may take 15 minutes. */
  LAMBDA: 905_000,
});

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return async () => {
    made ??= make();
    try {
      return await made;
    } catch (error) {
      made = undefined;
      throw error;
    }
  };
};

/**
 * Clients for the endpoint that `AWS_ENDPOINT_URL` names, else for AWS; see {@link guardedEndpoint} for what is refused.
 * A call is attempted 3 times with the SDK's backoff (an invocation of a function once: a repeat would run it twice),
 * each of which ends when no answer begins within 25 s (SQS), 5 s (DynamoDB, EventBridge), 30 s (S3) or 905 s (Lambda),
 * or when the answer then stops for as long. An answer that keeps coming, however slowly, is waited for.
 *
 * @param options.environment Default: that of the process. Region and credentials are found by the SDK itself.
 */
export const awsClients = (options: { readonly environment?: Environment } = {}): AwsClients => {
  const { environment = process.env } = options;
  const made: { destroy(): void }[] = [];

  const settings = (service: EndpointService) => {
    const endpoint = guardedEndpoint(service, environment);
    return {
      maxAttempts: service === 'LAMBDA' ? 1 : MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECTION_TIMEOUT_MS,
        requestTimeout: TIMEOUT_MS[service],
        throwOnRequestTimeout: true,
        // The request's own timeout ends with the headers of the answer: its body may stop as well.
        socketTimeout: TIMEOUT_MS[service],
      },
      ...(endpoint === undefined ? {} : { endpoint }),
    };
  };
  const kept = <T extends { destroy(): void }>(client: T): T => {
    made.push(client);
    return client;
  };

  return Object.freeze<AwsClients>({
    sqs: once(async () => {
      const config = settings('SQS');
      const sdk = await import('@aws-sdk/client-sqs');
      const client = kept(new sdk.SQSClient({ ...config, useQueueUrlAsEndpoint: false }));
      client.middlewareStack.use(attemptWatch);
      return { client, sdk };
    }),
    dynamodb: once(async () => {
      const config = settings('DYNAMODB');
      const sdk = await import('@aws-sdk/client-dynamodb');
      const client = kept(new sdk.DynamoDBClient(config));
      client.middlewareStack.use(attemptWatch);
      return { client, sdk };
    }),
    eventbridge: once(async () => {
      const config = settings('EVENTBRIDGE');
      const sdk = await import('@aws-sdk/client-eventbridge');
      const client = kept(new sdk.EventBridgeClient(config));
      client.middlewareStack.use(attemptWatch);
      return { client, sdk };
    }),
    s3: once(async () => {
      const config = settings('S3');
      const sdk = await import('@aws-sdk/client-s3');
      const client = kept(new sdk.S3Client({ ...config, forcePathStyle: 'endpoint' in config }));
      client.middlewareStack.use(attemptWatch);
      return { client, sdk };
    }),
    lambda: once(async () => {
      const config = settings('LAMBDA');
      const sdk = await import('@aws-sdk/client-lambda');
      const client = kept(new sdk.LambdaClient(config));
      client.middlewareStack.use(attemptWatch);
      return { client, sdk };
    }),
    close: async () => {
      for (const client of made) client.destroy();
    },
  });
};

/** The clients of this process, made when the first of them is needed: one connection pool for each service. */
export const sharedClients: () => AwsClients = (() => {
  let shared: AwsClients | undefined;
  return () => (shared ??= awsClients());
})();
