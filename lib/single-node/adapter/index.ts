/** The adapter (Burns, chapter 5): different insides, one outside, for metrics, logs and health. */
export { embeddedMetrics, type EmbeddedMetricsOptions } from './embedded-metrics.ts';
export { PROMETHEUS_TEXT, prometheusText } from './exposition.ts';
export { fetchText } from './fetch-text.ts';
export {
  health,
  HEALTH_JSON,
  type HealthCheck,
  type HealthOptions,
  type HealthProbe,
  type HealthReport,
  type HealthStatus,
  type Observation,
} from './health.ts';
export { queueProbe, redisProbe, tableProbe } from './health-probes.ts';
export { jsonStats, type JsonMetric, type JsonStatsOptions } from './json-stats.ts';
export { parseLogBatch, type LogBatch } from './log-batch.ts';
export { severityNumber, type LogEntry } from './log-entry.ts';
export { LOG_FORMATS, SEVERITIES, type LogFormat, type ParsedLine, type Severity } from './log-line.ts';
export { logSender, type LogSender } from './log-sender.ts';
export { logStore, type LogPage, type LogStore } from './log-store.ts';
export { checkFamily, type MetricFamily, type MetricSource, type Reading, type Sample } from './metric.ts';
export { metricsPage, type MetricsPageOptions } from './metrics-page.ts';
export { normaliser, type Normalised } from './normaliser.ts';
export { queueStats } from './queue-stats.ts';
export { readLine, type ReadLine } from './read-line.ts';
export { redisClient, type RedisCommand, type RedisOptions, type UseRedis } from './redis-client.ts';
export { redisInfo } from './redis-info.ts';
export { redisStats } from './redis-stats.ts';
export type { RedisError, Reply } from './resp.ts';
export { tableStats, type TableAttributes } from './table-stats.ts';
