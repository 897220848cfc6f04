import { OutcomeUnknownError } from '#primitives/errors';

const LOST_ANSWERS_LIMIT = 3;

/**
 * Repeats a write whose answer was lost, three attempts in all. Right only for writes that are known again by a token or
 * version of ours, and for those that may be done twice.
 *
 * @throws {@link OutcomeUnknownError} once an answer was lost and no repeat brought another: whatever the repeats failed
 *   for, the first attempt may have been applied
 */
export const untilAnswered = async <T>(write: () => Promise<T>): Promise<T> => {
  let lost: OutcomeUnknownError | undefined;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw lost ?? error;
      lost = error;
      if (attempts >= LOST_ANSWERS_LIMIT) throw error;
    }
  }
};
