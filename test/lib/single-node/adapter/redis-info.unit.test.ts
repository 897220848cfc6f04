import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { prometheusText } from '#single-node/adapter/exposition';
import { checkFamily, type Reading } from '#single-node/adapter/metric';
import { redisInfo } from '#single-node/adapter/redis-info';
import { INFO_FIELDS, INFO_GROUPS } from '#single-node/adapter/redis-metrics';

const RECORDED = readFileSync(path.join(import.meta.dirname, 'fixtures/redis-7.0-info.txt'), 'utf8');

const linesOf = ({ families }: Reading): readonly string[] =>
  prometheusText(families)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

test('what a redis-server 7.0 said becomes metrics in base units', () => {
  const reading = redisInfo(RECORDED);
  expect(reading.unparsedCount).toBe(0);
  const lines = linesOf(reading);
  expect(lines).toEqual(
    expect.arrayContaining([
      'redis_instance_info{version="7.0.15",mode="standalone",role="master"} 1',
      'redis_uptime_seconds 2',
      'redis_connected_clients 1',
      'redis_memory_used_bytes 1067048',
      'redis_commands_processed_total 9',
      'redis_cpu_seconds_total{mode="system"} 0.008473',
      'redis_last_save_ok 1',
      'redis_db_keys{db="db0"} 3',
      'redis_db_keys{db="db3"} 1',
      'redis_db_average_ttl_seconds{db="db0"} 99.795',
      'redis_command_calls_total{command="config|set"} 1',
      'redis_command_failed_calls_total{command="lpush"} 1',
      'redis_errors_total{error="WRONGTYPE"} 1',
    ]),
  );
  expect(new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(lines.length);
});

test('every metric of Redis is one that Prometheus takes', () => {
  const fields = [...INFO_FIELDS.values(), ...INFO_GROUPS.flatMap(({ parts }) => Object.values(parts))];
  for (const field of fields) expect(() => checkFamily(field, Object.keys(field.labels ?? {}))).not.toThrow();
});

// The shapes that other versions write, after their documentation: 2.8 to 5 have fewer parts, 7.4 has more.
test.each([
  [
    '2.8',
    'redis_version:2.8.24\r\nused_memory:100\r\ndb0:keys=1,expires=0\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2.00\r\n',
  ],
  [
    '7.4',
    '# Keyspace\r\nredis_version:7.4.1\r\nused_memory:100\r\ndb0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2.00,rejected_calls=0,failed_calls=0\r\n',
  ],
  [
    'Valkey 8',
    'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:standalone\r\nused_memory:100\r\ndb0:keys=1,expires=0,avg_ttl=0\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2.00\r\n',
  ],
  [
    'a proxy that ends lines with LF',
    'redis_version:6.2.0\nused_memory:100\ndb0:keys=1,expires=0\ncmdstat_get:calls=1,usec=2\n',
  ],
])('the shape of %s is read', (_, text) => {
  const reading = redisInfo(text);
  expect(reading.unparsedCount).toBe(0);
  expect(linesOf(reading)).toEqual(
    expect.arrayContaining([
      'redis_memory_used_bytes 100',
      'redis_db_keys{db="db0"} 1',
      'redis_command_calls_total{command="get"} 1',
      'redis_command_seconds_total{command="get"} 0.000002',
    ]),
  );
});

test('a replica tells whether it is connected to its master', () => {
  const text = 'role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\n';
  expect(linesOf(redisInfo(text))).toEqual(['redis_master_link_up 0', 'redis_master_last_io_seconds -1']);
});

test('what cannot be read is counted, and hides nothing', () => {
  const text = [
    'no colon at all',
    ':no name',
    'used_memory:12 apples',
    'used_memory_rss:0x10',
    'uptime_in_seconds:',
    'blocked_clients:NaN',
    'maxclients:1\r\nmaxclients:2',
    'db0:keys',
    'cmdstat_get:calls=many,usec=5',
    'connected_clients:7',
  ].join('\r\n');
  const reading = redisInfo(text);
  expect(reading.unparsedCount).toBe(9);
  expect(linesOf(reading)).toEqual([
    'redis_max_clients 1',
    'redis_command_seconds_total{command="get"} 0.000005',
    'redis_connected_clients 7',
  ]);
});

test('a server that makes ever new errors makes a bounded number of series, and the rest is counted', () => {
  const text = Array.from({ length: 1_000 }, (_, at) => `errorstat_E${at}:count=1`).join('\r\n');
  const reading = redisInfo(text, { maxSeriesCount: 10 });
  expect(linesOf(reading)).toHaveLength(10);
  expect(reading.unparsedCount).toBe(990);
  expect(() => redisInfo('', { maxSeriesCount: 0 })).toThrow("Expected 'maxSeriesCount'");
});

test('any text is read, to families that Prometheus takes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...INFO_FIELDS.keys(),
      'db0',
      'cmdstat_',
      'errorstat_',
      'redis_version',
      '=',
      ':',
      ',',
      '\r\n',
      '#',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.double().map(String),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      for (const family of redisInfo(pieces.join('')).families) {
        checkFamily(
          family,
          family.samples.flatMap(({ labels = {} }) => Object.keys(labels)),
        );
        for (const { value } of family.samples) expect(Number.isFinite(value)).toBe(true);
      }
    }),
  );
});
