/** A file of a version, as git lists it. */
export interface TreeFile {
  readonly path: string;
  readonly object: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
}

/** What a version may be made of. */
export interface TreeLimits {
  readonly maxFiles: number;
  /** Of all files together. */
  readonly maxBytes: number;
}

export type Tree = { readonly files: readonly TreeFile[] } | { readonly reason: string };

const KINDS: Readonly<Record<string, string>> = {
  '120000': 'a symbolic link',
  '160000': 'a submodule',
};
const PLAIN = '100644';
const EXECUTABLE = '100755';
/** Of one name and of a path below the version's folder: less than any file system of today allows. */
const MAX_NAME_BYTES = 200;
const MAX_PATH_BYTES = 1_000;

/** git's own folder, also by the names that Windows and macOS take for it. */
const isGitFolder = (name: string): boolean => /^(\.git|git~\d+)$/i.test(name.replaceAll(/[\s.]+$|\p{Cf}/gu, ''));

const nameFault = (name: string): string | undefined => {
  if (name === '' || name === '.' || name === '..') return 'has a path that leaves its folder';
  if (isGitFolder(name)) return "has a name that stands for git's own folder";
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f\ufffd]/.test(name)) return 'has a name with a character that no path should have';
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? 'has a name that is too long' : undefined;
};

const pathFault = (path: string): string | undefined =>
  Buffer.byteLength(path) > MAX_PATH_BYTES
    ? 'has a path that is too long'
    : path
        .split('/')
        .map(nameFault)
        .find((fault) => fault !== undefined);

const shown = (path: string): string => JSON.stringify(path.slice(0, 100));

const ENTRY = /^(\d{6}) ([a-z]+) ([0-9a-f]{40,64}) +(\d+|-)\t([^]+)$/;

const readEntry = (line: string): TreeFile | { readonly reason: string } => {
  const [, mode = '', , object = '', size = '', path = ''] = ENTRY.exec(line) ?? [];
  if (path === '') return { reason: 'git listed something that is no file' };
  const fault = pathFault(path);
  if (fault !== undefined) return { reason: `${shown(path)} ${fault}` };
  if (mode !== PLAIN && mode !== EXECUTABLE) return { reason: `${shown(path)} is ${KINDS[mode] ?? 'no plain file'}` };
  return { path, object, sizeBytes: Number(size), executable: mode === EXECUTABLE };
};

/** A path that is the same as another where case or Unicode form do not count would take its place there. */
const folded = (path: string): string => path.normalize('NFC').toLowerCase();

/**
 * The files of a version, out of `git ls-tree -r -l -z --full-tree`; or why it is not taken: anything but plain files
 * (links, submodules), a path that leads outside, stands for git's own folder or exists twice, too many files, too many
 * bytes. Pure.
 */
export const readTree = (listing: string, limits: TreeLimits): Tree => {
  const lines = listing.split('\0').filter((line) => line !== '');
  if (lines.length === 0) return { reason: 'it has no files' };
  if (lines.length > limits.maxFiles) return { reason: `it has more than ${limits.maxFiles} files` };
  const files: TreeFile[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const line of lines) {
    const entry = readEntry(line);
    if ('reason' in entry) return entry;
    if (seen.has(folded(entry.path))) return { reason: `${shown(entry.path)} is there twice` };
    seen.add(folded(entry.path));
    bytes += entry.sizeBytes;
    if (!(bytes <= limits.maxBytes)) return { reason: `it has more than ${limits.maxBytes} bytes` };
    files.push(entry);
  }
  return { files };
};
