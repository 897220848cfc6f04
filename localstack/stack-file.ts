import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from './is-running.ts';

/** What a client needs to know of a stack, wherever it runs. */
export interface StackAddress {
  readonly apiUrl: string;
  readonly awsEndpointUrl: string;
  readonly adminToken: string;
  readonly region: string;
  readonly queues: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, string>>;
  readonly buses: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
}

/** A stack that runs as processes of its own. Written when the stack is up, removed when it stops. */
export interface StackInfo extends StackAddress {
  /** The supervisor: its end stops everything. */
  readonly pid: number;
  /** The function host: kill -9 it and it comes back. Null while it does. */
  readonly functionHostPid: number | null;
}

const stackFilePath = (stackDir: string): string => path.join(stackDir, 'stack.json');

/** Readers see the old file or the new one. Only its owner may read it: it holds the admin token. */
export const writePrivately = async (file: string, info: StackAddress): Promise<void> => {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
};

export const writeStackFile = (stackDir: string, info: StackInfo): Promise<void> =>
  writePrivately(stackFilePath(stackDir), info);

export const removeStackFile = (stackDir: string): Promise<void> => rm(stackFilePath(stackDir), { force: true });

/** The stack that runs from this folder, or undefined: also for a file that a killed stack left behind. */
export const readStackFile = async (stackDir: string): Promise<StackInfo | undefined> => {
  let text: string;
  try {
    text = await readFile(stackFilePath(stackDir), 'utf8');
  } catch {
    return undefined;
  }
  const info = JSON.parse(text) as StackInfo;
  return isRunning(info.pid) ? info : undefined;
};
