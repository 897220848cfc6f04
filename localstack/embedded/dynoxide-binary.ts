import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '#primitives/log';

const PACKAGE = 'dynoxide@1.2.1';
/** A first fetch downloads about 4 MB. */
const FETCH_TIMEOUT_MS = 120_000;

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/** The binary that `npm ci` put there, on Linux x64. */
const installed = (): string | undefined => {
  try {
    const manifest = createRequire(import.meta.url).resolve('@dynoxide/linux-x64/package.json');
    const file = path.join(path.dirname(manifest), 'dynoxide');
    return isProgram(file) ? file : undefined;
  } catch {
    return undefined;
  }
};

const onPath = (searchPath: string): string | undefined =>
  searchPath
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, 'dynoxide'))
    .find(isProgram);

/** npm puts the package into its cache and says where its program is. */
const fetched = async (signal?: AbortSignal): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['exec', '--yes', '--package', PACKAGE, '--', 'sh', '-c', 'command -v dynoxide'],
    { timeout: FETCH_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
  );
  return stdout.trim();
};

export interface BinarySources {
  readonly installed: () => string | undefined;
  readonly onPath: () => string | undefined;
  readonly fetched: () => Promise<string>;
}

export const binarySources = (signal?: AbortSignal): BinarySources => ({
  installed,
  onPath: () => onPath(process.env['PATH'] ?? ''),
  fetched: () => fetched(signal),
});

/**
 * The dynoxide program: the installed one, else one on the PATH, else npm fetches it once, which a line of the log says.
 *
 * @throws Error when there is none; it says what to install.
 */
export const findDynoxide = async (sources: BinarySources, log?: Log): Promise<string> => {
  const there = sources.installed() ?? sources.onPath();
  if (there !== undefined) return there;
  log?.info(`no dynoxide for this platform in node_modules or on the PATH: npm fetches ${PACKAGE}, once`);
  try {
    const file = await sources.fetched();
    if (file !== '') return file;
    throw new Error(`npm exec gave no program for ${PACKAGE}`);
  } catch (cause) {
    throw new Error(
      `Found no dynoxide, which serves the tables (${process.platform} ${process.arch}). Install it and put it on the ` +
        'PATH (https://github.com/nubo-db/dynoxide), or connect to the network once so that npm can fetch ' +
        `${PACKAGE}, or set AWS_ENDPOINT_URL to an emulator on this machine.`,
      { cause },
    );
  }
};
