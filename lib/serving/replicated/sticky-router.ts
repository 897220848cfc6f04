import { checkNames, checkText } from '#primitives/checks';

/** A replica, as whoever balances the load sees it. */
export interface Target {
  /** 1..128 bytes. */
  readonly name: string;
  /** Whether it takes requests: not while it starts, drains, or fails its check. */
  readonly isReady: boolean;
}

/** Where a request goes, and the token that brings the next one of the session there as well. */
export interface Placement {
  readonly replica: string;
  readonly token: string;
  /** The session was on another replica before, which takes no more requests. */
  readonly hasMoved: boolean;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const MAX_NAME_BYTES = 128;

/**
 * A hash whose bits all depend on all of the text: FNV-1a over UTF-16 units, and the mixer of MurmurHash3.
 *
 * @see https://github.com/aappleby/smhasher/wiki/MurmurHash3
 */
const score = (text: string): number => {
  let hash = FNV_OFFSET;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** The token that brings the next request of a session to the same replica. */
export const stickyToken = (replica: string): string => Buffer.from(replica).toString('base64url');

/**
 * Keeps the requests of a session on one replica, which is warm for it, as long as that replica is ready. When it drains
 * or dies, its sessions, and no others, are spread over those that are left: nothing is lost by that, since sessions are
 * in the table. A token is a hint: one that is forged, or of a replica that is gone, is as good as none.
 *
 * @returns Where a request goes; undefined when no replica is ready.
 * @throws {@link InvalidArgumentError} when a name or an option cannot be used
 * @see https://en.wikipedia.org/wiki/Rendezvous_hashing
 */
export const stickyRouter = (options: {
  /** Asked at each request. */
  readonly replicas: () => readonly Target[];
}): ((sessionId: string, token?: string) => Placement | undefined) => {
  checkNames(options, ['replicas']);
  return (sessionId, token) => {
    checkText('sessionId', sessionId, 1, 1_024);
    const ready = options.replicas().filter(({ isReady }) => isReady);
    for (const { name } of ready) checkText('name', name, 1, MAX_NAME_BYTES);
    const former = ready.find(({ name }) => token !== undefined && stickyToken(name) === token);
    if (former !== undefined) return { replica: former.name, token: stickyToken(former.name), hasMoved: false };
    const [best] = ready
      .map(({ name }) => ({ name, score: score(`${name}\0${sessionId}`) }))
      .toSorted((one, other) => other.score - one.score || (one.name < other.name ? -1 : 1));
    if (best === undefined) return undefined;
    return { replica: best.name, token: stickyToken(best.name), hasMoved: token !== undefined };
  };
};
