import { join } from 'node:path';
import type { Random } from '#primitives/random';
import type { Files } from '../files.ts';
import { removeLeftovers, replaceFile, replaceLink } from '../replace-file.ts';
import type { VersionSource } from './repository.ts';
import { nothingYet, readState, writeState, type VersionState } from './state.ts';

/** The folders of the versions, the link to the current one, and what is remembered of them. */
export interface VersionStore {
  /** What is remembered. After a crash: removes what it left, and mends the link. */
  open(): Promise<VersionState>;
  /** Remembers, and then lets the link lead to the current version. */
  save(state: VersionState): Promise<void>;
  /** The folder of a commit; made when it is not there, whole or not at all. `refused`: the commit can't be taken. */
  folderOf(commit: string, signal?: AbortSignal): Promise<{ readonly folder: string } | { readonly refused: string }>;
  /** Removes the folders of all but the good versions. */
  prune(state: VersionState): Promise<void>;
}

const PARTIAL = '.partial';
/** Beside the folders of the versions in `root`. */
const NAMES = { versions: 'versions', state: 'state.json', current: 'current' } as const;

/**
 * Versions in `root`: `versions/<commit>`, the link `current` to one of them, and `state.json`, which is what counts: the
 * link follows it. A crash at any step leaves the state before or after it; `open` brings the rest in line.
 */
export const versionStore = (options: {
  readonly root: string;
  readonly source: VersionSource;
  readonly files: Files;
  readonly random: Random;
}): VersionStore => {
  const { root, source, files, random } = options;
  const versions = join(root, NAMES.versions);
  const statePath = join(root, NAMES.state);
  const current = join(root, NAMES.current);

  const mendLink = async ({ good: [commit] }: VersionState): Promise<void> => {
    const target = commit === undefined ? undefined : `${NAMES.versions}/${commit}`;
    if ((await files.readLink(current)) === target) return;
    if (target === undefined) await files.remove(current);
    else await replaceLink(files, current, target, random.uuid());
  };

  const prune = async ({ good }: VersionState): Promise<void> => {
    for (const name of await files.list(versions)) {
      if (good.includes(name)) continue;
      // A folder goes piece by piece: what a crash leaves of it must not look like a version.
      const partial = join(versions, name.endsWith(PARTIAL) ? name : `${name}${PARTIAL}`);
      if (!name.endsWith(PARTIAL)) {
        await files.remove(partial);
        await files.rename(join(versions, name), partial);
        await files.sync(versions);
      }
      await files.remove(partial);
    }
  };

  return Object.freeze({
    open: async () => {
      await files.makeFolder(versions);
      await removeLeftovers(files, statePath);
      await removeLeftovers(files, current);
      const text = await files.read(statePath);
      const remembered = (text === undefined ? undefined : readState(text)) ?? nothingYet;
      const names = await files.list(versions);
      // What somebody has removed by hand can't be run.
      const state = { ...remembered, good: remembered.good.filter((commit) => names.includes(commit)) };
      await prune(state);
      await mendLink(state);
      return state;
    },
    save: async (state) => {
      await replaceFile(files, statePath, writeState(state), random.uuid());
      await mendLink(state);
    },
    folderOf: async (commit, signal) => {
      const folder = join(versions, commit);
      if ((await files.list(versions)).includes(commit)) return { folder };
      const partial = `${folder}${PARTIAL}`;
      await files.remove(partial);
      await files.makeFolder(partial);
      const result = await source.checkOut(commit, partial, signal);
      if (result.status === 'refused') {
        await files.remove(partial);
        return { refused: result.reason };
      }
      await files.rename(partial, folder);
      await files.sync(versions);
      return { folder };
    },
    prune: async ({ good }) => {
      for (const name of await files.list(versions)) if (!good.includes(name)) await files.remove(join(versions, name));
    },
  } satisfies VersionStore);
};
