import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readStackFile, type StackInfo } from '../../localstack/stack-file.ts';

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
const ROOT = path.resolve(import.meta.dirname, '../..');

/** A stack of the test's own, started as a user starts it, on free ports and in a folder of its own. */
export interface TestStack {
  readonly info: StackInfo;
  readonly stackDir: string;
  /** The supervisor's process id, and what it has printed so far. */
  readonly pid: number;
  output(): string;
  /** The stack file as it stands now. */
  refresh(): Promise<StackInfo | undefined>;
  /** Sends the signal and waits for the end; the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** What a stack may inherit: a test's settings must not depend on the shell that runs it. */
const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(AWS_|PORT$|LAMBDA_PORT$|STACK_DIR$|NODE_OPTIONS$|JEST_)/.test(name),
    ),
  );

export const startTestStack = async (
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly args?: readonly string[];
    readonly wrapper?: readonly string[];
    /** Signals go to npm, not to what it has started. */
    readonly byNpm?: boolean;
  } = {},
): Promise<TestStack> => {
  const { wrapper = [], args = ['--no-demo'], byNpm = false } = options;
  const stackDir = await mkdtemp(path.join(tmpdir(), 'stack-'));
  const start = byNpm ? ['npm', 'start', '--'] : [process.execPath, path.join(ROOT, 'localstack/commands/start.ts')];
  const [command = '', ...before] = [...wrapper, ...start];
  const child = spawn(command, [...before, ...args], {
    cwd: ROOT,
    env: { ...cleanEnvironment(), PORT: '0', AWS_PORT: '0', LAMBDA_PORT: '0', STACK_DIR: stackDir, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const exited = once(child, 'exit').then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null,
  );

  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const result = await exited;
    clearTimeout(timer);
    await rm(stackDir, { recursive: true, force: true });
    return result;
  };

  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const info = await readStackFile(stackDir);
    if (info !== undefined)
      return {
        info,
        stackDir,
        pid: info.pid,
        output: () => output,
        refresh: () => readStackFile(stackDir),
        stop: (signal = 'SIGINT') => end(signal),
      };
    if (child.exitCode !== null || performance.now() > deadline) {
      await end('SIGKILL');
      throw new Error(`The stack did not come up (exit ${child.exitCode}):\n${output}`);
    }
    await sleep(50);
  }
};
