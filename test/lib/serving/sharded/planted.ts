import type { Fields, Table, Write } from '#primitives/table';
import type { World } from '#simulation/world';
import { hostOf, shardName, type Host } from './cluster.ts';

/** Mistakes that look harmless, made between the cache and its tables. */
export type Mistake = 'no fence' | 'no condition' | 'reads one place only' | 'move in two steps';

const isFence = (partition: string): boolean => partition.startsWith('fence/');
const isEntry = (partition: string): boolean => partition.startsWith('slot/');
const isMove = (writes: readonly Write[]): boolean => writes.some(({ kind }) => kind === 'delete');

/** A table in which the mistake is made. `epoch` is what its host believes; `isLeft` tells of a place what is moved away. */
const mistaken = (
  table: Table,
  mistake: Mistake,
  view: {
    readonly epoch: () => number;
    readonly isLeft: (partition: string) => boolean;
    readonly originals: Map<Table, Table>;
  },
): Table => {
  const plain = (writes: readonly (Write & { readonly table?: Table })[]) =>
    writes.map(({ table: named, ...write }) =>
      named === undefined ? write : { ...write, table: view.originals.get(named) ?? named },
    );
  const seen = (partition: string, fields: Fields | undefined): Fields | undefined => {
    if (mistake === 'no fence' && isFence(partition)) return { epoch: view.epoch() };
    return mistake === 'reads one place only' && view.isLeft(partition) ? undefined : fields;
  };
  const wrapped: Table = {
    ...table,
    get: async (key, how) => seen(key.partition, await table.get(key, how)),
    getMany: async (keys, how) =>
      (await table.getMany(keys, how)).map((fields, at) => seen(keys[at]?.partition ?? '', fields)),
    put: ({ condition, ...put }) =>
      table.put(
        condition === undefined || (mistake === 'no condition' && isEntry(put.key.partition))
          ? put
          : { ...put, condition },
      ),
    transact: async (writes, how) => {
      const all = plain(writes);
      if (mistake !== 'move in two steps' || !isMove(writes)) return table.transact(all, how);
      // First here, then there: what happens in between is seen, or lost.
      for (const kind of ['put', 'delete'] as const) {
        const outcome = await table.transact(all.filter((write) => write.kind === kind));
        if (outcome.status !== 'written') return outcome;
      }
      return { status: 'written' };
    },
  };
  view.originals.set(wrapped, table);
  return wrapped;
};

/** Hosts that make a mistake. */
export const planted =
  (mistake: Mistake) =>
  (w: World): (() => Host) => {
    const control = w.table('control');
    const tables = Array.from({ length: 6 }, (_, index) => w.table(shardName(index)));
    return () => {
      const originals = new Map<Table, Table>();
      let epoch = 0;
      const left = new Set<string>();
      const view = { epoch: () => epoch, isLeft: (partition: string) => left.has(partition), originals };
      const wrong = tables.map((table) => mistaken(table, mistake, view));
      const host = hostOf({
        control: { ...control, transact: wrong[0]?.transact ?? control.transact },
        tables: wrong,
        clock: w.clock,
        random: w.random,
      });
      const look = async () => {
        const routes = await host.view.current();
        ({ epoch } = routes.membership);
        left.clear();
        for (const { from } of routes.moves()) left.add(from.partition);
      };
      const before =
        <A extends readonly unknown[], T>(work: (...args: A) => Promise<T>) =>
        async (...args: A): Promise<T> => {
          await look();
          return work(...args);
        };
      const { cache } = host;
      return { ...host, cache: { get: before(cache.get), put: before(cache.put), delete: before(cache.delete) } };
    };
  };
