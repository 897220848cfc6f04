import { randomUUID } from 'node:crypto';
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { awsBus } from '#primitives/aws/bus';
import { awsClients, type AwsClients } from '#primitives/aws/clients';
import { awsInvoker } from '#primitives/aws/invoker';
import { awsObjects } from '#primitives/aws/objects';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import type { Bus } from '#primitives/bus';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import type { Invoker } from '#primitives/invoker';
import type { Log } from '#primitives/log';
import { memoryInvoker } from '#primitives/memory/invoker';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable, TransactionConflictError } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { Objects } from '#primitives/objects';
import type { Queue } from '#primitives/queue';
import type { Table } from '#primitives/table';
import { startDynoxide } from '../../localstack/embedded/dynoxide.ts';
import { startEndpoint } from '../../localstack/embedded/endpoint.ts';
import { faultInjector } from '../../localstack/embedded/faults.ts';
import { startFaultProxy, type ProxyFault } from './fault-proxy.ts';
import { startFunctionHost } from './function-host.ts';

export interface QueueRequest {
  readonly fifo?: boolean;
  /** Default 1000: redeliveries don't take long. */
  readonly visibilityMs?: number;
  /** Makes a dead-letter queue for it. */
  readonly maxReceiveCount?: number;
}

/** What a contract suite needs of a place where the primitives are. */
export interface Backend {
  queue(request?: QueueRequest): Promise<{ readonly queue: Queue; readonly deadLetters: Queue }>;
  table(): Promise<Table>;
  bus(): Promise<Bus>;
  objects(): Promise<Objects>;
  /** With the functions `echo` (answers its payload), `fail` (throws a TypeError: broken) and `full` (always throttled). */
  invoker(): Promise<Invoker>;
  /** Lets time pass until `work` is settled. */
  run<T>(work: Promise<T>): Promise<T>;
  /** The expiry that is stored with a record, or undefined. */
  storedExpiryMs(table: Table, partition: string, sort: string): Promise<number | undefined>;
  /** From now on, until it is called again; `times` counts attempts. */
  inject(fault: ProxyFault | undefined): void;
  stop(): Promise<void>;
}

/** What a backend can't do, by the name under which the suites ask for it, with the reason. */
export type Lacks = Readonly<Record<string, string>>;

export interface BackendCase {
  readonly name: string;
  readonly lacks: Lacks;
  start(): Promise<Backend>;
}

const uniqueName = (): string => `contract-${randomUUID().slice(0, 13)}`;

const fail = (): never => {
  throw new TypeError('broken');
};

const startMemory = async (): Promise<Backend> => {
  const clock = memoryClock();
  let fault: ProxyFault | undefined;
  let hits = 0;
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      const isHit = fault !== undefined && ['*', operation.operation.replace(/^.*\./, '')].includes(fault.operation);
      hits += isHit ? 1 : 0;
      if (fault === undefined || !isHit || hits > (fault.times ?? Infinity)) return apply();
      if (fault.kind === 'conflict') throw new TransactionConflictError();
      if (fault.kind === 'throttle') throw new UnavailableError(operation.operation);
      await apply();
      throw operation.isWrite
        ? new OutcomeUnknownError(operation.operation)
        : new UnavailableError(operation.operation);
    },
  });
  const tables = new Map<string, ReturnType<typeof memoryTable>>();

  return {
    queue: async ({ fifo = false, visibilityMs = 1000, maxReceiveCount } = {}) => {
      const suffix = fifo ? '.fifo' : '';
      const deadLetters = memoryQueue({ name: `${uniqueName()}${suffix}`, clock, wire });
      const deadLetter = maxReceiveCount === undefined ? {} : { deadLetter: { queue: deadLetters, maxReceiveCount } };
      const queue = memoryQueue({ name: `${uniqueName()}${suffix}`, clock, wire, visibilityMs, ...deadLetter });
      return { queue, deadLetters };
    },
    table: async () => {
      const table = memoryTable({ name: uniqueName(), clock, wire });
      tables.set(table.name, table);
      return table;
    },
    bus: async () => memoryBus({ name: uniqueName(), clock, wire }),
    objects: async () => memoryObjects({ name: uniqueName(), wire }),
    invoker: async () => {
      const invoker = memoryInvoker({ clock, wire, functions: { echo: (payload) => payload, fail } });
      invoker.register('full', () => null, { reservedConcurrency: 0 });
      return invoker;
    },
    run: (work) => clock.until(work),
    storedExpiryMs: async (table, partition, sort) =>
      tables
        .get(table.name)
        ?.dump()
        .find(({ key }) => key.partition === partition && key.sort === sort)?.expiresAtMs,
    inject: (next) => {
      fault = next;
      hits = 0;
    },
    stop: async () => undefined,
  };
};

const tableLayout = (TableName: string): CreateTableCommandInput => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
});

/** Credentials for what checks none; the SDK finds them where it always looks. */
const setDummyCredentials = (): void => {
  process.env['AWS_REGION'] ??= 'us-east-1';
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
};

const makeQueue = async (clients: AwsClients, name: string, attributes: Record<string, string>): Promise<string> => {
  const { client, sdk } = await clients.sqs();
  const { QueueUrl = '' } = await client.send(new sdk.CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return QueueUrl;
};

const arnOf = async (clients: AwsClients, QueueUrl: string): Promise<string> => {
  const { client, sdk } = await clients.sqs();
  const { Attributes } = await client.send(
    new sdk.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return Attributes?.QueueArn ?? '';
};

/** Primitives at an endpoint of AWS, behind a proxy that makes the faults. */
const startAws = async (endpoint: { readonly url: string; stop(): Promise<void> }): Promise<Backend> => {
  setDummyCredentials();
  const proxy = await startFaultProxy(endpoint.url);
  const clients = awsClients({ environment: { AWS_ENDPOINT_URL: proxy.url } });
  const undo: (() => Promise<unknown>)[] = [];

  const queue: Backend['queue'] = async ({ fifo = false, visibilityMs = 1000, maxReceiveCount } = {}) => {
    const name = uniqueName();
    const kind: Record<string, string> = fifo ? { FifoQueue: 'true' } : {};
    const suffix = fifo ? '.fifo' : '';
    const deadUrl = await makeQueue(clients, `${name}-dead${suffix}`, kind);
    const redrive = { deadLetterTargetArn: await arnOf(clients, deadUrl), maxReceiveCount };
    const url = await makeQueue(clients, `${name}${suffix}`, {
      ...kind,
      VisibilityTimeout: `${visibilityMs / 1000}`,
      ...(maxReceiveCount === undefined ? {} : { RedrivePolicy: JSON.stringify(redrive) }),
    });
    for (const QueueUrl of [url, deadUrl]) {
      undo.push(async () => {
        const { client, sdk } = await clients.sqs();
        await client.send(new sdk.DeleteQueueCommand({ QueueUrl }));
      });
    }
    return { queue: awsQueue({ url, clients }), deadLetters: awsQueue({ url: deadUrl, clients }) };
  };

  const table: Backend['table'] = async () => {
    const TableName = uniqueName();
    const { client, sdk } = await clients.dynamodb();
    await client.send(new sdk.CreateTableCommand(tableLayout(TableName)));
    await sdk.waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName });
    undo.push(() => client.send(new sdk.DeleteTableCommand({ TableName })));
    return awsTable({ name: TableName, clients });
  };

  return {
    queue,
    table,
    bus: async () => {
      const name = uniqueName();
      const { client, sdk } = await clients.eventbridge();
      await client.send(new sdk.CreateEventBusCommand({ Name: name }));
      undo.push(() => client.send(new sdk.DeleteEventBusCommand({ Name: name })));
      return awsBus({ name, clients });
    },
    objects: async () => {
      const Bucket = uniqueName();
      const { client, sdk } = await clients.s3();
      await client.send(new sdk.CreateBucketCommand({ Bucket }));
      undo.push(async () => {
        const { Contents = [] } = await client.send(new sdk.ListObjectsV2Command({ Bucket }));
        for (const { Key = '' } of Contents) await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }));
        await client.send(new sdk.DeleteBucketCommand({ Bucket }));
      });
      return awsObjects({ name: Bucket, clients });
    },
    invoker: async () => awsInvoker({ clients }),
    run: (work) => work,
    storedExpiryMs: async ({ name }, partition, sort) => {
      const { client, sdk } = await clients.dynamodb();
      const Key = { pk: { S: partition }, sk: { S: sort } };
      const { Item } = await client.send(new sdk.GetItemCommand({ TableName: name, Key, ConsistentRead: true }));
      return Item?.['ttl']?.N === undefined ? undefined : Number(Item['ttl'].N) * 1000;
    },
    inject: proxy.inject,
    stop: async () => {
      proxy.inject(undefined);
      for (const step of undo.toReversed()) await step().catch(() => undefined);
      await clients.close();
      await proxy.stop();
      await endpoint.stop();
    },
  };
};

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

const functionNamed = (name: string, more: object = {}): object => ({
  name,
  key: name,
  timeoutS: 5,
  memoryMb: 128,
  environment: {},
  ...more,
});

/** The embedded endpoint, with three functions: `echo`, `fail`, and `full`, of which none may run. */
const startEmbedded = async (): Promise<Backend> => {
  const dynoxide = await startDynoxide();
  const host = await startFunctionHost();
  const endpoint = await startEndpoint({
    port: 0,
    region: 'us-east-1',
    accountId: '000000000000',
    dynamodbUrl: dynoxide.url,
    adminToken: randomUUID(),
    functionHost: () => host,
    faults: faultInjector({ random: seededRandom(1), service: 'contract', stage: 'local' }),
    log: silentLog,
  });
  const functions = [functionNamed('echo'), functionNamed('fail'), functionNamed('full', { reservedConcurrency: 0 })];
  endpoint.functions.put({ functions });
  return startAws({
    url: endpoint.url,
    stop: async () => {
      await endpoint.close();
      await host.stop();
      await dynoxide.stop();
    },
  });
};

/** Names, comma-separated, of what the backend at `CONTRACT_ENDPOINT` can't do: `CONTRACT_LACKS`. */
const namedLacks = (names: string): Lacks =>
  Object.fromEntries(
    names
      .split(',')
      .filter(Boolean)
      .map((name) => [name, 'named in CONTRACT_LACKS']),
  );

const named = process.env['CONTRACT_ENDPOINT'];

/** Memory, the embedded endpoint, and the endpoint that `CONTRACT_ENDPOINT` names (an emulator: calls go through a proxy). */
export const backendCases: readonly BackendCase[] = [
  { name: 'memory', lacks: {}, start: startMemory },
  { name: 'embedded', lacks: {}, start: startEmbedded },
  ...(named === undefined
    ? []
    : [
        {
          name: named,
          lacks: namedLacks(process.env['CONTRACT_LACKS'] ?? ''),
          start: () => startAws({ url: named, stop: async () => undefined }),
        },
      ]),
];

/**
 * Runs one suite on every backend. A promise that a backend is known to lack is expected to fail there, with the reason
 * in its title: should it ever pass, the entry is out of date.
 */
export const onEveryBackend = (
  port: string,
  suite: (backend: () => Backend, promise: (title: string, run: () => Promise<void>, needs?: string) => void) => void,
): void => {
  describe.each(backendCases)(`${port} on $name`, ({ name, lacks, start }) => {
    let started: Backend | undefined;
    const backend = (): Backend => {
      if (started === undefined) throw new Error(`The backend ${name} is not up.`);
      return started;
    };
    beforeAll(async () => {
      started = await start();
    });
    afterEach(() => started?.inject(undefined));
    afterAll(() => started?.stop());
    suite(backend, (title, run, needs) => {
      const reason = needs === undefined ? undefined : lacks[needs];
      if (reason === undefined) test(title, run);
      else test.failing(`${title} [not held by ${name}: ${reason}]`, run);
    });
  });
};
