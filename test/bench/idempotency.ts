/** API calls of idempotent work, and what becomes of a hundred calls at once: ours and Powertools', on one table each. */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsClients, awsTable } from '../../lib/primitives/aws/index.ts';
import { systemClock, systemRandom, type Table } from '../../lib/primitives/index.ts';
import { idempotency, type WhileRunning } from '../../lib/resilience/idempotency.ts';
import { startDynoxide } from '../../localstack/embedded/dynoxide.ts';
import type { Benchmark } from './benchmark.ts';

const OWN_TABLE = 'own-keys';
const PEER_TABLE = 'peer-keys';
const CONCURRENT_COUNT = 100;
const WORK_MS = 50;
const BATCH_COUNT = 10;

/** One process with its memory: runs work for a key, or a batch of keys, and counts the calls that it took. */
interface Host {
  readonly run: (key: string) => Promise<unknown>;
  readonly runBatch: (keys: readonly string[]) => Promise<unknown>;
  readonly calls: () => number;
}
interface Candidate {
  readonly name: string;
  readonly host: () => Host;
}

const work = async (): Promise<{ readonly done: true }> => {
  await sleep(WORK_MS);
  return { done: true };
};

const counted = (table: Table) => {
  let count = 0;
  const tally = <A extends readonly unknown[], R>(call: (...given: A) => R) => {
    return (...given: A): R => {
      count += 1;
      return call(...given);
    };
  };
  const { get, put, update, transact } = table;
  const wired: Table = {
    ...table,
    get: tally(get),
    put: tally(put),
    update: tally(update),
    delete: tally(table.delete),
    transact: tally(transact),
  };
  return { wired, count: () => count };
};

const ours = (table: Table, whileRunning: WhileRunning): Candidate => ({
  name: `ours, ${whileRunning.mode}`,
  host: () => {
    const { wired, count } = counted(table);
    const parts = { table: wired, clock: systemClock(), random: systemRandom() };
    const keys = idempotency({ ...parts, inProgressMs: 30_000, keepMs: 600_000, whileRunning });
    const once = async () => ({ answer: await work(), keep: true });
    return {
      run: async (key) => {
        const outcome = await keys.run('bench', `${whileRunning.mode}/${key}`, 'body', once);
        if (outcome.status !== 'answered') throw new Error(outcome.status);
        return outcome.answer;
      },
      runBatch: (batch) =>
        keys.runBatch(
          'bench',
          batch.map((key) => ({ key: `${whileRunning.mode}/${key}`, bodyHash: 'body', work: once })),
        ),
      calls: count,
    };
  },
});

const powertools = (client: DynamoDBClient, callCount: () => number): Candidate => ({
  name: 'powertools idempotency 2.35',
  host: () => {
    const before = callCount();
    const persistenceStore = new DynamoDBPersistenceLayer({ tableName: PEER_TABLE, awsSdkV3Client: client });
    const config = new IdempotencyConfig({ useLocalCache: true, eventKeyJmesPath: 'key' });
    const run = makeIdempotent((_: { readonly key: string }) => work(), { persistenceStore, config });
    return {
      run: (key) => run({ key }),
      // It has nothing for batches: each record by itself.
      runBatch: (batch) => Promise.all(batch.map((key) => run({ key }))),
      calls: () => callCount() - before,
    };
  },
});

const callsOf = async ({ host }: Candidate, round: string) => {
  const first = host();
  await first.run(round);
  const fresh = first.calls();
  await first.run(round);
  const cached = first.calls() - fresh;
  const other = host();
  await other.run(round);
  const duplicate = other.calls();
  const batch = host();
  await batch.runBatch(Array.from({ length: BATCH_COUNT }, (_, n) => `${round}/batch-${n}`));
  return { fresh, duplicate, cached, batch: batch.calls() };
};

/** A hundred calls of one key at once, in one process. */
const atOnce = async ({ host }: Candidate, round: string) => {
  const one = host();
  const outcomes = await Promise.allSettled(
    Array.from({ length: CONCURRENT_COUNT }, () => one.run(`${round}/at-once`)),
  );
  return { answered: outcomes.filter(({ status }) => status === 'fulfilled').length, calls: one.calls() };
};

const createTable = (client: DynamoDBClient, name: string, keys: readonly string[]) =>
  client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
      KeySchema: keys.map((key, at) => ({ AttributeName: key, KeyType: at === 0 ? 'HASH' : 'RANGE' })),
    }),
  );

export const benchmark: Benchmark = async (say) => {
  const dynoxide = await startDynoxide();
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  Object.assign(process.env, { AWS_LAMBDA_FUNCTION_NAME: 'bench' });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ endpoint: dynoxide.url, region: 'us-east-1', credentials });
  let peerCalls = 0;
  client.middlewareStack.add(
    (next) => (given) => {
      peerCalls += 1;
      return next(given);
    },
    { step: 'initialize', name: 'count' },
  );
  const clients = awsClients({ environment: { AWS_ENDPOINT_URL: dynoxide.url } });
  try {
    await createTable(client, OWN_TABLE, ['pk', 'sk']);
    await createTable(client, PEER_TABLE, ['id']);
    const table = awsTable({ name: OWN_TABLE, clients });
    const candidates = [
      ours(table, { mode: 'reject' }),
      ours(table, { mode: 'wait', waitMs: 10_000, pollMs: 100 }),
      ours(table, { mode: 'join', waitMs: 10_000, pollMs: 100 }),
      powertools(client, () => peerCalls),
    ];
    const results = [];
    for (const candidate of candidates) {
      say(candidate.name);
      const calls = await callsOf(candidate, 'round');
      results.push({ name: candidate.name, ...calls, together: await atOnce(candidate, 'round') });
    }
    const own = results.filter(({ name }) => name.startsWith('ours'));
    const most = (figure: (result: (typeof own)[number]) => number): number => Math.max(...own.map(figure));
    const waiting = own.filter(({ name }) => !name.includes('reject'));
    return {
      columns: [
        'idempotency',
        'calls fresh/duplicate/cached',
        'batch of ten',
        'answered of 100 at once',
        'their calls',
      ],
      rows: results.map(({ name, fresh, duplicate, cached, batch, together }) => [
        name,
        `${fresh}/${duplicate}/${cached}`,
        batch,
        together.answered,
        together.calls,
      ]),
      goals: [
        { figure: 'calls of a fresh key', atMost: 2, measured: most(({ fresh }) => fresh) },
        { figure: 'calls of a duplicate', atMost: 1, measured: most(({ duplicate }) => duplicate) },
        { figure: 'calls of one that is remembered', atMost: 0, measured: most(({ cached }) => cached) },
        { figure: 'calls of a fresh batch of ten', atMost: 3, measured: most(({ batch }) => batch) },
        {
          figure: '100 at once: answered by wait and by join, the fewest',
          atLeast: 100,
          measured: Math.min(...waiting.map(({ together }) => together.answered)),
        },
      ],
      remarks: [
        `Work of ${WORK_MS} ms. A duplicate comes to a process that does not remember; "cached" to one that does.`,
      ],
    };
  } finally {
    await clients.close();
    client.destroy();
    await dynoxide.stop();
  }
};
