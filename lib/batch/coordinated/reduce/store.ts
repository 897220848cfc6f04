import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Objects } from '#primitives/objects';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Fields, Key, Table } from '#primitives/table';
import { jitteredPause, persist, type Pause } from '../../pause.ts';
import { sendAll } from '../../work-queue/send.ts';
import { headKey, readHead, type Head } from './records.ts';

export interface ReductionOptions {
  readonly table: Table;
  /** The queue that the consumer of reductions reads: parts, pages and merges are messages to it. */
  readonly queue: Queue;
  /** The bucket that a source lies in. */
  readonly bucketOf: (name: string) => Objects;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long a reduction is kept; 1..10 years. */
  readonly keepMs: number;
}

/** What the parts of the reduction share. */
export interface ReductionStore extends ReductionOptions {
  readonly pause: Pause;
  get(key: Key): Promise<Fields | undefined>;
  getMany(keys: readonly Key[]): Promise<readonly (Fields | undefined)[]>;
  head(id: string): Promise<Head | undefined>;
  send(message: object): Promise<void>;
}

export const reductionStore = (options: ReductionOptions): ReductionStore => {
  const { table, queue } = options;
  const pause = jitteredPause(options);
  const get: ReductionStore['get'] = async (key) => {
    const { fields } = await persist('read reduction', pause, async () => ({ fields: await table.get(key) }));
    return fields;
  };
  return Object.freeze<ReductionStore>({
    ...options,
    pause,
    get,
    getMany: (keys) => persist('read reduction', pause, () => table.getMany(keys)),
    head: async (id) => {
      const fields = await get(headKey(id));
      return fields === undefined ? undefined : readHead(fields);
    },
    send: (message) => sendAll(queue, [{ body: JSON.stringify(message) }], pause),
  });
};
