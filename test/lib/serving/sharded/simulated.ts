import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { changeMessage, shardWorker } from '#serving/sharded/shard-worker';
import type { Table } from '#primitives/table';
import type { ShardChange } from '#serving/sharded/resharding';
import type { CacheHit } from '#serving/sharded/sharded-cache';
import { BrokenPromiseError, holdAll } from '#simulation/checkers';
import type { InvocationContext } from '#simulation/function-host';
import { startProcess } from '#simulation/processes';
import type { Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { quiet } from '../../batch/work-queue/world.ts';
import { hostOf, shardName, type Host } from './cluster.ts';
import { harshTable } from './harsh-table.ts';
import { noRegister, type Seen } from './register.ts';

export interface SimulatedOptions {
  readonly changes: readonly ShardChange[];
  readonly keys: readonly string[];
  readonly clientCount: number;
  /** Of each client, at least: it goes on while there are changes to be made. */
  readonly opCount: number;
  readonly copyCount?: number;
  /** 0: the worker leaves the rest to another message wherever it can. */
  readonly driveMs?: number;
  /** Called with each driver that a cold start makes, e.g. to put a wrong one in its place. */
  readonly host?: (w: World) => () => Host;
}

const SLOT_BITS = 4;
const TABLE_COUNT = 6;
const MAX_OPS = 80;
const THINK_MS = 100;
const TIMEOUT_MS = 10_000;

/** The tables of the world, as bad as they may be. */
export const tablesOf = (w: World) => {
  const table = (name: string): Table => harshTable(w.table(name), w);
  return {
    control: table('control'),
    tables: Array.from({ length: TABLE_COUNT }, (_, index) => table(shardName(index))),
  };
};

/** Hosts of the world: each has a memory of its own. */
const hostsIn = (w: World, copyCount = 0): (() => Host) => {
  const { control, tables } = tablesOf(w);
  return () => hostOf({ control, tables, clock: w.clock, random: w.random, slotBits: SLOT_BITS, copyCount });
};

/** What clients see of keys, in the order in which it happened. */
const historyOf = () => {
  const seen = new Map<string, Seen[]>();
  let instant = 0;
  return {
    seen,
    begin: () => (instant += 1),
    note: (key: string, op: Omit<Seen, 'end'>, answered: boolean) => {
      const end = answered ? (instant += 1) : Infinity;
      seen.set(key, [...(seen.get(key) ?? []), { ...op, end }]);
    },
  };
};
type History = ReturnType<typeof historyOf>;

const textOf = (hit: CacheHit | undefined): string | undefined =>
  typeof hit?.value === 'string' ? hit.value : undefined;

/** One operation, as a process that may be killed; whether it was answered. A killed host's memory is gone. */
const once = async (
  host: Host,
  history: History,
  how: { key: string; value: string; kind: number },
): Promise<boolean> => {
  const { key, value, kind } = how;
  const begin = history.begin();
  const run = async (): Promise<string | undefined> => {
    if (kind === 0) return textOf((await host.cache.get(key)).hit);
    if (kind === 1) await host.cache.delete(key);
    else await host.cache.put(key, value);
    return kind === 1 ? undefined : value;
  };
  const ending = await startProcess(`client-${begin}`).run(run);
  const answered = ending.status === 'ended';
  if (kind === 0 && answered) history.note(key, { kind: 'read', value: ending.value, begin }, true);
  if (kind !== 0) history.note(key, { kind: 'write', value: kind === 1 ? undefined : value, begin }, answered);
  return answered;
};

const client = async (
  w: World,
  boot: () => Host,
  history: History,
  how: SimulatedOptions & { readonly id: number; readonly isOver: () => boolean },
) => {
  let host = boot();
  for (let op = 0; op < how.opCount || (!how.isOver() && op < MAX_OPS); op += 1) {
    const key = how.keys[Math.floor(w.random.next() * how.keys.length)] ?? '';
    // Three reads, two puts, and now and then a delete.
    const draw = Math.floor(w.random.next() * 6);
    const kind = draw < 3 ? 0 : draw === 5 ? 1 : 2;
    if (!(await once(host, history, { key, value: `${how.id}.${op}`, kind }))) host = boot();
    await w.clock.sleep(w.random.next() * THINK_MS);
  }
};

/** Clients read and write all the time while shards are added and removed by messages. */
export const reshardingScenario =
  (options: SimulatedOptions): Scenario =>
  async (w) => {
    const boot = (options.host ?? ((world: World) => hostsIn(world, options.copyCount)))(w);
    const dead = w.queue('shards-dead-letters');
    const changes = w.queue('shards', { visibilityMs: 30_000, deadLetter: { queue: dead, maxReceiveCount: 1_000 } });
    const handler = () => {
      const { shards } = boot();
      const work = shardWorker({ shards, changes, deadLetters: dead, clock: w.clock, random: w.random, log: quiet });
      return (event: SqsEvent, context: InvocationContext) =>
        partialBatch(messagesOf(event), (message) =>
          work(message, options.driveMs ?? context.getRemainingTimeInMillis() / 2),
        );
    };
    w.source({
      queue: changes,
      batchSize: 1,
      function: w.function({ name: 'reshard', timeoutMs: TIMEOUT_MS, boot: handler }),
    });

    const history = historyOf();
    let isOver = false;
    const clients = Array.from({ length: options.clientCount }, (_, id) =>
      client(w, boot, history, { ...options, id, isOver: () => isOver }),
    );
    // Sent again until it was made: queues keep no order, so the next is not asked for before.
    const ask = async (): Promise<void> => {
      for (const [index, change] of options.changes.entries()) {
        const id = `c${index}`;
        await w.clock.sleep(2 * THINK_MS);
        for (let made = false; !made;) {
          const run = startProcess('admin').run(async () => {
            const { ended, plan } = await boot().shards.status();
            if (!ended.includes(id) && plan?.id !== id) await changes.sendBatch([changeMessage(id, change)]);
            return ended.includes(id);
          });
          made = await run.then((ending) => ending.status === 'ended' && ending.value);
          if (!made) await w.clock.sleep(5 * THINK_MS);
        }
      }
      isOver = true;
    };
    await w.until(Promise.all([...clients, ask()]));
    await w.untilQuiet();

    const host = boot();
    const status = await w.until(host.shards.status());
    const expected = new Set(Array.from({ length: 4 }, (_, index) => shardName(index)));
    for (const { kind, name } of options.changes)
      if (kind === 'add') expected.add(name);
      else expected.delete(name);
    const names = status.shards.map(({ name }) => name);
    if (status.status !== 'idle' || names.join() !== [...expected].toSorted().join())
      throw new BrokenPromiseError([`ended ${status.status} with ${names.join()}`]);
    for (const key of options.keys) {
      const begin = history.begin();
      const { hit } = await w.until(host.cache.get(key));
      history.note(key, { kind: 'read', value: textOf(hit), begin }, true);
    }
    holdAll(noRegister(history.seen));
  };
