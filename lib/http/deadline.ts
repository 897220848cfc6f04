import type { Clock } from '#primitives/clock';

/** The work took longer than it may. What it did is unknown; it was told by its signal to stop. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

// API Gateway gives up after 29 s, whatever the function's own limit.
const GATEWAY_MS = 28_000;
const MARGIN_MS = 500;

/** How long work may take of what a function has left, so that there is time to answer. */
export const budgetMs = (remainingMs: number): number =>
  Math.max(1, Math.min(GATEWAY_MS, remainingMs - Math.min(MARGIN_MS, remainingMs / 4)));

/**
 * Runs work for at most `ms`. Then its signal is aborted, and the outcome is a {@link DeadlineError} whether or not
 * the work obeys.
 */
export const withinDeadline = async <T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const late = new AbortController();
  const over = new AbortController();
  const alarm = clock.sleep(ms, over.signal).then((): never => {
    const error = new DeadlineError(`Expected an end within ${ms} ms.`);
    late.abort(error);
    throw error;
  });
  try {
    return await Promise.race([work(late.signal), alarm]);
  } finally {
    over.abort();
  }
};
