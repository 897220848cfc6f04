import { basename, dirname } from 'node:path';
import type { Files } from '#single-node/sidecar/files';

interface FileNode {
  readonly kind: 'file';
  body: string;
  /** What is on the disk; undefined: nothing was ever synced. */
  synced: string | undefined;
}
interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}
interface FolderNode {
  readonly kind: 'folder';
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}
type Node = FileNode | LinkNode | FolderNode;

/** Called before and after every step of a process; throws where the process is to die. */
export type OnStep = (step: string) => void;

/** A process died: nothing that it still tries has an effect. */
class CrashError extends Error {
  override readonly name = 'CrashError';
}

/** A disk in memory that shows what a real one may show: parts of a write, and after a loss of power less than was there. */
export interface MemoryFiles {
  /** The files as one process sees them; it dies when `onStep` throws. */
  of(onStep?: OnStep): Files;
  /** What a reader sees at this moment. */
  peek(path: string): string | undefined;
  peekLink(path: string): string | undefined;
  peekList(path: string): readonly string[];
  /** Only what was synced is left; of files that never were, a part. */
  losePower(): void;
}

const folder = (): FolderNode => ({ kind: 'folder', entries: new Map(), synced: new Map() });

const missing = (path: string): Error => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });

const afterPowerLoss = (node: Node): Node => {
  if (node.kind === 'link') return node;
  if (node.kind === 'file') {
    const body = node.synced ?? node.body.slice(0, node.body.length / 2);
    return { kind: 'file', body, synced: body };
  }
  const left = new Map([...node.synced].map(([name, inner]) => [name, afterPowerLoss(inner)]));
  return { kind: 'folder', entries: left, synced: new Map(left) };
};

export const memoryFiles = (): MemoryFiles => {
  let root = folder();

  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root;
    for (const name of path.split('/').filter(Boolean)) {
      node = node?.kind === 'folder' ? node.entries.get(name) : undefined;
    }
    return node;
  };
  const parentOf = (path: string): FolderNode => {
    const parent = find(dirname(path));
    if (parent?.kind !== 'folder') throw missing(path);
    return parent;
  };
  const makeFolder = (path: string): void => {
    let node = root;
    for (const name of path.split('/').filter(Boolean)) {
      const inner = node.entries.get(name) ?? folder();
      if (inner.kind !== 'folder') throw new Error(`ENOTDIR: ${path}`);
      // Making a folder is no step that anybody relies on: it is on the disk at once.
      node.entries.set(name, inner);
      node.synced.set(name, inner);
      node = inner;
    }
  };
  const peek = (path: string): string | undefined => {
    const node = find(path);
    return node?.kind === 'file' ? node.body : undefined;
  };
  const peekLink = (path: string): string | undefined => {
    const node = find(path);
    return node?.kind === 'link' ? node.target : undefined;
  };
  const peekList = (path: string): readonly string[] => {
    const node = find(path);
    return node?.kind === 'folder' ? [...node.entries.keys()].toSorted() : [];
  };

  const of = (onStep: OnStep = () => undefined): Files => {
    let isDead = false;
    const at = (step: string): void => {
      if (isDead) throw new CrashError(step);
      try {
        onStep(step);
      } catch (error) {
        isDead = true;
        throw error;
      }
    };
    const step = async <T>(name: string, act: () => T): Promise<T> => {
      at(`before ${name}`);
      const result = act();
      at(`after ${name}`);
      return result;
    };

    return {
      read: async (path) => step('read', () => peek(path)),
      write: async (path, body) => {
        const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
        const parent = parentOf(path);
        const old = parent.entries.get(basename(path));
        const node: FileNode = old?.kind === 'file' ? old : { kind: 'file', body: '', synced: undefined };
        await step('truncate', () => {
          node.body = '';
          parent.entries.set(basename(path), node);
        });
        await step('write a half', () => {
          node.body = text.slice(0, text.length / 2);
        });
        await step('write the rest', () => {
          node.body = text;
        });
      },
      sync: async (path) =>
        step('sync', () => {
          const node = find(path);
          if (node === undefined) throw missing(path);
          if (node.kind === 'file') node.synced = node.body;
          if (node.kind === 'folder') node.synced = new Map(node.entries);
        }),
      rename: async (from, to) =>
        step('rename', () => {
          const node = find(from);
          if (node === undefined) throw missing(from);
          const target = parentOf(to);
          parentOf(from).entries.delete(basename(from));
          target.entries.set(basename(to), node);
        }),
      remove: async (path) => {
        const parent = find(dirname(path));
        if (parent?.kind !== 'folder') return;
        const node = parent.entries.get(basename(path));
        // Not at once: what is in a folder goes piece by piece, and a crash may leave some of it.
        if (node?.kind === 'folder')
          for (const name of node.entries.keys()) await step('remove a part', () => node.entries.delete(name));
        await step('remove', () => parent.entries.delete(basename(path)));
      },
      makeFolder: async (path) => step('make folder', () => makeFolder(path)),
      list: async (path) => step('list', () => peekList(path)),
      link: async (target, path) =>
        step('link', () => {
          if (parentOf(path).entries.has(basename(path))) throw new Error(`EEXIST: ${path}`);
          parentOf(path).entries.set(basename(path), { kind: 'link', target });
        }),
      readLink: async (path) => step('read link', () => peekLink(path)),
    };
  };

  return {
    of,
    peek,
    peekLink,
    peekList,
    losePower: () => {
      root = afterPowerLoss(root) as FolderNode;
    },
  };
};

/** Lets a process die at its `at`-th step, counted from 0; `isReached` tells whether it came so far. */
export const crashAt = (at: number, watch: () => void = () => undefined) => {
  let count = 0;
  return {
    isReached: () => count > at,
    onStep: (step: string): void => {
      watch();
      count += 1;
      if (count === at + 1) throw new CrashError(`died ${step}`);
    },
  };
};
