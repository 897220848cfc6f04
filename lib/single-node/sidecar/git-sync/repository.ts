import { dirname, join } from 'node:path';
import { checkInteger, checkNames } from '#primitives/checks';
import { PatternError } from '#primitives/errors';
import type { Files } from '../files.ts';
import type { Git } from './git.ts';
import { checkBranch, checkRepository } from './repository-address.ts';
import { readTree, type Tree, type TreeFile, type TreeLimits } from './tree.ts';

/** `refused`: this commit will never be taken, and why. */
export type CheckedOut = { readonly status: 'done' } | { readonly status: 'refused'; readonly reason: string };

/** Where versions come from. */
export interface VersionSource {
  /** For logs and reports. */
  readonly name: string;
  /** The commit that the branch is at now. Rejects when the repository does not answer. */
  head(signal?: AbortSignal): Promise<string>;
  /** Writes the files of a commit into an empty folder and syncs them; nothing of the commit is run. */
  checkOut(commit: string, folder: string, signal?: AbortSignal): Promise<CheckedOut>;
}

export interface GitRepositoryOptions extends TreeLimits {
  readonly git: Git;
  readonly files: Files;
  /** An http, https or ssh address, or one of `localPaths`. */
  readonly repository: string;
  readonly localPaths?: readonly string[];
  readonly branch: string;
  /** A folder for the copy of the repository; absolute. */
  readonly mirror: string;
  /** When the copy is larger, it is made anew: of each push it keeps what that brought. */
  readonly maxMirrorBytes: number;
}

const OPTIONS = 'git files repository localPaths branch mirror maxMirrorBytes maxFiles maxBytes'.split(' ');
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
/** How much of a version is in memory at once, unless one file alone is larger. */
const CHUNK_BYTES = 4_194_304;
/** What git prints around each file: its id, kind and size. */
const HEADER_BYTES = 128;
const LISTED_BYTES_PER_FILE = 1_200;

/** Files in groups that fit into memory together. */
const inChunks = (files: readonly TreeFile[]): readonly (readonly TreeFile[])[] => {
  const chunks: TreeFile[][] = [];
  let bytes = Infinity;
  for (const file of files) {
    bytes += file.sizeBytes + HEADER_BYTES;
    if (bytes > CHUNK_BYTES) {
      chunks.push([]);
      bytes = file.sizeBytes + HEADER_BYTES;
    }
    chunks.at(-1)?.push(file);
  }
  return chunks;
};

/** Cuts what `git cat-file --batch` printed into the files that were asked for, in order. */
const cut = (output: Buffer, files: readonly TreeFile[]): readonly Uint8Array[] => {
  let at = 0;
  return files.map(({ object, sizeBytes }) => {
    const header = `${object} blob ${sizeBytes}\n`;
    const begin = at + header.length;
    if (output.toString('latin1', at, begin) !== header)
      throw new PatternError('git/failed', 'git gave another file than was asked for', { retryable: true });
    at = begin + sizeBytes + 1;
    return output.subarray(begin, begin + sizeBytes);
  });
};

/** The folders of a version, each after the one it is in. */
const foldersOf = (folder: string, files: readonly TreeFile[]): readonly string[] => [
  ...new Set([
    folder,
    ...files.flatMap(({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, depth, names) => join(folder, ...names.slice(0, depth + 1))),
    ),
  ]),
];

/**
 * A branch of a git repository, by the system's git.
 *
 * Of each push the newest commit alone is fetched, into a bare copy; a forced push is like any other. Its files are
 * taken out one by one, not by git's checkout: no hook, no filter (so no LFS: the pointers stay pointers), no attribute
 * and no submodule has a part in it, and what is not a plain file refuses the version. A copy that was damaged, e.g. by
 * a crash while fetching, is made anew.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 */
export const gitRepository = (options: GitRepositoryOptions): VersionSource => {
  checkNames(options, OPTIONS);
  const { git, files, mirror, maxFiles, maxBytes, maxMirrorBytes } = options;
  const { address, protocol } = checkRepository(options.repository, options.localPaths);
  const branch = checkBranch(options.branch);
  checkInteger('maxFiles', maxFiles, 1, 100_000);
  checkInteger('maxBytes', maxBytes, 1, 1_073_741_824);
  checkInteger('maxMirrorBytes', maxMirrorBytes, 1, 10_737_418_240);
  const ref = `refs/heads/${branch}`;
  /** How large the copy was when it was last made anew. */
  let newBytes = 0;

  const mirrorBytes = async (signal: AbortSignal | undefined): Promise<number> => {
    const counted = (await git(['count-objects', '-v'], { folder: mirror, ...(signal && { signal }) })).toString();
    const kib = [...counted.matchAll(/^(?:size|size-pack|size-garbage): (\d+)$/gm)].map(([, size]) => Number(size));
    return kib.reduce((sum, size) => sum + size, 0) * 1_024;
  };

  const fetch = async (signal: AbortSignal | undefined): Promise<string> => {
    const call = { folder: mirror, ...(signal && { signal }) };
    await files.makeFolder(mirror);
    if ((await files.read(join(mirror, 'HEAD'))) === undefined) await git(['init', '--quiet', '--bare', '.'], call);
    const fetching = ['fetch', '--quiet', '--force', '--depth=1', '--no-tags', '--no-write-fetch-head'];
    await git([...fetching, '--', address, `+${ref}:${ref}`], { ...call, protocols: [protocol] });
    const commit = (await git(['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`], call))
      .toString()
      .trim();
    if (!COMMIT.test(commit)) throw new PatternError('git/failed', 'git named no commit', { retryable: true });
    return commit;
  };

  const head = async (signal?: AbortSignal): Promise<string> => {
    try {
      const commit = await fetch(signal);
      // One that is large when it is new does not become smaller by being made again.
      if ((await mirrorBytes(signal)) <= Math.max(maxMirrorBytes, 2 * newBytes)) return commit;
      await files.remove(mirror);
      const again = await fetch(signal);
      newBytes = await mirrorBytes(signal);
      return again;
    } catch (error) {
      // A lock that a crash left would stop every later fetch. The copy is cheap to make again.
      await files.remove(mirror);
      throw error;
    }
  };

  const writeFiles = async (
    folder: string,
    tree: readonly TreeFile[],
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const folders = foldersOf(folder, tree);
    for (const each of folders) await files.makeFolder(each);
    for (const chunk of inChunks(tree)) {
      const output = await git(['cat-file', '--batch'], {
        folder: mirror,
        input: chunk.map(({ object }) => `${object}\n`).join(''),
        maxOutputBytes: chunk.reduce((sum, { sizeBytes }) => sum + sizeBytes + HEADER_BYTES, 0),
        ...(signal && { signal }),
      });
      for (const [index, body] of cut(output, chunk).entries()) {
        const { path, executable } = chunk[index] ?? { path: '', executable: false };
        await files.write(join(folder, path), body, { executable });
        await files.sync(join(folder, path));
      }
    }
    for (const each of folders.toReversed()) await files.sync(each);
    await files.sync(dirname(folder));
  };

  const listTree = async (commit: string, signal: AbortSignal | undefined): Promise<Tree> => {
    const maxOutputBytes = maxFiles * LISTED_BYTES_PER_FILE;
    const call = { folder: mirror, maxOutputBytes, ...(signal && { signal }) };
    try {
      const listing = await git(['ls-tree', '-r', '-l', '-z', '--full-tree', commit], call);
      return readTree(listing.toString(), { maxFiles, maxBytes });
    } catch (error) {
      if (!(error instanceof PatternError) || error.code !== 'git/too-much') throw error;
      return { reason: `it has more than ${maxFiles} files` };
    }
  };

  return Object.freeze({
    name: `${address} ${branch}`,
    head,
    checkOut: async (commit, folder, signal) => {
      if (!COMMIT.test(commit)) throw new PatternError('git/failed', 'Expected the id of a commit');
      const tree = await listTree(commit, signal);
      if ('reason' in tree) return { status: 'refused', reason: tree.reason };
      await writeFiles(folder, tree.files, signal);
      return { status: 'done' };
    },
  } satisfies VersionSource);
};
