import { createServer } from 'node:net';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { within } from '../within.ts';
import { leash, type LeashedProgram } from './leash.ts';
import type { Launch, Launched, RunningProgram } from './program.ts';

export interface LauncherOptions {
  /** Started in the version's folder, without a shell. */
  readonly command: string;
  readonly args: readonly string[];
  /**
   * All of the program's environment, beside `HOST` (127.0.0.1) and `PORT`, where it is to listen: nothing of this
   * process reaches it unless it is named here.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 2xx when the version is healthy, e.g. `/health`. */
  readonly healthPath: string;
  /** So many good answers in a row make it healthy. 1..100. */
  readonly healthyCount: number;
  /** Within this time, else it is not. 1..600_000 ms. */
  readonly startMs: number;
  /** How long after SIGTERM the program is killed. 1..600_000 ms. */
  readonly stopMs: number;
  readonly clock: Clock;
  /** Gets what the program prints. */
  readonly onOutput?: (text: string) => void;
}

const OPTIONS = 'command args environment healthPath healthyCount startMs stopMs clock onOutput'.split(' ');
const HOST = '127.0.0.1';
const BETWEEN_CHECKS_MS = 50;
/** Another process may take a free port before the program does: that is no fault of the version. */
const PORT_TRIES = 3;
const PORT_TAKEN = /EADDRINUSE|address (is )?already in use/i;

const freePort = async (): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, HOST, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
};

const ask = async (url: string, signal: AbortSignal): Promise<boolean> => {
  try {
    const response = await fetch(url, { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
};

/** Undefined when the program is healthy. */
const waitForHealth = async (
  program: LeashedProgram,
  healthUrl: string,
  options: LauncherOptions,
  given: AbortSignal | undefined,
): Promise<string | undefined> => {
  const { clock, healthyCount, startMs } = options;
  const over = new AbortController();
  const healthy = async (signal: AbortSignal): Promise<undefined> => {
    for (let good = 0; good < healthyCount && !signal.aborted;) {
      good = (await ask(healthUrl, signal)) ? good + 1 : 0;
      if (good < healthyCount) await clock.sleep(BETWEEN_CHECKS_MS, signal);
    }
  };
  const ended = await within(clock, startMs, (late) => {
    const signal = AbortSignal.any([late, over.signal, ...(given === undefined ? [] : [given])]);
    return Promise.race([healthy(signal), program.ended.then((reason) => `it ${reason}`)]);
  });
  over.abort();
  given?.throwIfAborted();
  if (ended.status === 'late') return `it was not healthy within ${startMs} ms`;
  if (ended.status === 'failed') throw ended.error;
  return ended.value;
};

const stopProgram = async (program: LeashedProgram, { clock, stopMs }: LauncherOptions): Promise<void> => {
  program.terminate();
  const ended = await within(clock, stopMs, () => program.ended);
  if (ended.status === 'done') return;
  program.kill();
  await program.ended;
};

const launchOnce = async (
  options: LauncherOptions,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Launched> => {
  const { command, args, clock, onOutput } = options;
  const port = await freePort();
  const program = leash({
    command,
    args,
    folder,
    clock,
    environment: { ...options.environment, HOST, PORT: String(port) },
    ...(onOutput === undefined ? {} : { onOutput }),
  });
  const url = `http://${HOST}:${port}`;
  try {
    const reason = await waitForHealth(program, `${url}${options.healthPath}`, options, signal);
    if (reason === undefined) {
      const running: RunningProgram = {
        url,
        pid: await program.pid,
        ended: program.ended,
        stop: () => stopProgram(program, options),
      };
      return { program: running };
    }
    program.kill();
    await program.ended;
    return { reason };
  } catch (error) {
    program.kill();
    await program.ended;
    throw error;
  }
};

/**
 * Starts programs as processes that listen on loopback at a port that they are given, and end with this process.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 */
export const launcher = (options: LauncherOptions): Launch => {
  checkNames(options, OPTIONS);
  checkInteger('healthyCount', options.healthyCount, 1, 100);
  checkInteger('startMs', options.startMs, 1, 600_000);
  checkInteger('stopMs', options.stopMs, 1, 600_000);
  return async (folder, signal) => {
    for (let tries = 1; ; tries += 1) {
      const launched = await launchOnce(options, folder, signal);
      if ('program' in launched || tries >= PORT_TRIES || !PORT_TAKEN.test(launched.reason)) return launched;
    }
  };
};
