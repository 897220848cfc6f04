import { basename, dirname, join } from 'node:path';
import type { Files } from './files.ts';

/** What a crash may leave behind beside the file `name`, and what a later start removes. */
const leftover = (name: string): { readonly prefix: string; readonly suffix: string } => ({
  prefix: `.${name}.`,
  suffix: '.next',
});

/**
 * Replaces the text of a file at once: readers see the old text or the new one, whole, at every moment and after every
 * crash. After a loss of power the old one may be back, unless this had resolved: then the new one is on the disk.
 *
 * @param id Makes the name of the temporary file its own, e.g. a UUID.
 */
export const replaceFile = async (files: Files, path: string, text: string, id: string): Promise<void> => {
  const { prefix, suffix } = leftover(basename(path));
  const next = join(dirname(path), `${prefix}${id}${suffix}`);
  try {
    await files.write(next, text);
    await files.sync(next);
    await files.rename(next, path);
  } catch (error) {
    // What remains is removed by the next start, should this fail as well.
    await files.remove(next).catch(() => undefined);
    throw error;
  }
  await files.sync(dirname(path));
};

/** The same for a symbolic link. */
export const replaceLink = async (files: Files, path: string, target: string, id: string): Promise<void> => {
  const { prefix, suffix } = leftover(basename(path));
  const next = join(dirname(path), `${prefix}${id}${suffix}`);
  try {
    await files.link(target, next);
    await files.rename(next, path);
  } catch (error) {
    await files.remove(next).catch(() => undefined);
    throw error;
  }
  await files.sync(dirname(path));
};

/** Removes what replacements that crashed left beside the file. Only for who is the only one to write it. */
export const removeLeftovers = async (files: Files, path: string): Promise<void> => {
  const { prefix, suffix } = leftover(basename(path));
  const names = await files.list(dirname(path));
  for (const name of names.filter((each) => each.startsWith(prefix) && each.endsWith(suffix)))
    await files.remove(join(dirname(path), name));
};
