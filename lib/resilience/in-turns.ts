/**
 * Runs all of them, at most `concurrency` at a time, begun in the order of the items. Rejects with the first rejection, at
 * once: what runs then runs on, and nothing further is begun.
 *
 * @returns What came of each, in the order of the items.
 */
export const inTurns = async <T, R>(
  items: readonly T[],
  concurrency: number,
  run: (item: T) => Promise<R>,
): Promise<readonly R[]> => {
  const results: R[] = [];
  const left = items.entries();
  let hasFailed = false;
  const takeTurns = async (): Promise<void> => {
    for (const [at, item] of left) {
      if (hasFailed) return;
      try {
        results[at] = await run(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, takeTurns));
  return results;
};
