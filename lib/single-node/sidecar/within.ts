import type { Clock } from '#primitives/clock';

/** What came of work that had a time limit. Late work may still go on: it was told by its signal. */
export type Ended<T> =
  | { readonly status: 'done'; readonly value: T }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'late' };

/**
 * Gives what came of `work` after at most `ms` of the clock, whether or not it obeys its signal. Never throws; what
 * late work comes to is ignored.
 *
 * @param ms 0 and less: late at the next turn, unless the work is done by then.
 */
export const within = async <T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T> | T,
): Promise<Ended<T>> => {
  const late = new AbortController();
  const over = new AbortController();
  const run = async (): Promise<Ended<T>> => {
    try {
      return { status: 'done', value: await work(late.signal) };
    } catch (error) {
      return { status: 'failed', error };
    }
  };
  const alarm = async (): Promise<Ended<T>> => {
    // A sleep that is ended early has lost the race already: what it says is not heard.
    await clock.sleep(ms, over.signal).catch(() => undefined);
    return { status: 'late' };
  };
  const ended = await Promise.race([run(), alarm()]);
  over.abort();
  if (ended.status === 'late') late.abort();
  return ended;
};
