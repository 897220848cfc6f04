import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';

/** The work had not ended at its deadline. Whether it will, nobody knows. */
export class LateError extends PatternError {
  constructor(ms: number, cause?: unknown) {
    super('adapter/late', `no answer within ${ms} ms`, { retryable: true, cause });
  }
}

/**
 * Waits for work at most `ms`. Then its signal is aborted, and the outcome is a {@link LateError} whether or not the
 * work obeys.
 */
export const withDeadline = async <T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const late = new AbortController();
  const over = new AbortController();
  const alarm = clock.sleep(ms, over.signal).then((): never => {
    const error = new LateError(ms);
    late.abort(error);
    throw error;
  });
  try {
    // In a function of its own: what throws at once must not leave the alarm to nobody.
    const begun = (async () => work(late.signal))();
    return await Promise.race([begun, alarm]);
  } finally {
    over.abort();
  }
};
