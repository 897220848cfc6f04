import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { findDynoxide } from '../../../localstack/embedded/dynoxide-binary.ts';
import { startDynoxide, type Dynoxide, type DynoxideOptions } from '../../../localstack/embedded/dynoxide.ts';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const untilGone = async (pid: number): Promise<void> => {
  for (let tries = 0; alive(pid); tries += 1) {
    if (tries > 500) throw new Error(`${pid} is still there`);
    await sleep(10);
  }
};

const clientOf = (url: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

/** A supervisor of its own: it starts dynoxide, says its pid and its guard's, and waits to be killed. */
const HELPER = `
import { execFileSync } from 'node:child_process';
import { startDynoxide } from ${JSON.stringify(path.resolve('localstack/embedded/dynoxide.ts'))};
const dynoxide = await startDynoxide();
const processes = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString().trim().split('\\n').map((line) => line.trim().split(/ +/).map(Number));
const guard = processes.find(([pid]) => pid === dynoxide.pid)[1];
const watcher = processes.find(([pid, parent]) => parent === guard && pid !== dynoxide.pid)[0];
console.log(JSON.stringify({ pid: dynoxide.pid, guard, watcher }));
const exit = await dynoxide.exited;
console.log(JSON.stringify(exit));
setInterval(() => undefined, 1_000);
`;

const helpers: ChildProcess[] = [];
const startHelper = async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HELPER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  helpers.push(child);
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const next = waiting.shift();
      if (next === undefined) lines.push(line);
      else next(line);
    }
  });
  const line = (): Promise<string> =>
    new Promise((resolve) => {
      const there = lines.shift();
      if (there === undefined) waiting.push(resolve);
      else resolve(there);
    });
  const { pid, guard, watcher }: { pid: number; guard: number; watcher: number } = JSON.parse(await line());
  return { child, line, pid, guard, watcher };
};

const started: Dynoxide[] = [];
const start = async (options?: DynoxideOptions): Promise<Dynoxide> => {
  const dynoxide = await startDynoxide(options);
  started.push(dynoxide);
  return dynoxide;
};
afterEach(async () => {
  for (const helper of helpers.splice(0)) helper.kill('SIGKILL');
  for (const dynoxide of started.splice(0)) await dynoxide.stop();
});

describe('dynoxide', () => {
  test('answers when it is up, and is gone after stop', async () => {
    const dynoxide = await start();
    expect(alive(dynoxide.pid)).toBe(true);
    expect((await fetch(dynoxide.url, { method: 'POST' })).headers.get('x-dynoxide-version')).toMatch(/^1\./);
    await dynoxide.stop();
    expect(alive(dynoxide.pid)).toBe(false);
    expect(await dynoxide.exited).toEqual({ code: 0, signal: null });
    await dynoxide.stop();
  });

  test('does not outlive a supervisor that is killed with -9', async () => {
    const { child, pid, guard } = await startHelper();
    expect(alive(pid)).toBe(true);
    child.kill('SIGKILL');
    await untilGone(pid);
    await untilGone(guard);
  });

  test('is ended by the supervisor when its guard and its watcher are killed with -9, and the supervisor is told', async () => {
    const { line, pid, guard, watcher } = await startHelper();
    process.kill(watcher, 'SIGKILL');
    process.kill(guard, 'SIGKILL');
    await untilGone(pid);
    expect(JSON.parse(await line())).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('tells when it was killed', async () => {
    const dynoxide = await start();
    process.kill(dynoxide.pid, 'SIGKILL');
    expect(await dynoxide.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await dynoxide.stop();
  });

  test('what it answered survives kill -9 when it has a file', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'dynoxide-'));
    try {
      const dbPath = path.join(folder, 'tables.db');
      const first = await start({ dbPath });
      const client = clientOf(first.url);
      await client.send(
        new CreateTableCommand({
          TableName: 'ttt',
          KeySchema: [{ AttributeName: 'k', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'k', AttributeType: 'S' }],
          BillingMode: 'PAY_PER_REQUEST',
        }),
      );
      for (let n = 0; n < 20; n += 1)
        await client.send(new PutItemCommand({ TableName: 'ttt', Item: { k: { S: String(n) } } }));
      process.kill(first.pid, 'SIGKILL');
      await first.exited;
      client.destroy();

      const second = await start({ dbPath });
      const again = clientOf(second.url);
      const read = await again.send(
        new GetItemCommand({ TableName: 'ttt', Key: { k: { S: '19' } }, ConsistentRead: true }),
      );
      expect(read.Item).toEqual({ k: { S: '19' } });
      again.destroy();
      await second.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('that cannot start is an error that carries what it said', async () => {
    await expect(startDynoxide({ dbPath: '/nonexistent-folder/tables.db' })).rejects.toThrow(/ended at once.*: .+/s);
  });

  test('a start can be given up', async () => {
    await expect(startDynoxide({ signal: AbortSignal.abort(new Error('given up')) })).rejects.toThrow('given up');
  });
});

describe('the dynoxide program', () => {
  const fetched = (): Promise<string> => Promise.resolve('/fetched');
  test('is the installed one, else the one on the PATH, else npm fetches it', async () => {
    const sources = { installed: () => '/installed', onPath: () => '/path', fetched };
    expect(await findDynoxide(sources)).toBe('/installed');
    expect(await findDynoxide({ ...sources, installed: () => undefined })).toBe('/path');
    expect(await findDynoxide({ installed: () => undefined, onPath: () => undefined, fetched })).toBe('/fetched');
  });

  test('that is nowhere is an error that says what to install', async () => {
    const nowhere = {
      installed: () => undefined,
      onPath: () => undefined,
      fetched: () => Promise.reject(new Error('offline')),
    };
    await expect(findDynoxide(nowhere)).rejects.toThrow(/Install it and put it on the PATH/);
  });
});
