/**
 * Checks that what was seen of one key is what a single register could have given: every read gives a value that was
 * put before it ended, and that no other write, complete before the read began, had come after.
 *
 * Each put has a value of its own. A write whose answer never came may have taken effect at any time after its
 * beginning, or never.
 */
export interface Seen {
  readonly kind: 'write' | 'read';
  /** Undefined: deleted, or not there. */
  readonly value: string | undefined;
  readonly begin: number;
  /** Infinity: no answer came. */
  readonly end: number;
}

/** Which of the writes that are left may come next, given which value is there: depth first, remembering dead ends. */
const search = (ops: readonly Seen[], initial: string | undefined): boolean => {
  const dead = new Set<string>();
  const go = (done: ReadonlySet<number>, value: string | undefined): boolean => {
    const left = ops.map((_, at) => at).filter((at) => !done.has(at));
    if (left.every((at) => ops[at]?.end === Infinity)) return true;
    const state = `${left.join(',')}|${value}`;
    if (dead.has(state)) return false;
    const firstEnd = Math.min(...left.map((at) => ops[at]?.end ?? 0));
    for (const at of left) {
      const op = ops[at];
      if (op === undefined || op.begin > firstEnd) continue;
      if (op.kind === 'read' && op.value !== value) continue;
      if (go(new Set([...done, at]), op.kind === 'write' ? op.value : value)) return true;
    }
    dead.add(state);
    return false;
  };
  return go(new Set(), initial);
};

/** One sentence for each key whose history no register has; none when all are well. */
export const noRegister = (history: ReadonlyMap<string, readonly Seen[]>): readonly string[] =>
  [...history].flatMap(([key, ops]) => {
    const answered = ops.filter(({ kind, end }) => kind === 'write' || end !== Infinity);
    if (search(answered, undefined)) return [];
    const text = answered
      .toSorted((one, other) => one.begin - other.begin)
      .map(({ kind, value, begin, end }) => `${kind} ${value ?? 'nothing'} ${begin.toFixed(0)}–${end.toFixed(0)}`);
    return [`not a register: ${key}: ${text.join('; ')}`];
  });
