import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '#primitives/log';
import { freePort } from '../free-port.ts';
import { binarySources, findDynoxide } from './dynoxide-binary.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Dynoxide {
  readonly url: string;
  /** Of dynoxide itself, not of its guard. */
  readonly pid: number;
  /** Resolves when it ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** Ends it and waits until it is gone. What it had answered is on disk when it has a `dbPath`. */
  stop(): Promise<void>;
}

export interface DynoxideOptions {
  /** The file that keeps the tables. In memory when absent. */
  readonly dbPath?: string;
  readonly log?: Log;
  /** Gives up the start. Does not end one that is up: `stop` does. */
  readonly signal?: AbortSignal;
}

const READY_TIMEOUT_MS = 10_000;
const READY_POLL_MS = 10;
const STOP_TIMEOUT_MS = 3_000;
/** Between choosing a port and listening somebody else may take it. */
const MAX_TRIES = 3;
const MAX_OUTPUT_CHARS = 2_000;

/**
 * Ties dynoxide to this process. Its standard input is a pipe that only we hold: it ends when we do, also by kill -9,
 * and then the watcher kills the whole process group. The pid of dynoxide goes to descriptor 3. In POSIX sh a command
 * in the background has no standard input, hence descriptor 4.
 */
const GUARD = `
exec 4<&0 </dev/null
"$@" 3>&- 4<&- & child=$!
echo "$child" >&3
exec 3>&-
{ read -r _ <&4; kill -9 0; } & watcher=$!
exec 4<&-
wait "$child"; code=$?
kill -9 "$watcher" 2>/dev/null
exit "$code"
`;

const signalOf = (code: number): NodeJS.Signals | null => {
  const names = Object.entries(constants.signals);
  return (names.find(([, number]) => number === code - 128)?.[0] as NodeJS.Signals | undefined) ?? null;
};

interface Guarded {
  readonly pid: Promise<number>;
  readonly exited: Promise<Exit>;
  /** The end of what it wrote. */
  readonly output: () => string;
  readonly killAll: () => void;
}

const pidFrom = (guard: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    guard.once('error', reject);
    guard.once('exit', () => reject(new Error('the guard ended before it had started dynoxide')));
    guard.stdio[3]?.once('data', (chunk: Buffer) => resolve(Number.parseInt(chunk.toString(), 10)));
  });

const startGuarded = (command: readonly string[], log: Log | undefined): Guarded => {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'dynoxide-guard', ...command], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C in the terminal is for us, who end it last; and the group can be killed whole.
    detached: true,
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT_CHARS);
    log?.debug('dynoxide', { output: chunk.toString().trim() });
  };
  guard.stdout.on('data', keep);
  guard.stderr.on('data', keep);
  // The pipe breaks when the guard is gone; nothing is ever written to it.
  guard.stdin.on('error', () => undefined);
  const killAll = (): void => {
    try {
      if (guard.pid !== undefined) process.kill(-guard.pid, 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  };
  const exited = new Promise<Exit>((resolve) => {
    guard.once('error', () => resolve({ code: null, signal: null }));
    guard.once('exit', (code, signal) => {
      // Without its guard only the watcher ties dynoxide to us, and that may have been killed too.
      killAll();
      const killedBy = signal ?? (code !== null && code > 128 ? signalOf(code) : null);
      resolve(killedBy === null ? { code, signal: null } : { code: null, signal: killedBy });
    });
  });
  return { pid: pidFrom(guard), exited, output: () => output.trim(), killAll };
};

const answers = async (url: string, signal?: AbortSignal): Promise<boolean> => {
  try {
    // Any answer of dynoxide will do: it refuses this for want of a signature.
    const timeout = AbortSignal.timeout(1_000);
    const response = await fetch(url, {
      method: 'POST',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    await response.arrayBuffer();
    return (
      response.headers.has('x-dynoxide-version') || response.headers.get('server')?.startsWith('Dynoxide') === true
    );
  } catch {
    return false;
  }
};

const untilReady = async (url: string, guarded: Guarded, signal?: AbortSignal): Promise<'ready' | 'ended' | 'late'> => {
  let ended = false;
  void guarded.exited.then(() => (ended = true));
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    signal?.throwIfAborted();
    if (await answers(url, signal)) return 'ready';
    if (ended) return 'ended';
    await sleep(READY_POLL_MS);
  }
  return 'late';
};

const tryStart = async (file: string, options: DynoxideOptions): Promise<Dynoxide | { readonly failure: string }> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const store = options.dbPath === undefined ? [] : ['--db-path', options.dbPath];
  const guarded = startGuarded([file, 'serve', '--host', '127.0.0.1', '--port', String(port), ...store], options.log);
  const end = async (): Promise<void> => {
    guarded.killAll();
    await guarded.exited;
  };
  try {
    const pid = await guarded.pid;
    const state = await untilReady(url, guarded, options.signal);
    if (state === 'late')
      throw new Error(`dynoxide did not answer within ${READY_TIMEOUT_MS / 1000} s: ${guarded.output()}`);
    if (state === 'ended') return { failure: guarded.output() };
    return Object.freeze({
      url,
      pid,
      exited: guarded.exited,
      stop: async () => {
        try {
          process.kill(pid, 'SIGTERM');
        } catch {
          // It ended by itself.
        }
        const timer = setTimeout(guarded.killAll, STOP_TIMEOUT_MS);
        await guarded.exited;
        clearTimeout(timer);
      },
    });
  } catch (error) {
    await end();
    throw error;
  }
};

/**
 * Starts the server of the tables on a free port of 127.0.0.1. It never outlives this process, however that ends, and
 * when its guard is killed it goes too (`exited` tells).
 *
 * @throws Error when there is no dynoxide for this machine, or when it does not come up: with what it said.
 * @see https://github.com/nubo-db/dynoxide
 */
export const startDynoxide = async (options: DynoxideOptions = {}): Promise<Dynoxide> => {
  const file = await findDynoxide(binarySources(options.signal), options.log);
  let failure = '';
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const started = await tryStart(file, options);
    if (!('failure' in started)) return started;
    failure = started.failure;
  }
  throw new Error(`dynoxide (${file}) ended at once, ${MAX_TRIES} times: ${failure || 'it said nothing'}`);
};
