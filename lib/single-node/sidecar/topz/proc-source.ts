import { readdir, readFile } from 'node:fs/promises';
import type { Reading, UsageSource } from './usage.ts';

/** Linux counts in these for programs, on every architecture. @see proc(5), /proc/pid/stat: sysconf(_SC_CLK_TCK) */
const MS_PER_TICK = 10;

const GONE_CODES = new Set(['ENOENT', 'ESRCH']);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

/** The fields of `/proc/pid/stat` by their numbers in proc(5). The second, the name, may hold anything, `)` too. */
const statFields = (text: string): ((number: number) => string) => {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  return (number) => fields[number - 3] ?? '';
};

const valueOf = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);

/** Of other users' programs Linux does not say it. */
const countFiles = async (root: string): Promise<number | undefined> => {
  try {
    return (await readdir(`${root}/fd`)).length;
  } catch (error) {
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return undefined;
    throw error;
  }
};

/**
 * Reads what a program uses from Linux' `/proc`: three small files and a folder, no process of its own.
 *
 * @param options.root Where `/proc` is: `/proc` unless told.
 * @see https://man7.org/linux/man-pages/man5/proc.5.html
 */
export const procSource = ({ pid, root = '/proc' }: { readonly pid: number; readonly root?: string }): UsageSource => {
  let startedAtTicks: string | undefined;
  let bootMs: number | undefined;

  const read = async (): Promise<Reading> => {
    const own = `${root}/${pid}`;
    bootMs ??= 1_000 * Number(/^btime (\d+)/m.exec(await readFile(`${root}/stat`, 'utf8'))?.[1]);
    const field = statFields(await readFile(`${own}/stat`, 'utf8'));
    startedAtTicks ??= field(22);
    // It ended and nobody has taken note of it yet (Z), or the pid is another program's.
    if (/^[ZXx]/.test(field(3)) || field(22) !== startedAtTicks) return { status: 'gone' };
    const status = await readFile(`${own}/status`, 'utf8');
    const openFiles = await countFiles(own);
    return {
      status: 'running',
      usage: {
        pid,
        startedAtMs: Math.round(bootMs + Number(field(22)) * MS_PER_TICK),
        cpuUserMs: Number(field(14)) * MS_PER_TICK,
        cpuSystemMs: Number(field(15)) * MS_PER_TICK,
        // In kB whatever the size of a page; programs of the kernel have none.
        residentBytes: (valueOf(status, 'VmRSS') || 0) * 1_024,
        threads: valueOf(status, 'Threads'),
        ...(openFiles === undefined ? {} : { openFiles }),
      },
    };
  };

  return Object.freeze<UsageSource>({
    kind: 'proc',
    read: async () => {
      try {
        return await read();
      } catch (error) {
        if (GONE_CODES.has(codeOf(error))) return { status: 'gone' };
        throw error;
      }
    },
  });
};
