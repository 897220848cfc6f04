/** A lock's calls and its failover: ours, dynamodb-lock-client's and @deliveryhero/dynamodb-lock's, on one local table. */
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import deliveryHero from '@deliveryhero/dynamodb-lock';
import lockClient from 'dynamodb-lock-client';
import { startDynoxide } from '../../localstack/embedded/dynoxide.ts';
import { awsClients } from '../../lib/primitives/aws/clients.ts';
import { awsTable } from '../../lib/primitives/aws/table.ts';
import { systemClock, systemRandom, type Table } from '../../lib/primitives/index.ts';
import { election } from '../../lib/serving/ownership-election/index.ts';
import type { Benchmark } from './benchmark.ts';
import { median, rounded } from './rounds.ts';

const TABLE = 'locks';
const LEASE_MS = 3_000;
const HEARTBEAT_MS = 500;
const POLL_MS = 60;
const CALL_ROUNDS = 20;
const FAILOVER_ROUNDS = 12;
/** Each mostly waits: the next ones may begin meanwhile. */
const ROUNDS_AT_ONCE = 4;
const MANY = 1_000;

/** What lies between one host and the table: it counts, notes the last write, and can die. */
const hostWire = () => {
  let isDead = false;
  let writtenAtMs = 0;
  let callCount = 0;
  const through =
    (isWrite: boolean) =>
    async <T>(call: () => Promise<T>): Promise<T> => {
      if (isDead) return new Promise<T>(() => undefined);
      callCount += 1;
      const answer = await call();
      if (isWrite) writtenAtMs = performance.now();
      if (isDead) return new Promise<T>(() => undefined);
      return answer;
    };
  return {
    read: through(false),
    write: through(true),
    die: () => {
      isDead = true;
    },
    writtenAtMs: () => writtenAtMs,
    /** How many calls the work made. */
    count: async (work: () => Promise<unknown>): Promise<number> => {
      const before = callCount;
      await work();
      return callCount - before;
    },
  };
};
type Wire = ReturnType<typeof hostWire>;

/** A lock of one host. */
interface Held {
  readonly token: number | undefined;
  readonly renew: (() => Promise<unknown>) | undefined;
  readonly release: () => Promise<unknown>;
}
interface Peer {
  readonly name: string;
  readonly token: string;
  /** Acquires, waiting; renews by itself when `isKept`. */
  readonly acquire: (wire: Wire, name: string, isKept: boolean) => Promise<Held>;
}

const wired = (table: Table, { read, write }: Wire): Table => ({
  ...table,
  get: (key) => read(() => table.get(key)),
  put: (put) => write(() => table.put(put)),
  update: (update) => write(() => table.update(update)),
});

const ours = (table: Table): Peer => ({
  name: 'ours',
  token: 'strictly increasing, enforced',
  acquire: async (wire, name, isKept) => {
    const parts = { table: wired(table, wire), clock: systemClock(), random: systemRandom() };
    const { campaign } = election({ ...parts, leaseMs: LEASE_MS, pollMs: POLL_MS });
    const tenure = await campaign(name, 'host');
    const keep = async (): Promise<void> => {
      while (tenure.isHeld()) {
        await sleep(HEARTBEAT_MS, undefined, { ref: false });
        await tenure.renew();
      }
    };
    if (isKept) void keep();
    return { token: tenure.token, renew: tenure.renew, release: tenure.resign };
  },
});

type Params = Readonly<Record<string, unknown>>;
type Callback = (error: unknown, data?: unknown) => void;

/** The SDK's old form, which this peer asks for: callbacks, and the name of an error as its code. */
const withCallbacks = (document: DynamoDBDocument, { read, write }: Wire) => {
  const called = (call: () => Promise<unknown>, callback: Callback): void => {
    call().then(
      (data) => callback(undefined, data),
      (error: Error) => callback(Object.assign(error, { code: error.name })),
    );
  };
  return {
    get: (params: Params, callback: Callback) => called(() => read(() => document.get(params as never)), callback),
    put: (params: Params, callback: Callback) => called(() => write(() => document.put(params as never)), callback),
    delete: (params: Params, callback: Callback) =>
      called(() => write(() => document.delete(params as never)), callback),
  };
};

interface OldLock {
  readonly fencingToken: number;
  release(callback: Callback): void;
  on(event: 'error', listener: () => void): void;
}

const dynamodbLockClient = (document: DynamoDBDocument): Peer => ({
  name: 'dynamodb-lock-client 0.7',
  token: 'increasing, not enforced',
  acquire: async (wire, name, isKept) => {
    const client = new lockClient.FailOpen({
      dynamodb: withCallbacks(document, wire),
      lockTable: TABLE,
      partitionKey: 'pk',
      sortKey: 'sk',
      leaseDurationMs: LEASE_MS,
      retryCount: MANY,
      // Renewed by a timer only: a first renewal on demand there is not.
      ...(isKept ? { heartbeatPeriodMs: HEARTBEAT_MS } : {}),
    });
    const lock: OldLock = await promisify(client.acquireLock.bind(client))({ pk: name, sk: 'lock' });
    lock.on('error', () => undefined);
    return { token: lock.fencingToken, renew: undefined, release: promisify(lock.release.bind(lock)) };
  },
});

const deliveryHeroLock = (document: DynamoDBDocument): Peer => ({
  name: '@deliveryhero/dynamodb-lock 2',
  token: 'none',
  acquire: async (wire, name, isKept) => {
    const between = {
      get: (params: Params) => wire.read(() => document.get(params as never)),
      put: (params: Params) => wire.write(() => document.put(params as never)),
      update: (params: Params) => wire.write(() => document.update(params as never)),
      delete: (params: Params) => wire.write(() => document.delete(params as never)),
    };
    const client = deliveryHero.dynamoDBLockClientFactory(between as never, {
      tableName: TABLE,
      partitionKey: 'pk',
      sortKey: 'sk',
    });
    const lock = await client.lock('lock', name, {
      leaseDurationInMs: LEASE_MS,
      prolongLeaseEnabled: isKept,
      prolongEveryMs: HEARTBEAT_MS,
    });
    return { token: undefined, renew: undefined, release: () => client.releaseLock(lock) };
  },
});

/** Calls of a whole turn of an uncontended lock that another host has had before: acquire, (renew,) release. */
const callsOf = async (peer: Peer, round: number): Promise<readonly [number, number, number]> => {
  const name = `calls/${peer.name}/${round}`;
  const first = await peer.acquire(hostWire(), name, false);
  await first.release();
  await sleep(5);
  const wire = hostWire();
  let held: Held | undefined;
  const acquire = await wire.count(async () => {
    held = await peer.acquire(wire, name, peer.name !== 'ours');
  });
  // The peers renew by a timer: what one beat of it takes.
  const renew = await wire.count(() => held?.renew?.() ?? sleep(HEARTBEAT_MS * 1.5));
  const release = await wire.count(() => held?.release() ?? Promise.resolve());
  return [acquire, renew, release];
};

/** A holder that renews and then dies, and a host that has waited for a while: leases from the last renewal to the takeover. */
const failoverOf = async (peer: Peer, round: number): Promise<number> => {
  const name = `failover/${peer.name}/${round}`;
  const [dying, waiting] = [hostWire(), hostWire()];
  await peer.acquire(dying, name, true);
  // The waiter comes at another moment between two renewals each time.
  await sleep(HEARTBEAT_MS + (HEARTBEAT_MS * round) / FAILOVER_ROUNDS);
  const next = peer.acquire(waiting, name, false);
  await sleep(LEASE_MS * 1.2 + (LEASE_MS * (round % 4)) / 4);
  dying.die();
  const { release } = await next;
  const tookMs = performance.now() - dying.writtenAtMs();
  await release();
  return tookMs / LEASE_MS;
};

export const benchmark: Benchmark = async (say) => {
  const dynoxide = await startDynoxide();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ endpoint: dynoxide.url, region: 'us-east-1', credentials });
  const environment = { AWS_ENDPOINT_URL: dynoxide.url };
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const clients = awsClients({ environment });
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  const document = DynamoDBDocument.from(client);
  const table = awsTable({ name: TABLE, clients });
  const peers = [ours(table), dynamodbLockClient(document), deliveryHeroLock(document)];
  const calls = new Map<string, (readonly [number, number, number])[]>();
  const failovers = new Map<string, number[]>();
  try {
    for (let round = 0; round < CALL_ROUNDS; round += 1) {
      if (round % 5 === 0) say(`calls, round ${round} of ${CALL_ROUNDS}`);
      const counted = await Promise.all(peers.map((peer) => callsOf(peer, round)));
      for (const [index, { name }] of peers.entries())
        calls.set(name, [...(calls.get(name) ?? []), counted[index] ?? [NaN, NaN, NaN]]);
    }
    for (let round = 0; round < FAILOVER_ROUNDS; round += ROUNDS_AT_ONCE) {
      say(`failover, round ${round} of ${FAILOVER_ROUNDS}`);
      const rounds = Array.from({ length: ROUNDS_AT_ONCE }, (_, index) => round + index);
      for (const { name, took } of await Promise.all(
        rounds.flatMap((each) => peers.map(async (peer) => ({ name: peer.name, took: await failoverOf(peer, each) }))),
      ))
        failovers.set(name, [...(failovers.get(name) ?? []), took]);
    }
  } finally {
    await clients.close();
    client.destroy();
    await dynoxide.stop();
  }
  const verbs = (name: string): string =>
    [0, 1, 2].map((verb) => median((calls.get(name) ?? []).map((turn) => turn[verb] ?? NaN))).join('/');
  const worst = (name: string): number => Math.max(...(failovers.get(name) ?? []));
  const own = calls.get('ours') ?? [];
  return {
    columns: ['lock', 'calls acquire/renew/release', 'failover in leases: median', 'worst', 'fencing token'],
    rows: peers.map(({ name, token }) => [
      name,
      verbs(name),
      rounded(median(failovers.get(name) ?? [])),
      rounded(worst(name)),
      token,
    ]),
    goals: [
      {
        figure: 'calls of acquire, renew and release together, the most',
        atMost: 3,
        measured: Math.max(...own.map((turn) => turn.reduce((sum, count) => sum + count, 0))),
      },
      { figure: 'worst failover, in leases after the last renewal', atMost: 1.1, measured: worst('ours') },
    ],
    remarks: [
      `Lease ${LEASE_MS} ms, renewed each ${HEARTBEAT_MS} ms; our waiter polls each ${POLL_MS} ms (a read), the others wait a lease between two looks.`,
      'The lock was held and released by another host before. Clocks are trusted by none of them (trustLocalTime off).',
    ],
  };
};
