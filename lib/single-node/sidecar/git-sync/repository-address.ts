import { isAbsolute, normalize } from 'node:path';
import { refuse } from '#primitives/checks';

/** Where versions come from, and by which of git's transports. */
export interface RepositoryAddress {
  readonly address: string;
  readonly protocol: 'file' | 'http' | 'https' | 'ssh';
}

const MAX_CHARACTERS = 1_024;
const ALLOWED = 'an http, https or ssh address without a password, or a local path that was declared';

/** A host or a user that begins with a hyphen would be an option of the program that git starts. */
const isSafeUrl = ({ protocol, hostname, username, password, pathname }: URL): boolean =>
  ['http:', 'https:', 'ssh:'].includes(protocol) &&
  hostname !== '' &&
  !hostname.startsWith('-') &&
  password === '' &&
  (protocol === 'ssh:' ? /^([A-Za-z0-9_.][A-Za-z0-9_.-]{0,63})?$/.test(username) : username === '') &&
  !pathname.startsWith('/-');

/** Without what stands before a host, which may be a password. */
const shown = (address: string): string => address.replace(/^[^]*@/, '…@');

/**
 * Lets only through what git fetches by a transport that runs no program of the address's choice: no `ext::`, no
 * `fd::`, no `user@host:path`, no `file://`. Secrets have no place in an address, which is logged: ssh has keys, https a
 * credential helper.
 *
 * @param localPaths Absolute paths that may be fetched from; none unless they are named here.
 * @throws {@link InvalidArgumentError} for any other address
 * @see https://git-scm.com/docs/git-fetch#_git_urls
 */
export const checkRepository = (address: string, localPaths: readonly string[] = []): RepositoryAddress => {
  const isPlain = typeof address === 'string' && address.length <= MAX_CHARACTERS && /^[\x21-\x7e]+$/.test(address);
  if (typeof address === 'string' && isAbsolute(address)) {
    if (localPaths.includes(address) && normalize(address) === address && !/[\0\n\r]/.test(address))
      return { address, protocol: 'file' };
    throw refuse('repository', ALLOWED, address);
  }
  const url = isPlain && /^(https?|ssh):\/\/[^/]/.test(address) ? URL.parse(address) : null;
  if (url === null || !isSafeUrl(url)) throw refuse('repository', ALLOWED, isPlain ? shown(address) : 'another text');
  return { address, protocol: url.protocol.slice(0, -1) as 'http' | 'https' | 'ssh' };
};

/** @throws {@link InvalidArgumentError} when `branch` is no name that git takes for a branch, or looks like an option */
export const checkBranch = (branch: string): string => {
  const isName =
    typeof branch === 'string' &&
    /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/.test(branch) &&
    !/\.\.|\/\/|\/\.|\.lock(\/|$)|[./]$/.test(branch);
  if (!isName) throw refuse('branch', 'the name of a branch: 1 to 200 of A-Z a-z 0-9 _ . / -', branch);
  return branch;
};
