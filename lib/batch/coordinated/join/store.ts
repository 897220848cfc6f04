import type { Bus } from '#primitives/bus';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Fields, Key, Table } from '#primitives/table';
import { jitteredPause, persist, type Pause } from '../../pause.ts';
import { readHead, headKey, bucketKey, type Head } from './records.ts';

export interface JoinOptions {
  /** Where joins are kept. */
  readonly table: Table;
  /** Where the effect `join:<id>` is written, by the transaction that fires. Of the same backend. */
  readonly effects: Table;
  /** Who is told that a join has fired or failed. */
  readonly bus: Bus;
  /** The queue that the consumer of joins reads: a message to it looks after a join. */
  readonly queue: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long a join is kept behind its deadline; 1..10 years. */
  readonly keepMs: number;
  /**
   * When a join is looked after although nobody asks: first after `firstMs`, then at ever longer intervals up to
   * `limitMs`. What a crash left undone is done then. Both 1_000..900_000.
   */
  readonly watch: { readonly firstMs: number; readonly limitMs: number };
}

/** What the parts of the join share. */
export interface JoinStore extends JoinOptions {
  readonly pause: Pause;
  get(key: Key): Promise<Fields | undefined>;
  head(joinId: string): Promise<Head | undefined>;
  /** All buckets, as they stand now. */
  buckets(joinId: string, count: number): Promise<readonly (Fields | undefined)[]>;
}

export const joinStore = (options: JoinOptions): JoinStore => {
  const { table } = options;
  const pause = jitteredPause(options);
  const get: JoinStore['get'] = async (key) => {
    const { fields } = await persist('read join', pause, async () => ({ fields: await table.get(key) }));
    return fields;
  };
  return Object.freeze<JoinStore>({
    ...options,
    pause,
    get,
    head: async (joinId) => {
      const fields = await get(headKey(joinId));
      return fields === undefined ? undefined : readHead(fields);
    },
    buckets: (joinId, count) =>
      persist('read buckets', pause, () =>
        table.getMany(Array.from({ length: count }, (_, bucket) => bucketKey(joinId, bucket))),
      ),
  });
};
