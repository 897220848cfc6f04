import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { sharedStates } from '#resilience/shared-state';
import { slotTable } from '#serving/sharded/slot-table';
import { broker } from '#single-node/ambassador/broker';
import type { Experiment } from '#single-node/ambassador/experiment';
import { experiments } from '#single-node/ambassador/experiments';
import { nodeTransport } from '#single-node/ambassador/node-transport';
import { registry } from '#single-node/ambassador/registry';
import { shadow, shadowQueue } from '#single-node/ambassador/shadow';
import { shadowWorker } from '#single-node/ambassador/shadow-worker';
import { shardedValues } from '#single-node/ambassador/sharded-values';
import { splitMessages } from '#single-node/ambassador/split-messages';
import { splitter } from '#single-node/ambassador/splitter';
import { variantCounts } from '#single-node/ambassador/variant-counts';
import { shellServices, variable, type Environment } from '../../shell/services.ts';
import { ambassadorHandlers } from './handlers.ts';

/** A host knows of a change after so long at most. */
const REFRESH_MS = 1_000;
/** While the table does not answer, what was known goes on to hold. */
const STALE_MS = 600_000;
const MAX_RECORDS = 1_000;
const SHARDS = ['shard-0', 'shard-1', 'shard-2', 'shard-3'];
/** From one probe in the fleet to the next. */
const OPEN_MS = 5_000;

const reading = { refreshMs: REFRESH_MS, staleMs: STALE_MS, maxCount: MAX_RECORDS };
const tableOf = (env: Environment) => awsTable({ name: variable(env, 'AMBASSADOR_TABLE') });

const targetRules = (env: Environment) => ({
  localTargets: (env['AMBASSADOR_LOCAL_TARGETS'] ?? '').split(',').filter((each) => each !== ''),
});

const services = (env: Environment) => {
  const shell = shellServices(env);
  const table = tableOf(env);
  const rules = targetRules(env);
  return {
    ...shell,
    table,
    registry: registry({ table, clock: shell.clock, ...reading, ...rules }),
    transport: nodeTransport({ ...rules, maxSockets: 64, maxAnswerBytes: 1_000_000 }),
  };
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const { table, clock, random, log, registry: known, transport } = services(env);
  const counts = variantCounts({
    table,
    clock,
    log,
    hostId: random.uuid(),
    flushMs: 5_000,
    keepMs: 7 * 86_400_000,
    maxSenders: 50_000,
  });
  const running = experiments({ table, clock, random, log, counts, ...reading });
  const sender = broker({
    registry: known,
    transport,
    table,
    clock,
    random,
    log,
    retry: { attemptCount: 3, backoff: { baseMs: 50, limitMs: 1_000 }, ratio: 0.2, burstCount: 2 },
    breaker: { windowMs: 5_000, minCallCount: 10, failureRatio: 0.4, openMs: OPEN_MS, refreshMs: 2_000 },
  });
  const copies = shadow({
    deliver: shadowQueue({ queue: awsQueue({ url: variable(env, 'SHADOWS_QUEUE_URL') }) }),
    clock,
    log,
    graceMs: 5,
    maxInFlightCount: 50,
    timeoutMs: 2_000,
  });
  return ambassadorHandlers({
    registry: known,
    broker: sender,
    experiments: running,
    splitter: splitter({ experiments: running, counts, broker: sender, shadow: copies, random }),
    values: shardedValues({ table, slots: slotTable({ shards: SHARDS }) }),
    isOpenInFleet: async (service) => (await sharedStates(table, clock, service, OPEN_MS).read()).isOpen,
  });
};

/** What sends the copies. */
export const wireShadows = (env: Environment) => shadowWorker(only(services(env)));

const only = ({ registry: known, transport, table, clock, log }: ReturnType<typeof services>) => ({
  registry: known,
  transport,
  table,
  clock,
  log,
});

/** Until there is an experiment, all messages go one way. */
const everythingTo = (name: string, service: string): Experiment => ({
  name,
  version: '',
  variants: [{ service, weight: 1 }],
  rolledBack: [],
});

/** What splits the messages of the queue of traffic, by the experiment `TRAFFIC_EXPERIMENT`. */
export const wireSplit = (env: Environment) => {
  const { log, clock, random } = shellServices(env);
  const table = tableOf(env);
  const name = variable(env, 'TRAFFIC_EXPERIMENT');
  const counts = { add: nothing, known: () => ({}), flushSoon: nothing, flush: async () => undefined };
  const running = experiments({ table, clock, random, log, counts, ...reading });
  const queues = {
    stable: awsQueue({ url: variable(env, 'STABLE_QUEUE_URL') }),
    canary: awsQueue({ url: variable(env, 'CANARY_QUEUE_URL') }),
  };
  const split = splitMessages({ queues, random });
  return async (messages: Parameters<typeof split>[1]) =>
    split((await running.get(name)) ?? everythingTo(name, 'stable'), messages);
};

const nothing = (): void => undefined;
