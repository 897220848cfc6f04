import { compileEntry, InvalidPatternError } from './pattern-tests.ts';
import type { Leaf, LeafTest } from './pattern-tests.ts';

export { InvalidPatternError };

/** Tells whether an event (parsed JSON) is one that the pattern asks for. Never throws, never changes the event. */
export type EventMatcher = (event: unknown) => boolean;

/** How deep a pattern may nest; beyond it is an error rather than a stack that ends. */
const DEPTH_LIMIT = 64;
/** AWS counts the combinations that `$or` makes and refuses more than a thousand. */
const COMBINATION_LIMIT = 1000;

interface LeafNode {
  readonly kind: 'leaf';
  readonly path: readonly string[];
  readonly tests: readonly LeafTest[];
  /** The list holds `{"exists": false}`. */
  readonly orAbsent: boolean;
}

interface ObjectNode {
  readonly kind: 'object';
  readonly fields: readonly (readonly [string, Node])[];
  /** The branches of a `$or`, of which one must match; empty when there is none. */
  readonly branches: readonly ObjectNode[];
  /** How many plain patterns this one stands for. */
  readonly combinationCount: number;
}

type Node = LeafNode | ObjectNode;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const compileLeaf = (list: readonly unknown[], path: readonly string[], at: string): LeafNode => {
  if (list.length === 0) throw new InvalidPatternError(at, 'a list that is not empty', list);
  const entries = list.map((entry, index) => compileEntry(entry, `${at}[${index}]`));
  return {
    kind: 'leaf',
    path,
    tests: entries.flatMap((entry) => (entry.kind === 'test' ? [entry.test] : [])),
    orAbsent: entries.some((entry) => entry.kind === 'absent'),
  };
};

const compileBranches = (value: unknown, path: readonly string[], at: string, depth: number): readonly ObjectNode[] => {
  if (!Array.isArray(value) || value.length < 2) {
    throw new InvalidPatternError(at, 'a list of two or more patterns', value);
  }
  return value.map((branch: unknown, index) => compileObject(branch, path, `${at}[${index}]`, depth + 1));
};

const compileObject = (pattern: unknown, path: readonly string[], at: string, depth: number): ObjectNode => {
  if (!isObject(pattern) || Object.keys(pattern).length === 0) {
    throw new InvalidPatternError(at, 'an object with at least one field', pattern);
  }
  if (depth >= DEPTH_LIMIT) throw new InvalidPatternError(at, `nested at most ${DEPTH_LIMIT} deep`, {});
  const fields: (readonly [string, Node])[] = [];
  let branches: readonly ObjectNode[] = [];
  for (const [name, value] of Object.entries(pattern)) {
    const place = at === '' ? name : `${at}.${name}`;
    const inner = [...path, name];
    if (name === '$or') branches = compileBranches(value, path, place, depth);
    else if (Array.isArray(value)) fields.push([name, compileLeaf(value, inner, place)]);
    else fields.push([name, compileObject(value, inner, place, depth + 1)]);
  }
  const ways = branches.reduce((sum, branch) => sum + branch.combinationCount, 0);
  const combinationCount = fields.reduce(
    (product, [, node]) => product * (node.kind === 'object' ? node.combinationCount : 1),
    Math.max(1, ways),
  );
  if (combinationCount > COMBINATION_LIMIT) {
    throw new InvalidPatternError(at, `at most ${COMBINATION_LIMIT} combinations`, combinationCount);
  }
  return { kind: 'object', fields, branches, combinationCount };
};

/** The values at a place, arrays in arrays laid flat. Iterative: an event may nest as deep as its bytes allow. */
const laidFlat = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) return [value];
  const flat: unknown[] = [];
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (!Array.isArray(next)) flat.push(next);
    else for (let i = next.length - 1; i >= 0; i -= 1) left.push(next[i]);
  }
  return flat;
};

const fieldOf = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

const isLeafValue = (value: unknown): value is Leaf =>
  value === null || (typeof value !== 'object' && value !== undefined);

/** Whether no leaf of the event stands under the path, in any element of any array on the way. */
const isAbsent = (event: unknown, path: readonly string[]): boolean => {
  let level: readonly unknown[] = laidFlat(event);
  for (const name of path) level = level.flatMap((value) => laidFlat(fieldOf(value, name)));
  return !level.some(isLeafValue);
};

/** One question to one event; absence is asked of the whole event, so it is answered once and kept. */
interface Asked {
  readonly event: unknown;
  readonly absences: Map<LeafNode, boolean>;
}

const absenceOf = (node: LeafNode, asked: Asked): boolean => {
  const known = asked.absences.get(node);
  if (known !== undefined) return known;
  const absent = isAbsent(asked.event, node.path);
  asked.absences.set(node, absent);
  return absent;
};

const matchesLeaf = (node: LeafNode, value: unknown, asked: Asked): boolean =>
  laidFlat(value).some((entry) => isLeafValue(entry) && node.tests.some((test) => test(entry))) ||
  (node.orAbsent && absenceOf(node, asked));

/** In an array all fields must be those of one and the same element. */
const matchesObject = (node: ObjectNode, value: unknown, asked: Asked): boolean => {
  const candidates = laidFlat(value);
  const holds = (candidate: unknown): boolean =>
    node.fields.every(([name, child]) => {
      const inner = fieldOf(candidate, name);
      return child.kind === 'leaf' ? matchesLeaf(child, inner, asked) : matchesObject(child, inner, asked);
    }) &&
    (node.branches.length === 0 || node.branches.some((branch) => matchesObject(branch, candidate, asked)));
  return candidates.length === 0 ? holds(undefined) : candidates.some(holds);
};

/**
 * Compiles an EventBridge pattern once; the matcher then runs in time bounded by the size of pattern × event.
 *
 * All fields of the pattern must match, one entry of each list is enough, and a field of the event that is an array
 * matches when one of its elements does. Operators: literals (string, number, true, false, null; `""` and `null` are
 * not the same), `prefix`, `suffix`, `equals-ignore-case`, `wildcard`, `anything-but` (also with the former four),
 * `numeric`, `exists`, `cidr`, and `$or`. `exists` speaks of leaves: an object or an empty array is none.
 *
 * @remarks Numbers are compared by value, so 300, 300.0 and 3e2 are one.
 * @param pattern Parsed JSON.
 * @throws {@link InvalidPatternError} when EventBridge would refuse the pattern.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
 */
export const compilePattern = (pattern: unknown): EventMatcher => {
  const root = compileObject(pattern, [], '', 0);
  return (event) => matchesObject(root, event, { event, absences: new Map() });
};
