import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isLinkLocal, isPublicAddress } from './addresses.ts';

/** Where a service is, as it was registered. */
export interface Target {
  readonly protocol: 'http:' | 'https:';
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Without a slash at its end; `''` for the root. */
  readonly basePath: string;
}

/** All addresses of a name. Rejects when there is none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** The system's resolver, as programs on this machine use it. */
const systemResolve: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
};

export interface TargetRules {
  /** Default: {@link systemResolve}. */
  readonly resolve?: Resolve;
  /** `host:port` of targets that may lie on this machine or in this network. Default: none. */
  readonly localTargets?: readonly string[];
}

type Judged<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const refused = (reason: string): { readonly ok: false; readonly reason: string } => ({ ok: false, reason });

const MAX_URL_LENGTH = 2_048;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Names that mean this host or this network wherever they are asked. @see https://www.rfc-editor.org/rfc/rfc6761 */
const LOCAL_NAME = /^(?:(?:.*\.)?(?:localhost|local|internal|localdomain|home\.arpa)|[^.]+)$/;

/**
 * Reads the URL of a target. What the URL standard takes for an address (`2130706433`, `0x7f.1`) is that address from
 * here on.
 */
export const readTarget = (text: string): Judged<Target> => {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null;
  if (url === null || /[\s\\]/.test(text)) return refused('Expected an absolute URL of at most 2048 characters.');
  const { protocol, port } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return refused('Expected an http or https URL.');
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/*[^/]*@/i.test(text))
    return refused('Expected a URL without credentials.');
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text))
    return refused('Expected a URL without query and fragment.');
  if (port === '0') return refused('Expected a port from 1 to 65535.');
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const number = port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port);
  return { ok: true, value: { protocol, hostname, port: number, basePath: url.pathname.replace(/\/+$/, '') } };
};

/** `host:port` as it is compared: lower case, addresses in their shortest form, without a dot at the end. */
const placeOf = (hostname: string, port: number): string => {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
};

const isDeclared = ({ hostname, port }: Target, localTargets: readonly string[]): boolean => {
  const place = placeOf(hostname, port);
  // A dot at the end of a name makes it another one to whoever reads the list.
  return !hostname.endsWith('.') && localTargets.some((each) => readPlace(each) === place);
};

/** What `host:port` of the setting means; undefined when it is none. */
export const readPlace = (text: string): string | undefined => {
  const url = URL.parse(`http://${text}/`);
  if (url === null || !/:\d{1,5}$/.test(text) || /[@/?#\\\s]/.test(text)) return undefined;
  const port = Number(/:(\d+)$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? placeOf(url.hostname.replace(/^\[(.*)\]$/, '$1'), port) : undefined;
};

/**
 * The address to connect to: the first of those that the name has now, if each of them may be connected to. Who connects
 * must connect to exactly this address: asked a second time, the name may have another one.
 */
export const addressOf = async (
  target: Target,
  rules: TargetRules,
): Promise<Judged<string> & { /** Perhaps only for now. */ readonly isUnresolved?: true }> => {
  const { resolve = systemResolve, localTargets = [] } = rules;
  const { hostname } = target;
  const declared = isDeclared(target, localTargets);
  if (!declared && isIP(hostname) === 0 && LOCAL_NAME.test(hostname.toLowerCase().replace(/\.$/, '')))
    return refused('This name means a host of this network.');
  let addresses: readonly string[];
  try {
    addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname];
  } catch {
    return { ...refused('This name has no address.'), isUnresolved: true };
  }
  const [first] = addresses;
  if (first === undefined) return { ...refused('This name has no address.'), isUnresolved: true };
  const isAllowed = declared ? (address: string) => !isLinkLocal(address) : isPublicAddress;
  return addresses.every(isAllowed) ? { ok: true, value: first } : refused('This address is not one of the internet.');
};
