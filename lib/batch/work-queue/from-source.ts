import { PatternError } from '#primitives/errors';
import { PermanentFailure } from './types.ts';

/**
 * Asks a source. What it refuses for good (no such bucket, a name or prefix that is none, no permission) it would refuse
 * again, however often the message came.
 *
 * @throws {@link PermanentFailure} with what the source said; what may succeed later is thrown as it is
 */
export const fromSource = async <T>(ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof PatternError) || error.retryable || error instanceof PermanentFailure) throw error;
    throw new PermanentFailure(error.message, error);
  }
};
