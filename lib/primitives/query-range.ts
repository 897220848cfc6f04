import type { Table } from './table.ts';
import { compareUtf8 } from './utf8.ts';

/**
 * Where a query goes on. DynamoDB refuses a start outside of the range of its own prefix, so the three cases are told
 * apart here, for every backend alike.
 *
 * @returns `nothing` when all of the range lies before `after` in the order of the query, `start` (the sort key to go on
 *   behind) when it lies within, `all` when the whole range lies behind it.
 */
export const queryRange = (
  options: Parameters<Table['query']>[0],
): { readonly kind: 'all' | 'nothing' } | { readonly kind: 'start'; readonly after: string } => {
  const { sortPrefix = '', after, descending = false } = options;
  if (after === undefined) return { kind: 'all' };
  if (after.startsWith(sortPrefix)) return { kind: 'start', after };
  // Outside of the prefix the whole range is on one side of `after`.
  const isRangeBehind = compareUtf8(after, sortPrefix) < 0 !== descending;
  return { kind: isRangeBehind ? 'all' : 'nothing' };
};
