import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { serverlessScript } from '../serverless-script.ts';

const KEPT_LINES = 25;

/**
 * Runs the framework in the current folder until it ends. Everything that it prints goes to `log`, line by line also
 * to `onLine`.
 *
 * @throws an error with the last lines when it fails, does not end in time, or `signal` aborts: then it is ended.
 */
export const runServerless = async (options: {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly log: Writable;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> => {
  const [command = ''] = options.args;
  const limit = AbortSignal.timeout(options.limitMs);
  const child = spawn(process.execPath, [serverlessScript(), ...options.args], {
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([limit, options.signal]),
  });
  const last: string[] = [];
  const read = (stream: NodeJS.ReadableStream): Promise<void> =>
    new Promise((resolve) => {
      createInterface({ input: stream })
        .on('line', (line) => {
          options.log.write(`${line}\n`);
          if (line.trim() !== '') last.push(line);
          if (last.length > KEPT_LINES) last.shift();
          options.onLine(line);
        })
        .once('close', resolve);
    });
  const printed = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = await new Promise<number | NodeJS.Signals | Error>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
  });
  if (ended === 0) {
    await printed;
    return;
  }
  const why = limit.aborted ? `did not end within ${options.limitMs / 1000} s` : `ended with ${String(ended)}`;
  throw new Error(`'serverless ${command}' ${why}:\n${last.join('\n')}`);
};
