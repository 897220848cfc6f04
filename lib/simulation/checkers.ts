import { refuse } from '#primitives/checks';

/**
 * What a history must not show. Each checker is a pure function from what was seen to a list of sentences, one for each
 * promise that was broken; none for a history that keeps them.
 */
export type Problems = readonly string[];

const readOnce = new WeakSet<object>();

/** An iterator gives what it has once: a second checker would see nothing, and hold. */
const listOf = <T>(seen: Iterable<T>): readonly T[] => {
  if (typeof seen === 'object' && seen === (seen[Symbol.iterator]() as unknown)) {
    if (readOnce.has(seen)) throw refuse('seen', 'a list where several checkers read it', 'an iterator read before');
    readOnce.add(seen);
  }
  return [...seen];
};

/** What one cause has broken is often broken at every later read as well. */
const SHOWN_COUNT = 5;

/** Raised by {@link holdAll}. */
export class BrokenPromiseError extends Error {
  readonly problems: Problems;

  constructor(problems: Problems) {
    const [shown, moreCount] = [problems.slice(0, SHOWN_COUNT), Math.max(0, problems.length - SHOWN_COUNT)];
    super([...shown, ...(moreCount === 0 ? [] : [`and ${moreCount} more`])].join('; '));
    this.name = new.target.name;
    this.problems = problems;
  }
}

/** @throws {@link BrokenPromiseError} when there is a problem. */
export const holdAll = (...problems: readonly Problems[]): void => {
  const all = problems.flat();
  if (all.length > 0) throw new BrokenPromiseError(all);
};

const countsOf = (ids: Iterable<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const id of listOf(ids)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
};

/** What was expected and not seen. */
export const lost = (expected: Iterable<string>, seen: Iterable<string>): Problems => {
  const known = new Set(listOf(seen));
  return [...new Set(listOf(expected))].filter((id) => !known.has(id)).map((id) => `lost: ${id}`);
};

/** What was seen and not expected. */
export const unexpected = (expected: Iterable<string>, seen: Iterable<string>): Problems =>
  lost(seen, expected).map((problem) => problem.replace('lost', 'unexpected'));

/** What was seen more than once. */
export const twice = (seen: Iterable<string>): Problems =>
  [...countsOf(seen)].filter(([, count]) => count > 1).map(([id, count]) => `${count} times: ${id}`);

/** Where the steps of a group were not seen in rising order. */
export const outOfOrder = (seen: Iterable<{ readonly group: string; readonly step: number }>): Problems => {
  const last = new Map<string, number>();
  const problems: string[] = [];
  for (const { group, step } of listOf(seen)) {
    const before = last.get(group) ?? Number.NEGATIVE_INFINITY;
    if (step <= before) problems.push(`out of order: ${step} after ${before} in ${group}`);
    last.set(group, Math.max(before, step));
  }
  return problems;
};

/** Reads of which the parts are negative or don't add up to the total. A total that is null is not known yet. */
export const unbalanced = (
  reads: Iterable<{ readonly total: number | null; readonly parts: Readonly<Record<string, number>> }>,
): Problems => {
  const problems: string[] = [];
  for (const { total, parts } of listOf(reads)) {
    const counts = Object.values(parts);
    const sum = counts.reduce((a, b) => a + b, 0);
    if (counts.some((count) => count < 0) || (total !== null && sum !== total))
      problems.push(`unbalanced: ${JSON.stringify(parts)} of ${total}`);
  }
  return problems;
};

/** Numbers that are lower than one before: what never falls, e.g. how much is done. */
export const falling = (numbers: Iterable<number>): Problems => {
  const problems: string[] = [];
  let highest = Number.NEGATIVE_INFINITY;
  for (const number of listOf(numbers)) {
    if (number < highest) problems.push(`fell from ${highest} to ${number}`);
    highest = Math.max(highest, number);
  }
  return problems;
};

/** Fencing tokens that are not higher than all before. */
export const notRising = (tokens: Iterable<number>): Problems => {
  const problems: string[] = [];
  let highest = Number.NEGATIVE_INFINITY;
  for (const token of listOf(tokens)) {
    if (token <= highest) problems.push(`token ${token} after ${highest}`);
    highest = Math.max(highest, token);
  }
  return problems;
};
