import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isRunning } from '../is-running.ts';

const FOLDER = '.esbuild';

const entriesOf = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const removeWhenEmpty = (folder: string): void => {
  try {
    rmdirSync(folder);
  } catch {
    // Another process has its bundles there, or there was no folder.
  }
};

/** Removes what a process has left: one that was killed could not do it by itself. */
export const removeBuildFolder = (serviceDir: string, pid: number): void => {
  const parent = path.join(serviceDir, FOLDER);
  rmSync(path.join(parent, String(pid)), { recursive: true, force: true });
  removeWhenEmpty(parent);
};

/**
 * A folder of this process for its bundles, below the service so that they find its node_modules; it goes when the
 * process exits. Processes that run at the same time don't overwrite each other's bundles, and nothing is loaded that
 * an earlier run left behind: those of processes that are no more are removed.
 *
 * @returns The folder, relative to `serviceDir`.
 */
export const claimBuildFolder = (serviceDir: string): string => {
  const parent = path.join(serviceDir, FOLDER);
  for (const entry of entriesOf(parent))
    if (!/^\d+$/.test(entry) || !isRunning(Number(entry)))
      rmSync(path.join(parent, entry), { recursive: true, force: true });
  const { pid } = process;
  process.once('exit', () => removeBuildFolder(serviceDir, pid));
  return path.join(FOLDER, String(pid));
};
