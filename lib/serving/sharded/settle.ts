import type { Entry } from './entry.ts';
import type { Home } from './routes.ts';
import type { Store } from './store.ts';

/** An entry that is still where its slot moves away from. */
export interface Straggler {
  readonly from: Home;
  readonly to: Home;
  readonly key: string;
  readonly entry: Entry;
}

/**
 * Takes an entry to where its slot moves. What is there already is newer: it was written or taken there since, and what
 * was found behind is a write that came late; nobody was told that it succeeded, so it is dropped.
 *
 * @returns Whether the entry was moved by this call. When not, another call may have to look again.
 */
export const settle = async (store: Store, straggler: Straggler): Promise<boolean> => {
  const { from, to, key, entry } = straggler;
  const outcome = await store.move([straggler]);
  if (outcome !== 'refused') return outcome === 'moved';
  const table = store.at(to.shard);
  if ((await table.get(store.keyIn(to, key))) !== undefined) await store.drop(from, key, entry);
  return false;
};
