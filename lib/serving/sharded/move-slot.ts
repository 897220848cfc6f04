import { readEntry } from './entry.ts';
import { persist, type Pause } from './limits.ts';
import type { Move } from './routes.ts';
import { settle, type Straggler } from './settle.ts';
import type { Store } from './store.ts';

/** A transaction takes 100 writes and 4 MB; an entry is two of them, and has up to 400 KB. */
const MAX_AT_ONCE = 25;
const MAX_BYTES_AT_ONCE = 2_000_000;
const PAGE = 100;

/** In parts that a transaction takes. */
const inParts = (stragglers: readonly Straggler[]): readonly (readonly Straggler[])[] => {
  const parts: Straggler[][] = [];
  let bytes = 0;
  for (const straggler of stragglers) {
    const own = Buffer.byteLength(JSON.stringify(straggler.entry)) + straggler.key.length;
    const last = parts.at(-1);
    if (last === undefined || last.length === MAX_AT_ONCE || bytes + own > MAX_BYTES_AT_ONCE) {
      parts.push([straggler]);
      bytes = own;
    } else {
      last.push(straggler);
      bytes += own;
    }
  }
  return parts;
};

/**
 * Empties a slot at the place that it leaves: all of its entries go along. Entries go 25 at a time; when one of them is
 * changed meanwhile, one by one. It ends when it has seen the place empty.
 *
 * @returns How many entries this call has moved.
 */
export const moveSlot = async (
  { calls, pause }: { readonly calls: Store; readonly pause: Pause },
  { from, to }: Move,
): Promise<number> => {
  let movedCount = 0;
  const page = () =>
    persist(`entries of ${from.partition}`, pause, () =>
      calls.at(from.shard).query({ partition: from.partition, limit: PAGE }),
    );

  const moveOne = async (straggler: Straggler): Promise<void> => {
    if (await settle(calls, straggler)) movedCount += 1;
  };
  const movePart = async (part: readonly Straggler[]): Promise<void> => {
    const outcome = part.length === 1 ? 'refused' : await calls.move(part);
    if (outcome === 'moved') movedCount += part.length;
    if (outcome !== 'refused') return;
    for (const straggler of part) await moveOne(straggler);
  };

  await persist(`slot at ${from.partition}`, pause, async () => {
    for (;;) {
      const { records } = await page();
      if (records.length === 0) return true;
      const found = records.map(({ key, fields }) => ({ from, to, key: key.sort, entry: readEntry(fields) }));
      const before = movedCount;
      for (const part of inParts(found)) await movePart(part);
      // What is in the way of all of it may be gone after a pause.
      if (movedCount === before) return undefined;
    }
  });
  return movedCount;
};
