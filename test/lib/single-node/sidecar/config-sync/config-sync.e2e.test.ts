import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { awsClients } from '#primitives/aws/clients';
import { awsTable } from '#primitives/aws/table';
import { systemClock } from '#primitives/system-clock';
import { configStore, type ConfigStore } from '#single-node/sidecar/config-sync/config-store';
import { launcher } from '#single-node/sidecar/git-sync/launcher';
import type { RunningProgram } from '#single-node/sidecar/git-sync/program';
import { startDynoxide } from '../../../../../localstack/embedded/dynoxide.ts';
import { http, until } from '../../../../support/http.ts';
import { startCli, type Program } from '../../../../support/program.ts';

const PATIENCE_MS = 60_000;
const TABLE = 'settings';
const PROGRAM = path.resolve('functions/single-node/sidecar/program.mjs');
const VALIDATOR = `export const validate = (value) =>
  typeof value?.greeting === 'string' && typeof value?.repeat === 'number' ? { value } : { reason: 'not valid' };`;

let folder: string;
let file: string;
let dynoxide: Awaited<ReturnType<typeof startDynoxide>>;
let clients: ReturnType<typeof awsClients>;
let store: ConfigStore;
let sidecar: Program;
let program: RunningProgram;

const environment = () => ({
  AWS_ENDPOINT_URL: dynoxide.url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
});
const startSidecar = async (): Promise<void> => {
  const where = ['--table', TABLE, '--name', 'shop', '--file', file];
  const how = ['--validator', path.join(folder, 'validator.mjs'), '--interval-ms', '50'];
  sidecar = await startCli(['sidecar', 'config-sync', ...where, ...how], environment());
};
const put = async (value: object, token: string): Promise<number> =>
  (await store.put('shop', { ...value }, { token })).version;
const answerOf = async (): Promise<{ readonly says: string; readonly settings: number }> =>
  (await http('GET', `${program.url}/`)).json as { says: string; settings: number };
const runsBy = (version: number) => until(answerOf, ({ settings }) => settings >= version, PATIENCE_MS, 20);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'config-sync-'));
  file = path.join(folder, 'etc', 'shop.json');
  await writeFile(path.join(folder, 'validator.mjs'), VALIDATOR);
  dynoxide = await startDynoxide();
  Object.assign(process.env, environment());
  const client = new DynamoDBClient({ endpoint: dynoxide.url });
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  client.destroy();
  clients = awsClients({ environment: environment() });
  store = configStore({ table: awsTable({ name: TABLE, clients }) });
  await put({ greeting: 'Hello', repeat: 1 }, 'first');
  await startSidecar();
  const launched = await launcher({
    command: process.execPath,
    args: [PROGRAM],
    environment: { SETTINGS: file },
    healthPath: '/health',
    healthyCount: 1,
    startMs: PATIENCE_MS,
    stopMs: 5_000,
    clock: systemClock(),
  })(folder);
  if ('reason' in launched) throw new Error(launched.reason);
  ({ program } = launched);
}, 2 * PATIENCE_MS);
afterAll(async () => {
  await program.stop();
  await sidecar.end();
  await clients.close();
  await dynoxide.stop();
  await rm(folder, { recursive: true, force: true });
}, PATIENCE_MS);

test(
  'a program that knows nothing of it runs by one version after the other, never by an invalid one, while the sidecar is killed',
  async () => {
    expect(sidecar.firstLine).toMatch(/^config-sync ready/);
    const seen: number[] = [];
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const { says, settings } = await answerOf();
        expect(says).toBe(settings === 1 ? 'Hello, world!' : `Number ${settings}, world!`);
        seen.push(settings);
      }
    })();
    let version = 1;
    for (let change = 0; change < 12; change += 1) {
      await put({ greeting: 'invalid: repeat is missing' }, `bad-${change}`);
      version = await put({ greeting: `Number ${version + 2}`, repeat: 1 }, `good-${change}`);
      if (change % 4 === 3) {
        await sidecar.end('SIGKILL');
        await startSidecar();
      }
      await runsBy(version);
    }
    isOver = true;
    await watching;
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    // Only the good ones, which are the odd ones here; and the program is the process that it was.
    expect([...new Set(seen)].filter((each) => each % 2 === 0)).toEqual([]);
    expect(process.kill(program.pid, 0)).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual(['shop.json']);
  },
  3 * PATIENCE_MS,
);

test(
  'while the table is gone the program goes on by the last good version, also after the sidecar was started again',
  async () => {
    const before = await answerOf();
    const text = await readFile(file, 'utf8');
    await dynoxide.stop();
    await until(
      async () => sidecar.errors(),
      (log) => log.includes('configuration not synced'),
      PATIENCE_MS,
    );
    expect(await sidecar.end()).toBe(0);
    await startSidecar();
    expect(await answerOf()).toEqual(before);
    expect(await readFile(file, 'utf8')).toBe(text);
  },
  2 * PATIENCE_MS,
);

test(
  'arguments that make no sense end with 2 and say what would',
  async () => {
    const good = ['--name', 'x', '--file', file, '--validator', path.join(folder, 'validator.mjs')];
    const bad: readonly (readonly [readonly string[], RegExp])[] = [
      [good, /one of --table and --bucket/],
      [[...good, '--table', 'a', '--bucket', 'b'], /one of --table and --bucket/],
      [
        ['--table', 'a', '--name', 'x', '--file', file, '--validator', 'nothing.mjs'],
        /--validator.*a module that loads/,
      ],
      [
        ['--table', 'a', '--name', 'x', '--file', file, '--validator', PROGRAM.replace('program.mjs', 'api.ts')],
        /exports a function 'validate'/,
      ],
    ];
    for (const [args, message] of bad)
      await expect(startCli(['sidecar', 'config-sync', ...args], environment())).rejects.toThrow(message);
    await expect(
      startCli(['sidecar', 'git-sync', '--repository', 'ext::sh -c x', '--root', folder, '--command', 'node']),
    ).rejects.toThrow(/\(2\).*\n.*Expected 'repository'/s);
  },
  2 * PATIENCE_MS,
);
