import { execFile } from 'node:child_process';
import { PatternError } from '#primitives/errors';
import type { Reading, UsageSource } from './usage.ts';

const TIMEOUT_MS = 5_000;

/** `[[days-]hours:]minutes:seconds[.hundredths]`, as ps writes processor time. */
export const cpuTimeMs = (text: string): number => {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] =
    /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text.trim()) ?? [];
  return Math.round(((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1_000);
};

interface PsAnswer {
  readonly failed: boolean;
  readonly text: string;
}

/** In the language of no country: dates are read again. */
const runPs = (pid: number): Promise<PsAnswer> =>
  new Promise((resolve, reject) => {
    execFile(
      'ps',
      ['-o', 'lstart=,time=,rss=,stat=', '-p', String(pid)],
      { timeout: TIMEOUT_MS, maxBuffer: 65_536, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } },
      (error, text) => {
        // ps ends with 1 when there is no such process; any other failure is its own.
        if (error !== null && error.code !== 1)
          reject(new PatternError('sidecar/usage', 'ps failed', { cause: error }));
        else resolve({ failed: error !== null, text });
      },
    );
  });

/**
 * Reads what a program uses from `ps`, on systems without `/proc` (macOS): starts a process at each reading, and knows
 * neither user from system time (all counts as user) nor open files.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/ps.html
 */
export const psSource = ({ pid }: { readonly pid: number }): UsageSource => {
  let startedAtMs: number | undefined;
  return Object.freeze<UsageSource>({
    kind: 'ps',
    read: async (): Promise<Reading> => {
      const { failed, text } = await runPs(pid);
      const [, started = '', time = '', resident = '', state = ''] =
        /^\s*(.+\d{4})\s+([\d:.-]+)\s+(\d+)\s+(\S+)\s*$/.exec(text) ?? [];
      if (failed || state === '' || state.startsWith('Z')) return { status: 'gone' };
      const atMs = Date.parse(`${started} UTC`);
      startedAtMs ??= atMs;
      // ps computes the start from the time since then, so it may be off by one second.
      if (Math.abs(atMs - startedAtMs) > 2_000) return { status: 'gone' };
      const usage = { pid, startedAtMs, cpuUserMs: cpuTimeMs(time), cpuSystemMs: 0 };
      return { status: 'running', usage: { ...usage, residentBytes: Number(resident) * 1_024 } };
    },
  });
};
