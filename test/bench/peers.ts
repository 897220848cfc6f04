import { statSync } from 'node:fs';
import path from 'node:path';
import { runLimited } from '../../scripts/run-limited.ts';

const FOLDER = import.meta.dirname;
const INSTALL_LIMIT_MS = 180_000;

const changedAtMs = (file: string): number =>
  statSync(path.join(FOLDER, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Installs the libraries that the benchmarks compare with, once, and again when their versions changed: nobody else
 * needs them.
 *
 * @throws An `Error` with what npm says.
 */
export const installPeers = async (say: (line: string) => void, signal: AbortSignal): Promise<void> => {
  if (changedAtMs('node_modules/.package-lock.json') >= changedAtMs('package-lock.json')) return;
  say('Installing the libraries to compare with (test/bench/package.json) …');
  const { end, exitCode, output } = await runLimited({
    command: ['npm', 'ci', '--no-audit', '--no-fund'],
    cwd: FOLDER,
    limitMs: INSTALL_LIMIT_MS,
    output: 'keep',
    signal,
  });
  if (end !== 'exited' || exitCode !== 0) throw new Error(`npm ci in test/bench: ${end}, code ${exitCode}\n${output}`);
};
