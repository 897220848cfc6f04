import type { Fields, Key, Table, WriteOutcome } from '#primitives/table';
import type { Routes } from '#serving/sharded/routes';
import type { World } from '#simulation/world';
import { hostOf, type Host } from './cluster.ts';
import { tablesOf } from './simulated.ts';
import { wrapped } from './wrapped.ts';

type TransactGet = Parameters<Table['transactGet']>[0];
type Transact = Parameters<Table['transact']>[0];
type Moved = Transact[number];

/** What a table does otherwise for a host that makes a mistake. `routes` are those that the host believes in. */
type Plant = (table: Table, routes: () => Promise<Routes>) => Partial<Table>;

const isFence = ({ partition }: Key): boolean => partition.startsWith('fence/');
const isEntry = ({ partition }: Key): boolean => partition.startsWith('slot/');

/** Reads in which some records are not seen as they are. */
const seeing =
  (see: (key: Key, fields: Fields | undefined, routes: Routes) => Fields | undefined): Plant =>
  (table, routes) => ({
    transactGet: async (keys) => {
      const [found, known] = [await table.transactGet(keys), await routes()];
      return found?.map((fields, at) => see(keys[at] ?? { partition: '', sort: '' }, fields, known));
    },
  });

/** Both steps of each move are made, the one after the other: `steps` puts them in order. */
const inSteps =
  (steps: (writes: readonly Moved[]) => readonly Moved[]): Plant =>
  (table) => ({
    transact: async (writes, how) => {
      const isMove = writes.every(({ key }) => isEntry(key)) && writes.some(({ kind }) => kind === 'delete');
      if (!isMove) return table.transact(writes, how);
      for (const { table: own = table, ...write } of steps(writes)) {
        let outcome: WriteOutcome = { status: 'written' };
        if (write.kind === 'put') outcome = await own.put(write);
        if (write.kind === 'delete') outcome = await own.delete(write);
        if (outcome.status === 'refused') return { status: 'refused', refusals: [] };
      }
      return { status: 'written' };
    },
  });
const puts = (writes: readonly Moved[]) => writes.filter(({ kind }) => kind === 'put');
const deletes = (writes: readonly Moved[]) => writes.filter(({ kind }) => kind === 'delete');
const withoutCondition = (writes: readonly Moved[]): readonly Moved[] =>
  writes.map((write) => {
    if (write.kind === 'check') return write;
    const { condition: _condition, ...rest } = write;
    return rest;
  });

/** Mistakes that look harmless, made between the cache, or the plan, and their tables. */
const PLANTS = {
  'a key is copied, then deleted': inSteps((writes) => withoutCondition([...puts(writes), ...deletes(writes)])),
  'a key is deleted, then put': inSteps((writes) => [...deletes(writes), ...puts(writes)]),
  'the plan ends before the keys have moved': (table) => ({
    query: async (how) => (how.partition.startsWith('slot/') ? { records: [] } : table.query(how)),
  }),
  'a writer does not look at the fence': (table, routes) => ({
    get: async (key, how) => (isFence(key) ? { epoch: (await routes()).membership.epoch } : table.get(key, how)),
  }),
  'a reader does not look at the fence': seeing((key, fields, { membership }) =>
    isFence(key) ? { epoch: membership.epoch } : fields,
  ),
  'a reader looks at the new place only': seeing((key, fields, routes) =>
    routes.moves().some(({ from }) => from.partition === key.partition) ? undefined : fields,
  ),
  'entry and fence are read one after the other': (table) => ({
    transactGet: async (keys: TransactGet) => {
      const found = new Map<number, Fields | undefined>();
      for (const [at, { table: own = table, ...key }] of [...keys.entries()].toReversed())
        found.set(at, await own.get(key));
      return keys.map((_, at) => found.get(at));
    },
  }),
  'a write has no condition': (table) => ({
    put: ({ condition, ...put }) =>
      table.put(condition === undefined || isEntry(put.key) ? put : { ...put, condition }),
  }),
} satisfies Readonly<Record<string, Plant>>;

export type Mistake = keyof typeof PLANTS;
export const MISTAKES = Object.keys(PLANTS) as readonly Mistake[];

const hostsWith =
  (plant: Plant) =>
  (w: World): (() => Host) => {
    const { control, tables } = tablesOf(w);
    return () => {
      const routes = (): Promise<Routes> => host.view.current();
      const wrong = [control, ...tables].map((table) => wrapped(table, (inner) => plant(inner, routes)));
      const [own = control, ...others] = wrong;
      const host: Host = hostOf({ control: own, tables: others, clock: w.clock, random: w.random });
      return host;
    };
  };

/** Hosts that make a mistake. */
export const planted = (mistake: Mistake) => hostsWith(PLANTS[mistake]);

/**
 * Hosts that move a key in two steps as well, but each under its condition, the copy first. That is no mistake: whoever
 * finds the key at both places drops the one that is left behind before anything else.
 */
export const carefulSteps = hostsWith(inSteps((writes) => [...puts(writes), ...deletes(writes)]));
