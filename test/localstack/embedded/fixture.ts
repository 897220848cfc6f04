import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { startDynoxide } from '../../../localstack/embedded/dynoxide.ts';
import { startEndpoint, type Endpoint } from '../../../localstack/embedded/endpoint.ts';
import { faultInjector, type FaultInjector } from '../../../localstack/embedded/faults.ts';

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

/** Always the same chance. */
export const fixedRandom = (value: number): Random => ({ next: () => value, uuid: () => crypto.randomUUID() });

export const TOKEN = 'secret';

export type HostHandler = (name: string, payload: string, request: IncomingMessage, response: ServerResponse) => void;

export interface FakeHost {
  readonly lambdaUrl: string;
  handler: HostHandler;
  readonly invoked: { readonly name: string; readonly payload: string }[];
  close(): Promise<void>;
}

/** A function host as serverless-offline is one, on its Lambda API. */
const startFakeHost = async (): Promise<FakeHost> => {
  const invoked: { name: string; payload: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? '')?.[1] ?? '';
      const payload = Buffer.concat(chunks).toString();
      invoked.push({ name, payload });
      host.handler(name, payload, request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const host: FakeHost = {
    lambdaUrl: `http://127.0.0.1:${port}`,
    handler: (_name, payload, _request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(payload);
    },
    invoked,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return host;
};

export interface World {
  readonly endpoint: Endpoint;
  readonly faults: FaultInjector;
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly events: EventBridgeClient;
  readonly lambda: LambdaClient;
  readonly host: FakeHost;
  /** False: as if no function host were up. */
  hostUp: boolean;
  crashes: number;
  close(): Promise<void>;
}

/** An endpoint with everything behind it, and clients that try once. */
export const startWorld = async (): Promise<World> => {
  const dynoxide = await startDynoxide();
  const host = await startFakeHost();
  const faults = faultInjector({ random: fixedRandom(0.5), service: 'shop', stage: 'local' });
  const state = { hostUp: true, crashes: 0 };
  const endpoint = await startEndpoint({
    port: 0,
    region: 'us-east-1',
    accountId: '000000000000',
    dynamodbUrl: dynoxide.url,
    adminToken: TOKEN,
    functionHost: () => (state.hostUp ? { lambdaUrl: host.lambdaUrl } : undefined),
    crashHost: () => {
      state.crashes += 1;
    },
    faults,
    log: silentLog,
  });
  const config = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  };
  const clients = {
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    dynamodb: new DynamoDBClient(config),
    s3: new S3Client(config),
    sns: new SNSClient(config),
    events: new EventBridgeClient(config),
    lambda: new LambdaClient(config),
  };
  return {
    endpoint,
    faults,
    host,
    ...clients,
    get hostUp() {
      return state.hostUp;
    },
    set hostUp(up: boolean) {
      state.hostUp = up;
    },
    get crashes() {
      return state.crashes;
    },
    set crashes(count: number) {
      state.crashes = count;
    },
    close: async () => {
      for (const client of Object.values(clients)) client.destroy();
      await endpoint.close();
      await host.close();
      await dynoxide.stop();
    },
  };
};

/** A call of the stack's administration. */
export const stackCall = (url: string, method: string, body?: unknown, token = TOKEN): Promise<Response> =>
  fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

export const registered = (name: string, more: object = {}): object => ({
  name,
  key: name,
  timeoutS: 5,
  memoryMb: 128,
  environment: {},
  ...more,
});
