import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../localstack/free-port.ts';
import { systemClock } from '#primitives/system-clock';
import { redisClient, type RedisCommand, type UseRedis } from '#single-node/adapter/redis-client';
import { until } from './http.ts';

/** A redis-server of the test's own, on a free port of this machine. */
export interface TestRedis {
  readonly address: string;
  readonly use: UseRedis;
  stop(): Promise<void>;
}

const START_MS = 20_000;

const isUp = (use: UseRedis): Promise<boolean> =>
  use((command: RedisCommand) => command('PING')).then(
    (reply) => reply === 'PONG',
    () => false,
  );

export const startRedis = async (given?: number): Promise<TestRedis> => {
  const port = given ?? (await freePort());
  const folder = await mkdtemp(path.join(tmpdir(), 'redis-'));
  const program = 'redis-server';
  const args = [
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--save',
    '',
    '--dir',
    folder,
    '--slowlog-log-slower-than',
    '0',
  ];
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const use = redisClient({
    host: '127.0.0.1',
    port,
    clock: systemClock(),
    deadlineMs: 5_000,
    maxReplyBytes: 1_048_576,
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      () => isUp(use),
      (up) => up,
      START_MS,
      50,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${port}`, use, stop };
};
