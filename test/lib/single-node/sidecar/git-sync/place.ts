import { createHash } from 'node:crypto';
import type { Files } from '#single-node/sidecar/files';
import type { Launch, RunningProgram } from '#single-node/sidecar/git-sync/program';
import type { VersionSource } from '#single-node/sidecar/git-sync/repository';

/** How a version of the test behaves. */
export type Kind = 'good' | 'refused' | 'unhealthy';

/** The id of the commit that stands for this version. */
export const commitOf = (version: string): string => createHash('sha1').update(version).digest('hex');

/** A repository in memory, with a branch that can be moved. */
export const memoryRepository = () => {
  const kinds = new Map<string, Kind>();
  let head: string | undefined;
  let breaks = false;
  return {
    /** The next checkout fails when it is half done. */
    breakOnce: (): void => {
      breaks = true;
    },
    push: (version: string, kind: Kind = 'good'): string => {
      head = commitOf(version);
      kinds.set(head, kind);
      return head;
    },
    goAway: (): void => {
      head = undefined;
    },
    kindOf: (commit: string): Kind | undefined => kinds.get(commit),
    source: (files: Files): VersionSource => ({
      name: 'in memory',
      head: async () => {
        if (head === undefined) throw new Error('the repository is gone');
        return head;
      },
      checkOut: async (commit, folder) => {
        if (kinds.get(commit) === 'refused') return { status: 'refused', reason: 'it has a link' };
        await files.write(`${folder}/program`, commit);
        await files.sync(`${folder}/program`);
        if (breaks) {
          breaks = false;
          throw new Error('the disk is full');
        }
        await files.write(`${folder}/data`, `data of ${commit}`);
        await files.sync(`${folder}/data`);
        await files.sync(folder);
        return { status: 'done' };
      },
    }),
  };
};

/** Programs in memory: which run now, and how often each was started. */
export const memoryPrograms = (
  kindOf: (commit: string) => Kind | undefined,
  peek: (path: string) => string | undefined,
) => {
  const running = new Map<RunningProgram, { readonly commit: string; end(reason: string): void }>();
  const starts = new Map<string, number>();
  let nextPid = 1;

  const launch: Launch = async (folder) => {
    const commit = peek(`${folder}/program`) ?? '';
    // A version that is not whole must never be started.
    if (peek(`${folder}/data`) !== `data of ${commit}` || !folder.endsWith(`/${commit}`))
      throw new Error(`${folder} is not whole`);
    starts.set(commit, (starts.get(commit) ?? 0) + 1);
    if (kindOf(commit) === 'unhealthy') return { reason: 'it is not healthy' };
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    const pid = nextPid;
    nextPid += 1;
    const end = (reason: string): void => {
      running.delete(program);
      resolve(reason);
    };
    const program: RunningProgram = { url: `http://${commit}`, pid, ended, stop: async () => end('stopped') };
    running.set(program, { commit, end });
    return { program };
  };
  return {
    launch,
    running: (): readonly string[] => [...running.values()].map(({ commit }) => commit),
    startsOf: (commit: string): number => starts.get(commit) ?? 0,
    /** The program ends by itself. */
    end: (commit: string): void => {
      for (const each of running.values()) if (each.commit === commit) each.end('ended with code 1');
    },
    /** The process that held them died, and they with it. */
    loseAll: (): void => running.clear(),
  };
};
