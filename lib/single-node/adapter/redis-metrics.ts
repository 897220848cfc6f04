import type { MetricFamily } from './metric.ts';

/** How one field of INFO becomes a sample. */
export interface InfoField {
  readonly name: string;
  readonly help: string;
  readonly type: MetricFamily['type'];
  readonly labels?: Readonly<Record<string, string>>;
  /** The field's unit in base units; default 1. */
  readonly scale?: number;
  /** The field is a word: 1 when it is this one, else 0. */
  readonly word?: string;
}

const gauge = (name: string, help: string, more: Partial<InfoField> = {}): InfoField => ({
  name: `redis_${name}`,
  help,
  type: 'gauge',
  ...more,
});
const counter = (name: string, help: string, more: Partial<InfoField> = {}): InfoField => ({
  name: `redis_${name}_total`,
  help,
  type: 'counter',
  ...more,
});
const cpu = (mode: string): InfoField =>
  counter('cpu_seconds', 'CPU time of the server, by mode.', { labels: { mode } });

const MICROSECONDS = 1e-6;
const MILLISECONDS = 1e-3;

/**
 * The fields of INFO that are metrics, by name. What a version does not have is not there; what is not named here is not
 * looked at.
 *
 * @see https://redis.io/docs/latest/commands/info/
 */
export const INFO_FIELDS: ReadonlyMap<string, InfoField> = new Map(
  Object.entries({
    uptime_in_seconds: gauge('uptime_seconds', 'Time since the server started.'),
    connected_clients: gauge('connected_clients', 'Clients, replicas not counted.'),
    blocked_clients: gauge('blocked_clients', 'Clients that wait for a blocking command.'),
    maxclients: gauge('max_clients', 'Clients that the server takes at most.'),
    used_memory: gauge('memory_used_bytes', 'Memory that the server has allocated.'),
    used_memory_rss: gauge('memory_resident_bytes', 'Memory of the process as the system sees it.'),
    used_memory_peak: gauge('memory_peak_bytes', 'The most memory that was ever allocated.'),
    maxmemory: gauge('memory_limit_bytes', 'Memory that the server may use; 0: no limit.'),
    mem_fragmentation_ratio: gauge('memory_fragmentation_ratio', 'Resident memory by allocated memory.'),
    loading: gauge('loading', 'Whether a dump is being loaded, 1 or 0.'),
    rdb_changes_since_last_save: gauge('unsaved_changes', 'Changes since the last dump.'),
    rdb_last_save_time: gauge('last_save_timestamp_seconds', 'When the last dump was made, since the epoch.'),
    rdb_last_bgsave_status: gauge('last_save_ok', 'Whether the last dump succeeded, 1 or 0.', { word: 'ok' }),
    aof_enabled: gauge('aof_enabled', 'Whether there is an append-only file, 1 or 0.'),
    aof_last_write_status: gauge('aof_last_write_ok', 'Whether the last write to the append-only file succeeded.', {
      word: 'ok',
    }),
    total_connections_received: counter('connections_received', 'Connections accepted.'),
    total_commands_processed: counter('commands_processed', 'Commands processed.'),
    total_net_input_bytes: counter('net_input_bytes', 'Bytes read from the network.'),
    total_net_output_bytes: counter('net_output_bytes', 'Bytes written to the network.'),
    rejected_connections: counter('rejected_connections', 'Connections refused because of the limit of clients.'),
    expired_keys: counter('expired_keys', 'Keys that have expired.'),
    evicted_keys: counter('evicted_keys', 'Keys evicted because of the limit of memory.'),
    keyspace_hits: counter('keyspace_hits', 'Lookups that found a key.'),
    keyspace_misses: counter('keyspace_misses', 'Lookups that found none.'),
    total_error_replies: counter('error_replies', 'Replies that were errors.'),
    pubsub_channels: gauge('pubsub_channels', 'Channels with subscribers.'),
    latest_fork_usec: gauge('latest_fork_seconds', 'How long the latest fork took.', { scale: MICROSECONDS }),
    connected_slaves: gauge('connected_replicas', 'Replicas that are connected.'),
    master_repl_offset: gauge('replication_offset_bytes', 'How far the replication stream is.'),
    master_link_status: gauge('master_link_up', 'Whether this replica is connected to its master, 1 or 0.', {
      word: 'up',
    }),
    master_last_io_seconds_ago: gauge('master_last_io_seconds', 'Time since this replica heard of its master.'),
    used_cpu_sys: cpu('system'),
    used_cpu_user: cpu('user'),
    used_cpu_sys_children: cpu('system_children'),
    used_cpu_user_children: cpu('user_children'),
    cluster_enabled: gauge('cluster_enabled', 'Whether cluster mode is on, 1 or 0.'),
  } satisfies Record<string, InfoField>),
);

/** Fields that come once for each of something: `db0:keys=…`, `cmdstat_get:calls=…`, `errorstat_ERR:count=…`. */
export interface InfoGroup {
  readonly prefix: string;
  /** Whether the prefix is a part of the label's value: `db0`. */
  readonly keepsPrefix?: boolean;
  readonly label: string;
  readonly parts: Readonly<Record<string, InfoField>>;
}

export const INFO_GROUPS: readonly InfoGroup[] = [
  {
    prefix: 'db',
    keepsPrefix: true,
    label: 'db',
    parts: {
      keys: gauge('db_keys', 'Keys in the database.'),
      expires: gauge('db_expiring_keys', 'Keys with an expiry in the database.'),
      avg_ttl: gauge('db_average_ttl_seconds', 'Average time to live of the keys with an expiry.', {
        scale: MILLISECONDS,
      }),
    },
  },
  {
    prefix: 'cmdstat_',
    label: 'command',
    parts: {
      calls: counter('command_calls', 'Calls of the command.'),
      usec: counter('command_seconds', 'CPU time that the command has taken.', { scale: MICROSECONDS }),
      rejected_calls: counter('command_rejected_calls', 'Calls that were refused before they ran.'),
      failed_calls: counter('command_failed_calls', 'Calls that ended in an error.'),
    },
  },
  {
    prefix: 'errorstat_',
    label: 'error',
    parts: { count: counter('errors', 'Error replies, by the first word of the error.') },
  },
];
