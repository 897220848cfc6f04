import { createHash, timingSafeEqual } from 'node:crypto';
import { problem, type Problem } from './handlers.ts';

/** Who may call admin routes. Whoever one of the two lets in; where neither is configured, nobody. */
export interface Admins {
  /** Whoever sends it as a bearer token: for places where no IAM stands in front. */
  readonly adminToken?: string;
  /**
   * Whom IAM knows as one of these: ARNs of users, and of roles, which stand for all their sessions. The ARN of a session
   * (`arn:aws:sts::…:assumed-role/Ops/alice`) stands for itself alone. Only as good as the authoriser in front: `AWS_IAM`
   * says who signed the request.
   */
  readonly adminArns?: readonly string[];
}

/** What a request says of its sender. */
export interface Caller {
  readonly authorization?: string | undefined;
  /** As the authoriser found it, e.g. `arn:aws:sts::123456789012:assumed-role/Ops/alice`. */
  readonly userArn?: string | null | undefined;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The role of a session. It lacks the path that is part of the role's ARN, but its name is unique in its account. */
const roleOf = (userArn: string): string =>
  userArn.replace(/^(arn:[^:]+):sts::(\d+):assumed-role\/([^/]+)\/[^/]+$/, '$1:iam::$2:role/$3');

const withoutPath = (arn: string): string => arn.replace(/^(arn:[^:]+:iam::\d+):role\/(?:.*\/)?([^/]+)$/, '$1:role/$2');

/**
 * A caller is what its ARN says, or a session of a role.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 */
const isOneOf = (adminArns: readonly string[], userArn: string): boolean =>
  adminArns.some((arn) => arn === userArn || withoutPath(arn) === withoutPath(roleOf(userArn)));

/** Undefined when the caller is admin. The comparison of tokens takes the same time wherever they differ. */
export const refuseUnlessAdmin = (
  { adminToken = '', adminArns = [] }: Admins,
  { authorization = '', userArn }: Caller,
): Problem | undefined => {
  if (userArn && isOneOf(adminArns, userArn)) return undefined;
  if (adminToken === '') {
    return problem(403, {
      detail:
        adminArns.length === 0
          ? 'No admin is configured here: admin routes are closed.'
          : 'These credentials are not those of an admin.',
    });
  }
  const [, given] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
  if (given !== undefined && timingSafeEqual(digest(given), digest(adminToken))) return undefined;
  return problem(401, {
    detail: given === undefined ? 'Expected the admin token as a bearer token.' : 'This is not the admin token.',
    headers: { 'www-authenticate': given === undefined ? 'Bearer' : 'Bearer error="invalid_token"' },
  });
};
