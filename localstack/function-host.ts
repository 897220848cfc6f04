import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '#primitives/log';
import { removeBuildFolder } from './plugin/build-folder.ts';
import { serverlessScript } from './serverless-script.ts';

/** What the plugin reports when the functions can be called. */
export interface HostReady {
  readonly type: 'ready';
  readonly pid: number;
  readonly queues: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, string>>;
  readonly buses: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
  readonly httpUrl: string;
  readonly lambdaUrl: string;
}

export interface FunctionHost {
  /** The host that answers now; undefined while there is none. */
  current(): HostReady | undefined;
  /** Resolves when the first host is up. Rejects when it could not come up, with what it said. */
  readonly ready: Promise<HostReady>;
  /** Resolves with the reason when the host failed so often that it is given up. Pending otherwise. */
  readonly givenUp: Promise<Error>;
  /** Ends the host at once, as a crash would. It comes back. */
  crash(): void;
  stop(): Promise<void>;
}

/** A first start bundles all functions on a cold machine. */
const READY_TIMEOUT_MS = 90_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** A host that ran for so long was well: the count of failures begins anew. */
const WELL_AFTER_MS = 10_000;
/** Ends by itself (not by a signal from outside) without having been well. */
const MAX_FAILURES = 5;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Bounds the young generation of each thread, which on a machine with much memory would grow to 48 MB and more: 150 MB
 * less for a host whose functions were called, at no cost that could be measured.
 *
 * @see https://nodejs.org/api/cli.html#--max-semi-space-sizesize-in-mib
 */
const MEMORY_FLAGS = ['--max-semi-space-size=2'];

const isReady = (message: unknown): message is HostReady =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';

const failureOf = (message: unknown): string | undefined =>
  typeof message === 'object' &&
  message !== null &&
  'type' in message &&
  message.type === 'failed' &&
  'message' in message
    ? String(message.message)
    : undefined;

interface HostRun {
  readonly child: ChildProcess;
  readonly ready: Promise<HostReady>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const startRun = (
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly args: readonly string[] },
  onOutput: (line: Buffer) => void,
): HostRun => {
  const child = spawn(process.execPath, [...MEMORY_FLAGS, serverlessScript(), ...options.args], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A Ctrl-C in the terminal is for the supervisor, which ends the host in its own time.
    detached: true,
  });
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onOutput);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: -1, signal: null }));
  });
  let failure: string | undefined;
  const ready = new Promise<HostReady>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`The function host was not ready within ${READY_TIMEOUT_MS / 1000} s.`));
      child.kill('SIGKILL');
    }, READY_TIMEOUT_MS);
    child.on('message', (message) => {
      if (isReady(message)) {
        clearTimeout(timer);
        resolve(message);
      } else failure = failureOf(message) ?? failure;
    });
    void exited.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(failure ?? `The function host ended before it was ready (${signal ?? `exit code ${code}`}).`));
    });
  });
  // Whoever waits sees the rejection; nobody needs to.
  ready.catch(() => undefined);
  return { child, ready, exited };
};

/**
 * Runs serverless-offline as a child and keeps it running: a host that dies is started again, at once after a signal
 * from outside, with a growing delay when it ends by itself. The child's IPC channel ties it to this process: when
 * this process dies, even by kill -9, the channel closes and the host exits.
 */
export const functionHost = (options: {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly args: readonly string[];
  readonly log: Log;
  /** What the host writes to its standard output and error. */
  readonly onOutput: (chunk: Buffer) => void;
  /** Called on each change: a host that is up, or undefined. */
  readonly onChange: (ready: HostReady | undefined) => void;
}): FunctionHost => {
  const stopping = new AbortController();
  let run: HostRun;
  let current: HostReady | undefined;
  let failures = 0;
  const first = Promise.withResolvers<HostReady>();
  const givenUp = Promise.withResolvers<Error>();

  const change = (ready: HostReady | undefined): void => {
    current = ready;
    options.onChange(ready);
  };

  const runOnce = async (): Promise<void> => {
    const startedMs = performance.now();
    run = startRun(options, options.onOutput);
    let error: unknown;
    try {
      const ready = await run.ready;
      if (stopping.signal.aborted) return;
      change(ready);
      first.resolve(ready);
    } catch (reason) {
      error = reason;
    }
    const { code, signal } = await run.exited;
    if (stopping.signal.aborted) return;
    if (current !== undefined) change(undefined);
    const killed = signal !== null && error === undefined;
    failures = killed || performance.now() - startedMs > WELL_AFTER_MS ? 0 : failures + 1;
    options.log.warn('function host ended, starting it again', { exitCode: code, signal, failures });
    if (error !== undefined) first.reject(error);
    if (failures >= MAX_FAILURES)
      throw new Error(`The function host ended ${failures} times in a row (${signal ?? `exit code ${code}`}).`, {
        cause: error,
      });
  };

  const keepRunning = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await runOnce();
      if (stopping.signal.aborted) return;
      const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = keepRunning().catch((error: unknown) => {
    givenUp.resolve(error instanceof Error ? error : new Error(String(error)));
  });
  first.promise.catch(() => undefined);

  return Object.freeze({
    current: () => current,
    ready: first.promise,
    givenUp: givenUp.promise,
    crash: () => void run.child.kill('SIGKILL'),
    stop: async () => {
      stopping.abort();
      change(undefined);
      run.child.kill('SIGTERM');
      const timer = setTimeout(() => run.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await run.exited;
      clearTimeout(timer);
      await running;
      if (run.child.pid !== undefined) removeBuildFolder(options.cwd, run.child.pid);
    },
  });
};
