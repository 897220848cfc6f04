import { freePort } from '../../../../localstack/free-port.ts';
import type { HealthReport } from '#single-node/adapter/health';
import type { LogEntry } from '#single-node/adapter/log-entry';
import { http, until } from '../../../support/http.ts';
import { outputOf, testWith } from '../../../support/programs.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 60_000;
/** Only the tests of a real Redis start one. */
const testWithRedis = testWith('redis-server');

let stack: TestStack;
let redisPort: number;
beforeAll(async () => {
  redisPort = await freePort();
  const AWS_PORT = `${await freePort()}`;
  stack = await startTestStack({
    env: {
      AWS_PORT,
      VISIBILITY_TIMEOUT_S: '6',
      REDIS_ADDRESS: `127.0.0.1:${redisPort}`,
      STATS_URL: `http://127.0.0.1:${AWS_PORT}/_stack/calls`,
    },
  });
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const api = (path: string): string => `${stack.info.apiUrl}/adapter${path}`;
const metrics = async (): Promise<string> => (await http('GET', api('/metrics'))).text;
const redisHealth = async () => {
  const { status, json } = await http('GET', api('/health'));
  const { checks } = json as HealthReport;
  return { status, redis: checks['redis:responseTime']?.[0]?.status };
};
const withRedis = async (work: (redis: TestRedis) => Promise<void>): Promise<void> => {
  const redis = await startRedis(redisPort);
  try {
    await work(redis);
  } finally {
    await redis.stop();
  }
};

test(
  'a Redis that is not there is told as down, and health is 503 with the reason; the rest is as it was',
  async () => {
    const text = await metrics();
    expect(text).toContain('adapter_source_up{source="redis"} 0\n');
    expect(text).toContain('adapter_source_up{source="queue/adapter-logs"} 1\n');
    expect(await redisHealth()).toEqual({ status: 503, redis: 'fail' });
  },
  PATIENCE_MS,
);

test(
  'statistics that are JSON are metrics by their mapping',
  async () => {
    expect(await metrics()).toMatch(/^stack_api_calls_total\{operation="sqs.GetQueueAttributes"\} \d+$/m);
  },
  PATIENCE_MS,
);

testWithRedis(
  'a real Redis: its INFO becomes metrics, and its health is measured by a real query',
  () =>
    withRedis(async ({ use }) => {
      await use(async (command) => {
        await command('SET', 'k', 'v');
        await command('GET', 'none');
        await command('LPUSH', 'k', 'x').catch(() => undefined);
      });
      const text = await metrics();
      expect(text).toContain('adapter_source_up{source="redis"} 1\n');
      expect(text).toContain('adapter_source_unparsed_values{source="redis"} 0\n');
      expect(text).toMatch(/^redis_instance_info\{version="\d+\.\d+\.\d+",.*\} 1$/m);
      expect(text).toMatch(/^redis_command_calls_total\{command="set"\} \d+$/m);
      expect(text).toContain('redis_errors_total{error="WRONGTYPE"} 1\n');
      expect(await redisHealth()).toEqual({ status: 200, redis: expect.stringMatching(/^(pass|warn)$/) });
    }),
  PATIENCE_MS,
);

testWith('promtool')(
  'promtool has nothing to say of a page with everything on it',
  async () => {
    expect(outputOf('promtool', ['check', 'metrics'], await metrics())).toBe('');
  },
  PATIENCE_MS,
);

testWithRedis(
  'promtool has nothing to say of a page with a real Redis on it, whose slow log becomes entries',
  () =>
    withRedis(async ({ use }) => {
      const hostile = '"\\\n\r\n\u0000 é} 1';
      const slow = await use(async (command) => {
        await command('SET', 'secret', hostile);
        return command('SLOWLOG', 'GET', '10');
      });
      const lines = (Array.isArray(slow) ? slow : []).map((entry: unknown) => JSON.stringify(entry));
      const body = { source: 'redis-1', format: 'redis-slowlog', lines };
      expect((await http('POST', api('/logs'), { body })).status).toBe(202);
      const ask = async () =>
        ((await http('GET', api('/logs?source=redis-1'))).json as { readonly entries: readonly LogEntry[] }).entries;
      const entries = await until(ask, ({ length }) => length >= lines.length, PATIENCE_MS, 250);
      const set = entries.find(({ data }) => data.message.startsWith('SET'));
      expect(set?.data).toMatchObject({ format: 'redis-slowlog', fields: { command: ['SET', 'secret', hostile] } });
      expect(entries.some(({ data }) => data.unparsed)).toBe(false);
    }),
  2 * PATIENCE_MS,
);
