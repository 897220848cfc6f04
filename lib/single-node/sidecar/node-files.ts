import { mkdir, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import type { Files } from './files.ts';

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.some((code) => code === error.code);

const unlessMissing = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
};

/** The files of this machine. */
export const nodeFiles = (): Files =>
  Object.freeze({
    read: (path) => unlessMissing(readFile(path, 'utf8')),
    write: async (path, body, { executable = false } = {}) => {
      const file = await open(path, 'w', executable ? 0o755 : 0o644);
      try {
        await file.writeFile(body);
      } finally {
        await file.close();
      }
    },
    sync: async (path) => {
      // A folder, too, is synced by a handle that only reads.
      const file = await open(path, 'r');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    },
    rename,
    remove: (path) => rm(path, { recursive: true, force: true }),
    makeFolder: async (path) => {
      await mkdir(path, { recursive: true });
    },
    list: async (path) => ((await unlessMissing(readdir(path))) ?? []).toSorted(),
    link: symlink,
    readLink: async (path) => {
      try {
        return await unlessMissing(readlink(path));
      } catch (error) {
        // There is something that is no link.
        if (hasCode(error, 'EINVAL')) return undefined;
        throw error;
      }
    },
  } satisfies Files);
