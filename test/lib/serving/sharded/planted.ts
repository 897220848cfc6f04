import type { Fields, Table, Write } from '#primitives/table';
import type { Routes } from '#serving/sharded/routes';
import type { World } from '#simulation/world';
import { hostOf, shardName, type Host } from './cluster.ts';

/** Mistakes that look harmless, made between the cache and its tables. */
export type Mistake = 'no fence' | 'no condition' | 'reads one place only';

const isFence = (partition: string): boolean => partition.startsWith('fence/');
const isEntry = (partition: string): boolean => partition.startsWith('slot/');

/** A table in which the mistake is made. `routes` are those that its host believes in. */
const mistaken = (
  table: Table,
  mistake: Mistake,
  routes: () => Promise<Routes>,
  originals: Map<Table, Table>,
): Table => {
  const plain = (writes: readonly (Write & { readonly table?: Table })[]) =>
    writes.map(({ table: named, ...write }) =>
      named === undefined ? write : { ...write, table: originals.get(named) ?? named },
    );
  const seen = async (partition: string, fields: Fields | undefined): Promise<Fields | undefined> => {
    if (mistake === 'no fence' && isFence(partition)) return { epoch: (await routes()).membership.epoch };
    if (mistake !== 'reads one place only' || !isEntry(partition)) return fields;
    return (await routes()).moves().some(({ from }) => from.partition === partition) ? undefined : fields;
  };
  const wrapped: Table = {
    ...table,
    get: async (key, how) => seen(key.partition, await table.get(key, how)),
    getMany: async (keys, how) =>
      Promise.all((await table.getMany(keys, how)).map((fields, at) => seen(keys[at]?.partition ?? '', fields))),
    put: ({ condition, ...put }) =>
      table.put(
        condition === undefined || (mistake === 'no condition' && isEntry(put.key.partition))
          ? put
          : { ...put, condition },
      ),
    transact: (writes, how) => table.transact(plain(writes), how),
  };
  originals.set(wrapped, table);
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
      const routes = (): Promise<Routes> => host.view.current();
      const wrong = tables.map((table) => mistaken(table, mistake, routes, originals));
      const own = mistaken(control, mistake, routes, originals);
      const host: Host = hostOf({ control: own, tables: wrong, clock: w.clock, random: w.random });
      return host;
    };
  };
