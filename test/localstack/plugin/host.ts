import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

/** A function host as a supervisor runs it, with all that it said. */
export interface TestHost {
  readonly pid: number;
  /** The first message over the IPC channel, `{type: 'ready'}` or `{type: 'failed'}`; undefined when it ended without. */
  readonly reported: Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly output: () => string;
  readonly disconnect: () => void;
  readonly kill: (signal: NodeJS.Signals) => void;
}

const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
export const SERVERLESS = path.join(path.dirname(manifest), 'bin', 'serverless.js');
export const FIXTURE = path.join(import.meta.dirname, 'fixture');

/** @param options.isSupervised Whether the host gets an IPC channel. */
export const startHost = (options: {
  readonly environment: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly isSupervised?: boolean;
}): TestHost => {
  const { AWS_ENDPOINT_URL: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [SERVERLESS, ...(options.args ?? ['offline', 'start'])], {
    cwd: options.cwd ?? FIXTURE,
    env: { ...inherited, ...options.environment },
    stdio: options.isSupervised === false ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1)),
  );
  const message = new Promise<Readonly<Record<string, unknown>>>((resolve) =>
    child.once('message', (each) => resolve({ ...(typeof each === 'object' ? each : {}) })),
  );
  return {
    pid: child.pid ?? -1,
    reported: Promise.race([message, exited.then(() => undefined)]),
    exited,
    output: () => output,
    disconnect: () => child.disconnect(),
    kill: (signal) => void child.kill(signal),
  };
};
