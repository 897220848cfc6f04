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

/** Runs all, at most `concurrency` at a time. Results come in the order of the items. `run` must not reject. */
export const inTurns = async <T, R>(
  items: readonly T[],
  concurrency: number,
  run: (item: T) => Promise<R>,
): Promise<readonly R[]> => {
  const results: R[] = [];
  const left = items.entries();
  const takeTurns = async (): Promise<void> => {
    for (const [at, item] of left) results[at] = await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, takeTurns));
  return results;
};
