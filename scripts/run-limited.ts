import { spawn } from 'node:child_process';

export interface LimitedRun {
  /** The program and its arguments; a program of the packages is found on PATH, where npm puts `node_modules/.bin`. */
  readonly command: readonly [string, ...string[]];
  readonly limitMs: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** `keep` collects stdout and stderr in the result, `show` passes them through as they come. */
  readonly output: 'keep' | 'show';
  /** Called with what the child sends by its IPC channel; the channel is opened when this is given. */
  readonly onMessage?: (message: unknown) => void;
  /** Ends the child when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface LimitedRunResult {
  /** `exited`: by itself, with `exitCode` (128 when by a signal). */
  readonly end: 'exited' | 'time limit' | 'aborted' | 'not started';
  readonly exitCode: number;
  readonly output: string;
  readonly tookMs: number;
}

/** So much time a group of processes has to end by itself between SIGTERM and SIGKILL. */
const graceMs = 5_000;

const killGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group is gone, which is what was wanted.
  }
};

/**
 * Runs a program in a process group of its own and always comes back: at the time limit, at an abort, and when the
 * program ends, whatever is left of its group is ended, SIGTERM first. Never rejects.
 */
export const runLimited = (run: LimitedRun): Promise<LimitedRunResult> => {
  const [program, ...args] = run.command;
  const startedMs = performance.now();
  const pipe = run.output === 'keep' ? 'pipe' : 'inherit';
  const child = spawn(program, args, {
    detached: true,
    env: run.env ?? process.env,
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    stdio: run.onMessage === undefined ? ['ignore', pipe, pipe] : ['ignore', pipe, pipe, 'ipc'],
  });

  const { promise, resolve } = Promise.withResolvers<LimitedRunResult>();
  const chunks: Buffer[] = [];
  let end: LimitedRunResult['end'] = 'exited';
  let killTimer: NodeJS.Timeout | undefined;

  const stop = (why: LimitedRunResult['end']): void => {
    if (end !== 'exited' || child.pid === undefined) return;
    end = why;
    killGroup(child.pid, 'SIGTERM');
    killTimer = setTimeout(killGroup, graceMs, child.pid, 'SIGKILL');
  };
  const onAbort = (): void => stop('aborted');
  const limitTimer = setTimeout(stop, run.limitMs, 'time limit');
  const settle = (exitCode: number): void => {
    clearTimeout(limitTimer);
    clearTimeout(killTimer);
    run.signal?.removeEventListener('abort', onAbort);
    resolve({ end, exitCode, output: Buffer.concat(chunks).toString(), tookMs: performance.now() - startedMs });
  };

  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (run.onMessage !== undefined) child.on('message', run.onMessage);
  child.on('error', (error) => {
    end = 'not started';
    chunks.push(Buffer.from(`${program}: ${error.message}`));
    settle(127);
  });
  // What the program started and left behind holds its pipes open, so end the group before waiting for `close`.
  child.on('exit', () => {
    if (child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
  });
  child.on('close', (code) => settle(code ?? 128));

  run.signal?.addEventListener('abort', onAbort, { once: true });
  if (run.signal?.aborted === true) onAbort();
  return promise;
};

/** A signal that is aborted by Ctrl-C, SIGTERM or SIGHUP, so that a script ends its children before it ends. */
export const signalOfInterrupt = (): AbortSignal => {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => controller.abort(name));
  return controller.signal;
};

/** 12_345 → `12.3 s`. */
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
