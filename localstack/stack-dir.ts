import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from './is-running.ts';
import { readStackFile } from './stack-file.ts';
import { SettingsError } from './stack-settings.ts';

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);

/** Folder by folder: Node's own recursive mkdir never ends below /proc. */
const makeFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || parent === folder) throw error;
    await makeFolder(parent);
    await mkdir(folder);
  }
};

const ownerOf = async (lock: string): Promise<number | undefined> => {
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''));
  return pid > 0 && isRunning(pid) ? pid : undefined;
};

const refuse = async (stackDir: string, pid: number): Promise<never> => {
  const address = (await readStackFile(stackDir))?.apiUrl ?? 'still starting';
  throw new SettingsError(
    `A stack runs from ${stackDir} already (process ${pid}, ${address}). ` +
      'Stop it, or set STACK_DIR and the ports for a second one.',
  );
};

/**
 * Makes the folder of the stack this process's own: what is written there (stack file, log) is never that of another
 * stack that runs. What a killed stack left behind is taken over.
 *
 * @returns What gives it back.
 * @throws {@link SettingsError} when another stack has it, or when it cannot be written.
 */
export const claimStackDir = async (stackDir: string): Promise<() => Promise<void>> => {
  const lock = path.join(stackDir, 'supervisor.pid');
  try {
    await makeFolder(stackDir);
    const owner = await ownerOf(lock);
    if (owner !== undefined && owner !== process.pid) await refuse(stackDir, owner);
    await rm(lock, { force: true });
    // Fails when another start was as fast as this one.
    await writeFile(lock, String(process.pid), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    const code = codeOf(error);
    const owner = code === 'EEXIST' ? await ownerOf(lock) : undefined;
    if (owner !== undefined) await refuse(stackDir, owner);
    throw new SettingsError(`Expected STACK_DIR to be a folder that can be written, got '${stackDir}' (${code}).`);
  }
  return () => rm(lock, { force: true });
};
