import type { Scoped } from '#serving/ownership-election/scoped';
import type { Fields } from '#primitives/table';

export type Addition =
  | { readonly status: 'added'; readonly result: { readonly value: number; readonly conflicts: number } }
  | { readonly status: 'refused'; readonly value: number };

export interface Counters {
  /** @param how.onceAs Additions under one id are one. */
  add(
    name: string,
    add: number,
    how: { readonly onceAs: string | undefined; readonly signal: AbortSignal },
  ): Promise<Addition>;
}

/** An addition that was asked for under a key is remembered for as long as the key is, and a day to spare. */
const KEEP_MS = 2 * 86_400_000;

const numberIn = (record: Fields | undefined): number => {
  const value = record?.['value'];
  return typeof value === 'number' ? value : 0;
};

/** Counters that many add to at once: each addition is a transaction that runs again when another came between. */
export const counters = (options: { readonly run: Scoped; readonly nowMs: () => number }): Counters => {
  const { run, nowMs } = options;
  return Object.freeze<Counters>({
    add: async (name, add, { onceAs, signal }) => {
      const { value: outcome, conflicts } = await run(async (scope) => {
        const key = { partition: `counter/${name}`, sort: 'value' };
        const doneKey = onceAs === undefined ? undefined : { partition: `counter/${name}`, sort: `done/${onceAs}` };
        const done = doneKey === undefined ? undefined : await scope.get(doneKey);
        if (done !== undefined) return { isAdded: true, value: numberIn(done) };
        const before = numberIn(await scope.get(key));
        const value = before + add;
        if (!Number.isSafeInteger(value)) return { isAdded: false, value: before };
        scope.put(key, { value });
        if (doneKey !== undefined) scope.put(doneKey, { value }, { expiresAtMs: nowMs() + KEEP_MS });
        return { isAdded: true, value };
      }, signal);
      const { isAdded, value } = outcome;
      return isAdded ? { status: 'added', result: { value, conflicts } } : { status: 'refused', value };
    },
  });
};
