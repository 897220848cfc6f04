/**
 * The files of one machine, as far as sidecars need them. Small steps on purpose: a crash may come between any two, and
 * whoever writes a sidecar has to say what is there then.
 *
 * A step that fails throws, except where it says otherwise. Paths are absolute.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html
 */
export interface Files {
  /** The text of a file; undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** Makes the file or replaces what is in it, *not* at once: readers may see a part. Not on the disk until `sync`. */
  write(path: string, body: string | Uint8Array, options?: { readonly executable?: boolean }): Promise<void>;
  /** What was written to the file (of a folder: which names it has) survives a loss of power from now on. */
  sync(path: string): Promise<void>;
  /** Gives a file, link or folder another name, at once: readers see the old one or the new one. Not on the disk until the folder is synced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, a link, or a folder with all that is in it. Nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Makes the folder and those above it. One that is there is no error. */
  makeFolder(path: string): Promise<void>;
  /** The names in a folder, sorted; none when there is no folder. */
  list(path: string): Promise<readonly string[]>;
  /** Makes a symbolic link. */
  link(target: string, path: string): Promise<void>;
  /** Where a symbolic link leads; undefined when there is none. */
  readLink(path: string): Promise<string | undefined>;
}
