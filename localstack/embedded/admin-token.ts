import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether an `authorization` header carries the token. Digests are compared: the time that it takes says nothing of
 * the token, not even its length.
 */
export const holdsToken = (authorization: string | undefined, adminToken: string): boolean =>
  timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${adminToken}`));
