import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { awsTableAttributes } from '#primitives/aws/table-attributes';
import type { ReceivedMessage } from '#primitives/queue';
import { embeddedMetrics } from '#single-node/adapter/embedded-metrics';
import { fetchText } from '#single-node/adapter/fetch-text';
import { health, type HealthProbe } from '#single-node/adapter/health';
import { queueProbe, redisProbe, tableProbe } from '#single-node/adapter/health-probes';
import { jsonStats } from '#single-node/adapter/json-stats';
import { logSender } from '#single-node/adapter/log-sender';
import { logStore } from '#single-node/adapter/log-store';
import type { MetricFamily, MetricSource } from '#single-node/adapter/metric';
import { metricsPage } from '#single-node/adapter/metrics-page';
import { normaliser, type Normalised } from '#single-node/adapter/normaliser';
import { queueStats } from '#single-node/adapter/queue-stats';
import { redisClient, type UseRedis } from '#single-node/adapter/redis-client';
import { redisStats } from '#single-node/adapter/redis-stats';
import { tableStats } from '#single-node/adapter/table-stats';
import { shellServices, variable, type Environment, type ShellServices } from '../../shell/services.ts';
import { adapterHandlers } from './handlers.ts';
import { STACK_STATS } from './stack-stats.ts';

const KEEP_MS = 30 * 86_400_000;
/** Prometheus gives a scrape 10 s by default. */
const SCRAPE = { deadlineMs: 2_000, concurrency: 10, maxSeriesCount: 2_000 } as const;
const PROBE_DEADLINE_MS = 1_500;
const PROBE_CONCURRENCY = 4;
/** Slower is a warning: calls inside of a region take a few milliseconds. */
const SLOW_MS = 500;
/** Lines that wait for longer than it takes to read them. */
const BACKLOG_COUNT = 1_000;
const MAX_REPLY_BYTES = 1_048_576;

const logsTable = (env: Environment) => awsTable({ name: variable(env, 'LOGS_TABLE') });
const logsQueue = (env: Environment) => awsQueue({ url: variable(env, 'LOGS_QUEUE_URL') });
const deadLetters = (env: Environment) => awsQueue({ url: variable(env, 'LOGS_DEAD_LETTERS_QUEUE_URL') });

const prefix = (env: Environment): string => `${variable(env, 'SERVICE')}-${variable(env, 'STAGE')}-`;
const listed = (env: Environment, name: string): readonly string[] =>
  (env[name] ?? '').split(/[\s,]+/).filter((text) => text !== '');

/** All queues of a stack are in one account: their URLs differ in the last part only. */
const watchedQueues = (env: Environment): readonly MetricSource[] => {
  const base = variable(env, 'LOGS_QUEUE_URL').replace(/[^/]*$/, prefix(env));
  return listed(env, 'WATCHED_QUEUES').map((label) =>
    queueStats({ queue: awsQueue({ url: `${base}${label}` }), label }),
  );
};

const watchedTables = (env: Environment): readonly MetricSource[] =>
  listed(env, 'WATCHED_TABLES').map((name) =>
    tableStats({ label: name.replace(prefix(env), ''), attributes: awsTableAttributes({ name }) }),
  );

const redisOf = (env: Environment, clock: ShellServices['clock']): UseRedis | undefined => {
  const { REDIS_ADDRESS: address = '' } = env;
  if (address === '') return undefined;
  const [host = '', port = ''] = address.split(':');
  return redisClient({
    host,
    port: Number(port),
    clock,
    deadlineMs: PROBE_DEADLINE_MS,
    maxReplyBytes: MAX_REPLY_BYTES,
  });
};

const watchedPrograms = (env: Environment, redis: UseRedis | undefined): readonly MetricSource[] => {
  const { STATS_URL: url = '' } = env;
  const sources = redis === undefined ? [] : [redisStats({ redis })];
  if (url === '') return sources;
  const get = fetchText({ url, maxBytes: MAX_REPLY_BYTES });
  const read = jsonStats(STACK_STATS);
  return [...sources, { name: 'stats', read: async (signal) => read(await get(signal)) }];
};

const probesOf = (
  env: Environment,
  { clock, random }: ShellServices,
  redis: UseRedis | undefined,
): readonly HealthProbe[] => [
  tableProbe({ table: logsTable(env), componentId: 'adapter-logs', clock, random, warnMs: SLOW_MS }),
  queueProbe({ queue: logsQueue(env), componentId: 'adapter-logs', warnCount: BACKLOG_COUNT }),
  queueProbe({ queue: deadLetters(env), componentId: 'adapter-logs-dead-letters', warnCount: 0, required: false }),
  ...(redis === undefined ? [] : [redisProbe({ redis, componentId: 'redis', clock, random, warnMs: SLOW_MS })]),
];

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const services = shellServices(env);
  const { clock, log } = services;
  const redis = redisOf(env, clock);
  return adapterHandlers({
    metrics: metricsPage({
      sources: [...watchedQueues(env), ...watchedTables(env), ...watchedPrograms(env, redis)],
      clock,
      log,
      ...SCRAPE,
    }),
    health: health({
      probes: probesOf(env, services, redis),
      clock,
      log,
      deadlineMs: PROBE_DEADLINE_MS,
      concurrency: PROBE_CONCURRENCY,
      serviceId: `${prefix(env)}adapter`,
      description: 'What the adapter stands on',
    }),
    send: logSender({ queue: logsQueue(env), clock }),
    store: logStore({ table: logsTable(env), keepMs: KEEP_MS }),
    clock,
  });
};

const familiesOf = ({ entryCounts, unparsedCount }: Normalised): readonly MetricFamily[] => [
  {
    name: 'log_entries',
    help: 'Entries that were stored, by format.',
    type: 'gauge',
    samples: Object.entries(entryCounts).map(([format, value]) => ({ labels: { format }, value })),
  },
  {
    name: 'log_entries_unparsed',
    help: 'Entries whose line was not of its format.',
    type: 'gauge',
    samples: [{ value: unparsedCount }],
  },
];

/** What turns lines into entries, and tells CloudWatch of them by the function's log. */
export const wireNormaliser = (env: Environment) => {
  const { clock, log } = shellServices(env);
  const normalise = normaliser({ store: logStore({ table: logsTable(env), keepMs: KEEP_MS }) });
  const dimensions = { service: variable(env, 'SERVICE'), stage: variable(env, 'STAGE') };
  const measured = async (message: ReceivedMessage): Promise<void> => {
    const families = familiesOf(await normalise(message));
    const { lines } = embeddedMetrics(families, { namespace: 'adapter', atMs: clock.nowMs(), dimensions });
    for (const line of lines) process.stdout.write(`${line}\n`);
  };
  return { normalise: measured, log };
};
