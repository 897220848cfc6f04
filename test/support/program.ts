import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = path.resolve(import.meta.dirname, '../..');
const READY_MS = 60_000;
const END_MS = 60_000;

/** A program of the project, run as a process of its own. */
export interface Program {
  readonly pid: number;
  /** Its first line, which it prints when it is ready. */
  readonly firstLine: string;
  /** What it wrote to its error output so far. */
  errors(): string;
  /** Sends the signal and waits for the end: the exit code, or the signal that ended it. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

const endOf = (child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode ?? child.signalCode)
    : once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null);

/** Starts a program and waits for its first line. */
const startProgram = async (
  file: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Program> => {
  const { NODE_OPTIONS: _, AWS_LAMBDA_RUNTIME_API: __, ...rest } = process.env;
  const child = spawn(process.execPath, [path.join(ROOT, file), ...args], {
    env: { ...rest, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> => {
    const ended = endOf(child);
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    const result = await ended;
    clearTimeout(timer);
    return result;
  };
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  const [firstLine] = (await Promise.race([once(lines, 'line'), endOf(child).then(() => [undefined])])) as [string?];
  clearTimeout(timer);
  if (firstLine === undefined) throw new Error(`${file} ended (${await endOf(child)}) before it was ready:\n${errors}`);
  return { pid: child.pid ?? 0, firstLine, errors: () => errors, end: (signal = 'SIGTERM') => end(signal) };
};

/** `distributed-patterns ARGS` as it is run from the sources. */
export const startCli = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Program> =>
  startProgram('lib/cli/main.ts', args, env);

/** A legacy program, and its port. */
export const startLegacy = async (port = 0): Promise<Program & { readonly port: number }> => {
  const program = await startProgram('test/support/fixture/legacy-program.ts', [String(port)]);
  return { ...program, port: Number(program.firstLine) };
};
