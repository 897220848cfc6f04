import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../is-running.ts';
import { endInstance, healthOf, writeInstance, type Instance } from './instance.ts';
import { tailOf } from './run.ts';

const READY_LIMIT_MS = 90_000;
const POLL_MS = 100;

export const logFileOf = (runDir: string): string => path.join(runDir, 'log');

const logTail = async (runDir: string): Promise<string> =>
  tailOf(await readFile(logFileOf(runDir), 'utf8').catch(() => '')) || '(it said nothing)';

/**
 * Resolves when the instance answers.
 *
 * @throws Error when it has ended, or does not answer within 90 s: with the end of its log.
 */
export const untilHealthy = async (instance: Instance, signal?: AbortSignal): Promise<void> => {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  while ((await healthOf(instance.url, signal)) === undefined) {
    signal?.throwIfAborted();
    const hasEnded = instance.pid !== undefined && !isRunning(instance.pid);
    if (hasEnded || performance.now() > deadlineMs)
      throw new Error(
        `${instance.kind === 'ministack' ? 'ministack' : 'LocalStack'} ` +
          `${hasEnded ? 'ended' : `did not answer within ${READY_LIMIT_MS / 1_000} s`}:\n${await logTail(instance.runDir)}`,
      );
    await sleep(POLL_MS);
  }
};

/** A folder for a new start: what an earlier one kept there is gone, as its queues and tables are. */
export const emptyRunDir = async (runDir: string): Promise<void> => {
  await rm(runDir, { recursive: true, force: true });
  await mkdir(path.join(runDir, 'tmp'), { recursive: true });
};

export interface Launch extends Omit<Instance, 'pid' | 'startedAtMs'> {
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

/**
 * Starts a process that outlives this one, and waits until it answers. One that does not is ended, and leaves only its
 * log.
 *
 * @throws Error when it does not come up, or when another process starts the same just now.
 */
export const launch = async ({ command, env, signal, ...what }: Launch): Promise<Instance> => {
  await emptyRunDir(what.runDir);
  const [program, ...args] = command;
  const log = await open(logFileOf(what.runDir), 'a');
  const child = spawn(program, args, { cwd: what.runDir, env, detached: true, stdio: ['ignore', log.fd, log.fd] });
  child.unref();
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new Error(
      `${program} could not be started. Delete the folder that it is in, so that it is installed again.`,
      {
        cause,
      },
    );
  } finally {
    await log.close();
  }
  const instance: Instance = Object.freeze({ ...what, startedAtMs: Date.now(), pid: child.pid ?? 0 });
  try {
    if (!(await writeInstance(instance))) throw new Error(`Another process starts one on port ${what.port} just now.`);
    await untilHealthy(instance, signal);
    return instance;
  } catch (error) {
    await endInstance(instance);
    throw error;
  }
};
