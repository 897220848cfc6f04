import { OutcomeUnknownError } from '#primitives/errors';

const LOST_ANSWERS_LIMIT = 3;

/**
 * Repeats a write whose answer was lost, three attempts in all. Right only for writes that are known again by a token or
 * version of ours, and for those that may be done twice.
 *
 * @throws {@link OutcomeUnknownError} when the last answer was lost, too
 */
export const untilAnswered = async <T>(write: () => Promise<T>): Promise<T> => {
  for (let lost = 1; ; lost += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError) || lost >= LOST_ANSWERS_LIMIT) throw error;
    }
  }
};
