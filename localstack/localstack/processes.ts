import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly residentKb: number;
  readonly command: string;
}

const MAX_LISTING_BYTES = 64 * 1024 * 1024;
const POLL_MS = 50;

/** All processes of the machine, with their whole command lines; those that only wait to be reaped left out. */
export const allProcesses = (): readonly Process[] =>
  execFileSync('ps', ['-ww', '-eo', 'pid=,ppid=,rss=,stat=,args='], { encoding: 'utf8', maxBuffer: MAX_LISTING_BYTES })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, rss, stat, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined || stat?.startsWith('Z') === true
        ? []
        : [{ pid: Number(pid), parent: Number(parent), residentKb: Number(rss), command }];
    });

/** The argument that every process of an instance is started with, so that it is known as one when its parent is gone. */
export const markOf = (runDir: string): string => `distributed-patterns-instance=${runDir}`;

/** The processes with that mark, and everything below them. */
export const markedProcesses = (mark: string, all: readonly Process[]): readonly Process[] => {
  const found = new Set(all.filter(({ command }) => `${command} `.includes(`${mark} `)));
  let size: number;
  do {
    size = found.size;
    const pids = new Set([...found].map(({ pid }) => pid));
    for (const process of all) if (pids.has(process.parent)) found.add(process);
  } while (found.size > size);
  return [...found];
};

const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, which is what was wanted.
  }
};

/**
 * Ends every process with that mark and everything below: the one that started them by SIGTERM, and what is left when
 * it has ended, or after `graceMs`, by SIGKILL. Resolves when none is left.
 *
 * @throws Error when one survives SIGKILL for as long again.
 */
export const endProcesses = async (mark: string, rootPid: number, graceMs: number): Promise<void> => {
  // What is below a process without a mark of its own is only found while its parents live.
  const known = new Map<number, string>();
  const left = (): readonly Process[] => {
    const all = allProcesses();
    for (const { pid, command } of markedProcesses(mark, all)) known.set(pid, command);
    return all.filter(({ pid, command }) => known.get(pid) === command);
  };
  const endOf = async (isDone: () => boolean, limitMs: number): Promise<void> => {
    const deadlineMs = performance.now() + limitMs;
    while (!isDone() && performance.now() < deadlineMs) await sleep(POLL_MS);
  };
  if (left().some(({ pid }) => pid === rootPid)) signalTo(rootPid, 'SIGTERM');
  await endOf(() => !left().some(({ pid }) => pid === rootPid), graceMs);
  for (const { pid } of left()) signalTo(pid, 'SIGKILL');
  await endOf(() => left().length === 0, graceMs);
  const stayed = left();
  if (stayed.length > 0)
    throw new Error(`Could not end ${stayed.map(({ pid, command }) => `${pid} (${command})`).join(', ')}.`);
};
