import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export interface Step {
  /** What is being done, for the message when it fails: `pip install …`. */
  readonly what: string;
  readonly command: readonly [string, ...string[]];
  readonly limitMs: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Takes what it writes, besides the result. */
  readonly logFile?: string;
  readonly signal?: AbortSignal;
}

/** A step that did not do what it should: says which, why, and the end of what it wrote. */
export class StepError extends Error {
  override readonly name = 'StepError';
}

const MAX_OUTPUT_CHARS = 1 << 16;
const SHOWN_LINES = 20;

/** The last lines of a text. */
export const tailOf = (text: string, lines = SHOWN_LINES): string =>
  text.trimEnd().split('\n').slice(-lines).join('\n');

const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone, which is what was wanted.
  }
};

/**
 * Runs a program to its end and gives what it wrote. It never outlives its time limit or `signal`: its process group
 * is killed, so a step must be one that can be done again.
 *
 * @throws {@link StepError} when it cannot be started, is too slow, or ends with another code than 0.
 */
export const runStep = async (step: Step): Promise<string> => {
  step.signal?.throwIfAborted();
  const [program, ...args] = step.command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(step.env === undefined ? {} : { env: step.env }),
  });
  const log = step.logFile === undefined ? undefined : createWriteStream(step.logFile, { flags: 'a' });
  log?.write(`\n$ ${step.command.join(' ')}\n`);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT_CHARS);
    log?.write(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    killGroup(child.pid);
  }, step.limitMs);
  const abort = (): void => killGroup(child.pid);
  step.signal?.addEventListener('abort', abort, { once: true });
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new StepError(`${step.what} could not be started: ${cause.message}`, { cause })),
      );
      child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
    });
    step.signal?.throwIfAborted();
    if (code === 0) return output;
    const why = late ? `did not end within ${step.limitMs / 1_000} s` : `ended with ${code}`;
    throw new StepError(`${step.what} ${why}:\n${tailOf(output) || '(it said nothing)'}`);
  } finally {
    clearTimeout(limit);
    step.signal?.removeEventListener('abort', abort);
    if (log !== undefined) await finished(log.end());
  }
};
