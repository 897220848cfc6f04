import { execFileSync } from 'node:child_process';
import { createConnection } from 'node:net';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly residentKb: number;
}

/** All processes of the machine, as `ps` lists them on Linux and macOS. */
const allProcesses = (): readonly Process[] =>
  execFileSync('ps', ['-eo', 'pid=,ppid=,rss=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), residentKb: Number(rss), command }];
    });

/** The process and everything below it. */
export const processTree = (root: number): readonly Process[] => {
  const all = allProcesses();
  const tree = all.filter(({ pid }) => pid === root);
  for (let at = 0; at < tree.length; at += 1) tree.push(...all.filter(({ parent }) => parent === tree[at]?.pid));
  return tree;
};

export const isAlive = (pid: number): boolean => {
  const found = allProcesses().find((process) => process.pid === pid);
  return found !== undefined && !found.command.includes('<defunct>');
};

/** Whether something listens on that port of 127.0.0.1, or of another address. */
export const listens = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 2000 });
    const end = (result: boolean) => () => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
