import { createHash, timingSafeEqual } from 'node:crypto';
import { problem, type Problem } from './handlers.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Undefined when the request carries the admin token. Where no token is configured nobody is admin: an empty token
 * never matches. The comparison takes the same time wherever the texts differ.
 */
export const refuseUnlessAdmin = (
  adminToken: string | undefined,
  authorization: string | undefined,
): Problem | undefined => {
  if (adminToken === undefined || adminToken === '') {
    return problem(403, { detail: 'No admin token is configured here: admin routes are closed.' });
  }
  const [, given] = /^bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (given !== undefined && timingSafeEqual(digest(given), digest(adminToken))) return undefined;
  return problem(401, {
    detail: given === undefined ? 'Expected the admin token as a bearer token.' : 'This is not the admin token.',
    headers: { 'www-authenticate': given === undefined ? 'Bearer' : 'Bearer error="invalid_token"' },
  });
};
