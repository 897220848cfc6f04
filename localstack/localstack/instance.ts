import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { allProcesses, endProcesses, markedProcesses, markOf, type Process } from './processes.ts';
import type { Kind } from './settings.ts';

/** One stand-in for AWS that was started on this machine, as its file tells. */
export interface Instance {
  readonly kind: Kind;
  readonly port: number;
  readonly url: string;
  readonly startedAtMs: number;
  /** Undefined in Docker, whose engine knows. */
  readonly pid?: number;
  /** Its log, its file, and what it writes while it runs. */
  readonly runDir: string;
}

const HEALTH_TIMEOUT_MS = 5_000;
/** LocalStack takes some 2 s when it has nothing to stop. */
const STOP_GRACE_MS = 20_000;

export const runDirOf = (dir: string, port: number): string => path.join(dir, 'run', String(port));
export const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
const fileOf = (runDir: string): string => path.join(runDir, 'instance.json');

/** @returns False when there is an instance of this port already. */
export const writeInstance = async (instance: Instance): Promise<boolean> => {
  try {
    await writeFile(fileOf(instance.runDir), `${JSON.stringify(instance, null, 2)}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

export const removeInstance = (runDir: string): Promise<void> => rm(fileOf(runDir), { force: true });

export const processesOf = (instance: Instance): readonly Process[] =>
  instance.pid === undefined ? [] : markedProcesses(markOf(instance.runDir), allProcesses());

/** Whether its process runs: that of its id, and not another one that got the id since. In Docker: whether it answers. */
export const isUp = async (instance: Instance): Promise<boolean> =>
  instance.pid === undefined
    ? (await healthOf(instance.url)) !== undefined
    : processesOf(instance).some(({ pid }) => pid === instance.pid);

/** What was started on that port, whether or not it still runs. */
export const readInstance = async (dir: string, port: number): Promise<Instance | undefined> => {
  try {
    return JSON.parse(await readFile(fileOf(runDirOf(dir, port)), 'utf8')) as Instance;
  } catch {
    return undefined;
  }
};

/** All that was started, in the order of their ports. */
export const readInstances = async (dir: string): Promise<readonly Instance[]> => {
  const folder = path.join(dir, 'run');
  if (!existsSync(folder)) return [];
  const ports = (await readdir(folder)).map(Number).filter((port) => Number.isInteger(port));
  const found = await Promise.all(ports.toSorted((a, b) => a - b).map((port) => readInstance(dir, port)));
  return found.filter((instance) => instance !== undefined);
};

/** Ends its processes, also those that outlived it, and forgets it. */
export const endInstance = async (instance: Instance): Promise<void> => {
  if (instance.pid !== undefined) await endProcesses(markOf(instance.runDir), instance.pid, STOP_GRACE_MS);
  await removeInstance(instance.runDir);
};

/** What LocalStack and ministack say of themselves. */
export interface Health {
  readonly version: string;
  /** The services that were used since the start. */
  readonly running: readonly string[];
}

/** Undefined when nothing answers there, or something that is no LocalStack. */
export const healthOf = async (url: string, signal?: AbortSignal): Promise<Health | undefined> => {
  const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  try {
    const response = await fetch(`${url}/_localstack/health`, {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const said: unknown = await response.json();
    if (!response.ok || typeof said !== 'object' || said === null || !('services' in said)) return undefined;
    const version = 'version' in said && typeof said.version === 'string' ? said.version : 'of unknown version';
    const running = Object.entries(said.services ?? {}).filter(([, state]) => state === 'running');
    return { version, running: running.map(([name]) => name) };
  } catch {
    return undefined;
  }
};
