import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '#primitives/clock';
import { within } from '../within.ts';

/**
 * Starts the program given as arguments in a process group of its own, writes its process id to file descriptor 3, and
 * ends all of the group when standard input ends: that is when the process that holds the other end has died, however
 * it died. SIGTERM is handed on to the program, and its exit code given.
 *
 * The order counts: what ends the group is there before the program is (writing to 3 may end this shell, when nobody
 * reads any more), and so is the handler of SIGTERM.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
 */
const SCRIPT = `
exec 4<&0
{ cat <&4 >/dev/null 2>&1; kill -KILL 0; } 3>&- &
program= asked=
trap 'asked=1; test -z "$program" || kill -TERM "$program" 2>/dev/null' TERM
"$@" </dev/null 3>&- 4<&- &
program=$!
exec 4<&-
test -z "$asked" || kill -TERM "$program" 2>/dev/null
echo "$program" >&3
exec 3>&-
while :; do
  wait "$program"
  code=$?
  kill -0 "$program" 2>/dev/null || break
done
exit "$code"
`;

/** A program that cannot outlive this process. */
export interface LeashedProgram {
  /** Of the program, not of what watches it. Rejects when it was not started. */
  readonly pid: Promise<number>;
  /** Resolves when it has ended: how, and the end of what it printed. */
  readonly ended: Promise<string>;
  /** Asks it to end. */
  terminate(): void;
  /** Ends it and all that it started. */
  kill(): void;
}

export interface LeashOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Gets what it prints, in pieces. */
  readonly onOutput?: (text: string) => void;
}

const SHELL = '/bin/sh';
/** Of what a program printed, as a reason for its end. */
const MAX_TAIL_CHARACTERS = 1_500;
/** What it printed last comes at once; something that it left behind may hold the other end for ever. */
const LAST_OUTPUT_MS = 500;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const readPid = async (stream: Readable): Promise<number> => {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const pid = Number(text.trim());
  if (!Number.isSafeInteger(pid) || pid <= 0) throw new Error('the program was not started');
  return pid;
};

const howItEnded = (code: number | null, signal: NodeJS.Signals | null): string => {
  if (signal !== null) return `ended by ${signal}`;
  // A shell tells of a signal by a code above 128.
  if (code !== null && code > 128) return `ended by signal ${code - 128}`;
  return `ended with code ${code}`;
};

/** Starts a program that ends with this process, even when this process is killed. Needs a POSIX shell. */
export const leash = (options: LeashOptions): LeashedProgram => {
  const { command, args, folder, environment, clock, onOutput } = options;
  const child = spawn(SHELL, ['-c', SCRIPT, 'leash', command, ...args], {
    cwd: folder,
    env: { ...environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  }) as Child;
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      tail = (tail + text).slice(-MAX_TAIL_CHARACTERS);
      onOutput?.(text);
    });
  }
  // It may end before it takes notice of its standard input.
  child.stdin.on('error', () => undefined);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const closed = new Promise<void>((close) => void child.once('close', () => close()));
  const end = (how: string): void => resolve(tail.trim() === '' ? how : `${how}: ${tail.trim()}`);
  child.once('error', (error) => end(error.message));
  child.once('exit', (code, signal) => {
    // Whatever the program has left behind goes now.
    child.stdin.end();
    void within(clock, LAST_OUTPUT_MS, () => closed).then(() => end(howItEnded(code, signal)));
  });
  const pid = readPid(child.stdio[3] as Readable);
  // Whoever does not ask is not told.
  pid.catch(() => undefined);

  return Object.freeze({
    pid,
    ended,
    // Before there is a process id nothing would hand the signal on.
    terminate: () =>
      void pid.then(
        () => child.kill('SIGTERM'),
        () => undefined,
      ),
    kill: () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    },
  } satisfies LeashedProgram);
};
