import { checkInteger } from '#primitives/checks';

/** Where a list is, and what is next in it. */
interface Head<T> {
  readonly list: readonly T[];
  readonly order: number;
  at: number;
  item: T;
}

/**
 * The first `limit` items of sorted lists, sorted: what sorting all of them together would begin with. Equal items come
 * in the order of their lists. Looks at `limit` + one item for each list, and no more.
 *
 * @param lists Each in the order of `compare`.
 * @param limit 0..1_000_000.
 * @throws {@link InvalidArgumentError} when the limit is out of its range
 */
export const mergeSorted = <T>(
  lists: readonly (readonly T[])[],
  compare: (a: T, b: T) => number,
  limit: number,
): readonly T[] => {
  checkInteger('limit', limit, 0, 1_000_000);
  const heap: Head<T>[] = [];
  const isBefore = (a: Head<T>, b: Head<T>): boolean => {
    const compared = compare(a.item, b.item);
    return compared < 0 || (compared === 0 && a.order < b.order);
  };
  const sink = (from: number): void => {
    let at = from;
    for (;;) {
      const moved = heap[at];
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const goesRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = goesRight ? right : left;
      if (moved === undefined || child === undefined || !isBefore(child, moved)) return;
      const below = 2 * at + (goesRight ? 2 : 1);
      heap[at] = child;
      heap[below] = moved;
      at = below;
    }
  };
  for (const [order, list] of lists.entries()) {
    const [item] = list;
    if (list.length > 0) heap.push({ list, order, at: 0, item: item as T });
  }
  for (let at = Math.floor(heap.length / 2) - 1; at >= 0; at -= 1) sink(at);

  const merged: T[] = [];
  for (let [first] = heap; first !== undefined && merged.length < limit; [first] = heap) {
    merged.push(first.item);
    first.at += 1;
    if (first.at < first.list.length) first.item = first.list[first.at] as T;
    else {
      const last = heap.pop();
      if (last === undefined || last === first) break;
      heap[0] = last;
    }
    sink(0);
  }
  return merged;
};
