import { createHmac } from 'node:crypto';
import { InvalidArgumentError } from '#primitives/errors';
import { isLocalStage } from '#primitives/local-stage';
import { variable, type Environment } from '../../shell/services.ts';

/**
 * The key of the codes' hashes. Outside local stages Secrets Manager has made it, and the deployment resolves the
 * reference in the template; on one machine it is made of the stack's admin token, which is new with each start.
 *
 * @throws {@link InvalidArgumentError} when there is nothing to make it of
 */
export const codeKey = (env: Environment): Uint8Array => {
  const isLocal = isLocalStage(variable(env, 'STAGE'));
  const secret = variable(env, isLocal ? 'ADMIN_TOKEN' : 'CODE_KEY');
  // A reference that nobody resolved is known to everybody who reads the template.
  if (secret.startsWith('{{')) throw new InvalidArgumentError('Expected CODE_KEY to be resolved, got a reference.');
  return createHmac('sha256', secret).update('functions-and-events/code-key').digest();
};
