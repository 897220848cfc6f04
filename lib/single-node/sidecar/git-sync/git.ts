import { execFile } from 'node:child_process';
import { checkInteger } from '#primitives/checks';
import { PatternError } from '#primitives/errors';

export interface GitCall {
  /** The folder of the repository. */
  readonly folder: string;
  /** The transports that may be used; none unless named. */
  readonly protocols?: readonly string[];
  readonly input?: string;
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs git and gives what it printed.
 *
 * @throws {@link PatternError} `git/failed` (retryable) with the end of what it complained of; `git/too-much` when it
 *   printed more than was allowed; `git/missing` when there is no such program
 */
export type Git = (args: readonly string[], call: GitCall) => Promise<Buffer>;

export interface SystemGitOptions {
  /** The program, e.g. `/usr/bin/git`. */
  readonly program: string;
  /** Where git finds ssh and the like. Nothing else of the environment reaches it, unless named in `environment`. */
  readonly path: string;
  /** E.g. `HOME`, for ssh, or `SSH_AUTH_SOCK`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** For each call; then it is killed. 1..600_000 ms. */
  readonly timeoutMs: number;
}

const DEFAULT_OUTPUT_BYTES = 1_048_576;
const MAX_COMPLAINT_CHARACTERS = 300;

/**
 * What a repository, or a file on this machine, could make git do, switched off for every call: hooks, the watcher of
 * file changes, filters and attributes, redirects, submodules, housekeeping in the background, questions to a user.
 *
 * @see https://git-scm.com/docs/git-config
 */
const SETTINGS: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.symlinks=false',
  'core.askPass=',
  'http.followRedirects=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  // Refuses trees with `.git`, `..`, twice the same name, and other things that no honest git makes.
  'transfer.fsckObjects=true',
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting]);

const complaintOf = (stderr: string, error: Error): string =>
  (stderr.trim() || error.message).slice(-MAX_COMPLAINT_CHARACTERS);

/** Git as it is installed, without a shell and without the environment of this process. */
export const systemGit = (options: SystemGitOptions): Git => {
  const { program, path, environment = {}, timeoutMs } = options;
  checkInteger('timeoutMs', timeoutMs, 1, 600_000);
  return async (args, { folder, protocols = [], input, maxOutputBytes = DEFAULT_OUTPUT_BYTES, signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const child = execFile(
      program,
      [...SETTINGS, ...args],
      {
        cwd: folder,
        encoding: 'buffer',
        env: {
          ...environment,
          PATH: path,
          LC_ALL: 'C',
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_ATTR_NOSYSTEM: '1',
          GIT_TERMINAL_PROMPT: '0',
          GIT_ALLOW_PROTOCOL: protocols.join(':') || 'none',
          GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oStrictHostKeyChecking=yes',
          GIT_NO_LAZY_FETCH: '1',
        },
        killSignal: 'SIGKILL',
        maxBuffer: maxOutputBytes,
        timeout: timeoutMs,
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        if ('code' in error && error.code === 'ENOENT') {
          return reject(new PatternError('git/missing', `There is no git at ${program}`, { cause: error }));
        }
        const verb = args.find((arg) => !arg.startsWith('-')) ?? '';
        if ('code' in error && error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
          return reject(new PatternError('git/too-much', `git ${verb} printed more than ${maxOutputBytes} bytes`));
        }
        const complaint = complaintOf(stderr.toString(), error);
        reject(new PatternError('git/failed', `git ${verb}: ${complaint}`, { retryable: true, cause: error }));
      },
    );
    // Git that ends early closes its end: the exit says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
    return promise;
  };
};
