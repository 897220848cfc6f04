import type { Decision } from './gcra.ts';

/** Somebody who waits for a decision. */
export interface Waiting {
  readonly count: number;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * For each key one `decide` at a time, with all who wait: those who come meanwhile are decided together with the next, so
 * that they share its call. It takes from the front of the list those whom it decides; who is left when it has ended,
 * or when it throws, is decided by the next, or gets the error.
 */
export const lanes = (options: {
  readonly maxWaitingCount: number;
  readonly decide: (key: string, waiting: Waiting[]) => Promise<void>;
  /** What one more is told when too many wait. */
  readonly full: () => Decision;
}) => {
  const { maxWaitingCount, decide, full } = options;
  const waitingOf = new Map<string, Waiting[]>();

  const run = async (key: string, waiting: Waiting[]): Promise<void> => {
    while (waiting.length > 0) {
      try {
        await decide(key, waiting);
      } catch (error) {
        for (const { reject } of waiting.splice(0)) reject(error);
      }
    }
    waitingOf.delete(key);
  };

  return (key: string, count: number): Promise<Decision> => {
    const known = waitingOf.get(key);
    if (known !== undefined && known.length >= maxWaitingCount) return Promise.resolve(full());
    const { promise, resolve, reject } = Promise.withResolvers<Decision>();
    const waiting = known ?? [];
    waiting.push({ count, resolve, reject });
    if (known === undefined) {
      waitingOf.set(key, waiting);
      void run(key, waiting);
    }
    return promise;
  };
};

/** How many of those at the front get something when there are `tokens`, and how many tokens that takes. */
export const firstWithin = (waiting: readonly Waiting[], tokens: number): { people: number; tokens: number } => {
  let taken = 0;
  let people = 0;
  for (const { count } of waiting) {
    if (taken + count > tokens) break;
    taken += count;
    people += 1;
  }
  return { people, tokens: taken };
};
