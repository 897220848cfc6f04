import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { epochs } from '#serving/sharded/epochs';
import { hotKeys } from '#serving/sharded/hot-keys';
import { pauseOf } from '#serving/sharded/limits';
import { resharding } from '#serving/sharded/resharding';
import { shardWorker } from '#serving/sharded/shard-worker';
import { shardedCache } from '#serving/sharded/sharded-cache';
import { shellServices, variable, type Environment, type ShellServices } from '../../shell/services.ts';
import { shardedHandlers } from './handlers.ts';

/** As many tables as the template has. */
const TABLE_COUNT = 8;
/** Shards of a new stack: each in a table of its own. */
const FIRST_SHARDS = 4;
/** 4 096 slots: a shard's share is even to 3 % (820 ± 26 of five), and a plan has so many partitions to look at. */
const SLOT_BITS = 12;
/** Each entry has one copy: its shard may fail. */
const COPY_COUNT = 1;
const HOT = { copyCount: 3, keepMs: 60_000 };
/** A shard serves a partition 3 000 consistent reads a second at most: a host that does a tenth of that is noticed. */
const HOT_READS = { readCount: 50, windowMs: 1_000 };

/** Far from what a table takes, and a quarter of what the function has: a key's copy is read after that. */
const PATIENCE = { timeoutMs: 2_000, pauseMs: 5_000 };

const tableName = (env: Environment, index: number): string => variable(env, `SHARD_${index}_TABLE`);

const parts = (env: Environment, { clock, random }: ShellServices) => {
  const tableNames = Array.from({ length: TABLE_COUNT }, (_, index) => tableName(env, index));
  const control = awsTable({ name: variable(env, 'SHARDS_TABLE') });
  const tables = tableNames.map((name) => awsTable({ name }));
  const initial = Array.from({ length: FIRST_SHARDS }, (_, table) => ({ name: `shard-${table}`, weight: 1, table }));
  const view = epochs({ control, tables, initial, slotBits: SLOT_BITS, pause: pauseOf({ clock, random }) });
  const common = { tables, epochs: view, clock, random };
  return {
    tableNames,
    common,
    shards: resharding({ ...common, control }),
    changes: awsQueue({ url: variable(env, 'CHANGES_QUEUE_URL') }),
  };
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const services = shellServices(env);
  const { tableNames, common, shards, changes } = parts(env, services);
  const hot = hotKeys({ ...HOT_READS, clock: services.clock });
  const cache = shardedCache({ ...common, copyCount: COPY_COUNT, hot: { ...HOT, keys: hot }, patience: PATIENCE });
  return shardedHandlers({ cache, epochs: common.epochs, shards, hot, changes, tableNames });
};

/** What makes changes of the shards. */
export const wireReshard = (env: Environment) => {
  const services = shellServices(env);
  const { shards, changes } = parts(env, services);
  const deadLetters = awsQueue({ url: variable(env, 'CHANGES_DEAD_LETTERS_QUEUE_URL') });
  const { clock, random, log } = services;
  return { work: shardWorker({ clock, random, log, shards, changes, deadLetters }), log };
};
