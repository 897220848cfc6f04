import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '#single-node/sidecar/files';
import type { VersionSource } from '#single-node/sidecar/git-sync/repository';

/** The name by which a version's folder starts. */
export const PROGRAM_FILE = 'program.mjs';

/** Versions of the program: first the one that came with the function, then those of a repository. */
export interface ProgramSource extends VersionSource {
  /** How a version is called outside: `bundled`, or its commit. */
  nameOf(commit: string): string;
}

/**
 * The program that came with the function is a version like any other: what a first push breaks is rolled back to it.
 * Where there is no repository it is the only one.
 *
 * @param options.file Where it lies.
 */
export const programSource = (options: {
  readonly file: string;
  readonly files: Files;
  readonly repository: VersionSource | undefined;
}): ProgramSource => {
  const { file, files, repository } = options;
  let bundled: { readonly body: Buffer; readonly commit: string } | undefined;
  let isFirst = true;

  const read = async () => {
    const body = await readFile(file);
    return { body, commit: createHash('sha1').update(body).digest('hex') };
  };

  return Object.freeze({
    name: repository?.name ?? 'the program that came with the function',
    head: async (signal) => {
      bundled ??= await read();
      if (repository === undefined || isFirst) {
        isFirst = false;
        return bundled.commit;
      }
      return repository.head(signal);
    },
    checkOut: async (commit, folder, signal) => {
      bundled ??= await read();
      if (commit !== bundled.commit && repository !== undefined) return repository.checkOut(commit, folder, signal);
      await files.write(join(folder, PROGRAM_FILE), bundled.body);
      return { status: 'done' };
    },
    nameOf: (commit) => (commit === bundled?.commit ? 'bundled' : commit),
  } satisfies ProgramSource);
};
