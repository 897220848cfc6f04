import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from './is-running.ts';

/** What a client needs to know of a running stack. Written when the stack is up, removed when it stops. */
export interface StackInfo {
  readonly apiUrl: string;
  readonly awsEndpointUrl: string;
  /** The supervisor: its end stops everything. */
  readonly pid: number;
  /** The function host: kill -9 it and it comes back. Null while it does. */
  readonly functionHostPid: number | null;
  readonly adminToken: string;
  readonly region: string;
  readonly queues: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, string>>;
  readonly buses: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
}

const stackFilePath = (stackDir: string): string => path.join(stackDir, 'stack.json');

/** Readers see the old file or the new one. Only its owner may read it: it holds the admin token. */
export const writeStackFile = async (stackDir: string, info: StackInfo): Promise<void> => {
  await mkdir(stackDir, { recursive: true });
  const file = stackFilePath(stackDir);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
};

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
