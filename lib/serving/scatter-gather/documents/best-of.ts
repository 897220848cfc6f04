/**
 * The first `limit` of the items in the order of `compare`, sorted: what sorting them all would begin with, at the price
 * of looking at each once. Most items of a long list are not among the best, and are dropped by one comparison.
 *
 * @param limit 0 and more.
 */
export const bestOf = <T>(items: readonly T[], limit: number, compare: (a: T, b: T) => number): readonly T[] => {
  // The best twice over, unsorted behind `worst`, which nothing outside may be behind.
  let kept: T[] = [];
  let worst: T | undefined;
  for (const item of items) {
    if (worst !== undefined && compare(item, worst) > 0) continue;
    kept.push(item);
    if (kept.length < 2 * limit) continue;
    kept = kept.toSorted(compare).slice(0, limit);
    worst = kept.at(-1);
  }
  return kept.toSorted(compare).slice(0, limit);
};
