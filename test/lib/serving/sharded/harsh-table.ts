import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Fields, Table } from '#primitives/table';
import { wrapped } from './wrapped.ts';

/** One call in so many waits on its way, for as long as it takes others to go on for many calls. */
const STALL_RATE = 0.06;
const MAX_STALL_MS = 3_000;

/**
 * A table as bad as its port allows. A batch of reads is no snapshot: each record is read at an instant of its own, in an
 * order of its own. And now and then a call is on its way so long that a plan begins, moves a key and ends meanwhile.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html (isolation levels)
 */
export const harshTable = (table: Table, { clock, random }: { readonly clock: Clock; readonly random: Random }) => {
  const stall = async (): Promise<void> => {
    if (random.next() < STALL_RATE) await clock.sleep(random.next() * MAX_STALL_MS);
  };
  const late =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await stall();
      return call(...args);
    };
  return wrapped(table, (inner) => ({
    get: late(inner.get),
    put: late(inner.put),
    delete: late(inner.delete),
    query: late(inner.query),
    transact: late(inner.transact),
    transactGet: late(inner.transactGet),
    getMany: async (keys, how) => {
      const order = keys.map((key, at) => ({ key, at, drawn: random.next() })).toSorted((a, b) => a.drawn - b.drawn);
      const found = new Map<number, Fields | undefined>();
      for (const { key, at } of order) {
        await stall();
        found.set(at, await inner.get(key, how));
      }
      return keys.map((_, at) => found.get(at));
    },
  }));
};
