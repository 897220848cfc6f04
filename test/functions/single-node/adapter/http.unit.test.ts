import { httpFunction } from '#http/http-function';
import { jsonLog } from '#primitives/json-log';
import { faults } from '#primitives/memory/faults';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { idempotency } from '#resilience/idempotency';
import { health, type HealthReport } from '#single-node/adapter/health';
import { queueProbe, tableProbe } from '#single-node/adapter/health-probes';
import type { LogEntry } from '#single-node/adapter/log-entry';
import { logSender } from '#single-node/adapter/log-sender';
import { logStore } from '#single-node/adapter/log-store';
import { metricsPage } from '#single-node/adapter/metrics-page';
import { normaliser } from '#single-node/adapter/normaliser';
import { queueStats } from '#single-node/adapter/queue-stats';
import { adapterApi } from '../../../../functions/single-node/adapter/api.ts';
import { adapterHandlers } from '../../../../functions/single-node/adapter/handlers.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

const stack = (rules: readonly FaultRule[] = []) => {
  const clock = memoryClock({ startMs: Date.parse('2026-11-25T12:00:00Z') });
  const random = seededRandom(1);
  const wire = memoryWire({ intercept: faults({ clock, random, rules }).intercept });
  const [queue, letters] = [memoryQueue({ name: 'logs', clock, wire }), memoryQueue({ name: 'dead', clock, wire })];
  const table = memoryTable({ name: 'entries', clock, wire });
  const store = logStore({ table, keepMs: 86_400_000 });
  const normalise = normaliser({ store });
  const limits = { clock, deadlineMs: 1_000, concurrency: 4 };
  const probes = [
    tableProbe({ table, componentId: 'entries', clock, random, warnMs: 500 }),
    queueProbe({ queue: letters, componentId: 'dead', warnCount: 0, required: false }),
  ];
  const handler = httpFunction({
    api: adapterApi,
    handlers: () =>
      adapterHandlers({
        metrics: metricsPage({ sources: [queueStats({ queue })], maxSeriesCount: 100, ...limits }),
        health: health({ probes, ...limits }),
        send: logSender({ queue, clock }),
        store,
        clock,
      }),
    services: () => ({
      clock,
      random,
      log: jsonLog({ clock, write: () => undefined }),
      idempotency: idempotency({
        table: memoryTable({ name: 'idempotency', clock }),
        clock,
        random,
        inProgressMs: 1_000,
        keepMs: 60_000,
      }),
    }),
  });
  const ask = async (method: string, path: string, options: Parameters<typeof httpEvent>[2] = {}) => {
    const {
      statusCode: status,
      headers,
      body,
    } = await clock.until(handler(httpEvent(method, path, options), httpContext()));
    return { status, headers, body };
  };
  const post = (body: unknown, key?: string) =>
    ask('POST', '/adapter/logs', { body, ...(key === undefined ? {} : { headers: [['idempotency-key', key]] }) });
  const logs = async (query: Record<string, string> = {}) => {
    const { status, body } = await ask('GET', '/adapter/logs', { query: Object.entries(query) });
    const page = JSON.parse(body) as { entries: readonly LogEntry[]; cursor?: string; errors?: object };
    return { status, ...page };
  };
  const drain = async (): Promise<number> => {
    const messages = await queue.receive({ maxCount: 10 });
    for (const message of messages) await normalise(message);
    return messages.length;
  };
  return { ask, post, logs, drain, letters, table };
};

test('metrics are a page for Prometheus', async () => {
  const { ask, post } = stack();
  await post({ lines: ['a'] });
  const { status, headers, body } = await ask('GET', '/adapter/metrics');
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(body).toContain('queue_messages{queue="logs",state="visible"} 1\n');
});

test('a queue that cannot be asked makes no page of problems', async () => {
  const { ask } = stack([{ kind: 'error', at: 'queue/logs' }]);
  const { status, body } = await ask('GET', '/adapter/metrics');
  expect(status).toBe(200);
  expect(body).toContain('adapter_source_up{source="queue/logs"} 0\n');
});

describe('health', () => {
  const statusOf = ({ body }: { readonly body: string }) => (JSON.parse(body) as HealthReport).status;

  test('is 200 as health+json for pass and for warn', async () => {
    const { ask, letters } = stack();
    const good = await ask('GET', '/adapter/health');
    expect([good.status, good.headers['content-type'], statusOf(good)]).toEqual([
      200,
      'application/health+json',
      'pass',
    ]);
    await letters.sendBatch([{ body: 'x' }]);
    const concerned = await ask('GET', '/adapter/health');
    expect([concerned.status, statusOf(concerned)]).toEqual([200, 'warn']);
  });

  test.each(['error', 'hang'] as const)(
    'is 503 with Retry-After when the table has an %s, and 200 after that',
    async (kind) => {
      const { ask } = stack([{ kind, at: 'table/entries', times: 1 }]);
      const bad = await ask('GET', '/adapter/health');
      expect([bad.status, bad.headers['content-type'], bad.headers['retry-after'], statusOf(bad)]).toEqual([
        503,
        'application/health+json',
        '5',
        'fail',
      ]);
      if (kind === 'error') expect((await ask('GET', '/adapter/health')).status).toBe(200);
    },
  );
});

describe('lines', () => {
  test('are accepted, and are entries when the queue was read', async () => {
    const { post, logs, drain } = stack();
    const { status, body } = await post({
      source: 'web',
      lines: ['one', '{"time":"2026-11-25T11:00:00Z","level":"warn","msg":"two"}'],
    });
    expect([status, JSON.parse(body)]).toEqual([202, { batchId: expect.stringMatching(/^[0-9a-f-]{36}$/), lines: 2 }]);
    await drain();
    const { entries } = await logs();
    expect(entries.map(({ data, source }) => [source, data.message])).toEqual([
      ['web', 'one'],
      ['web', 'two'],
    ]);
  });

  test('of one idempotency key are there once', async () => {
    const { post, logs, drain } = stack();
    const answers = [await post({ lines: ['one'] }, 'k'), await post({ lines: ['one'] }, 'k')];
    expect(answers[1]?.body).toBe(answers[0]?.body);
    expect(await drain()).toBe(1);
    expect((await logs()).entries).toHaveLength(1);
  });

  test('are found by day, source and severity, page by page', async () => {
    const { post, logs, drain } = stack();
    const line = (level: string, at: number) =>
      JSON.stringify({ time: `2026-11-25T00:00:${10 + at}Z`, level, msg: `${at}` });
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
    await post({ source: 'a', lines: levels.map(line) });
    await post({ source: 'b', lines: [line('info', 20), 'no severity'] });
    await drain();
    const messages = async (query: Record<string, string>) =>
      (await logs(query)).entries.map(({ data }) => data.message);
    expect(await messages({ severity: 'warn' })).toEqual(['5', '4', '3']);
    expect(await messages({ source: 'b' })).toEqual(['no severity', '20']);
    expect(await messages({ source: 'b', severity: 'trace' })).toEqual(['20']);
    expect(await messages({ day: '2026-11-24' })).toEqual([]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await logs({ limit: '3', source: 'a', ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.entries.map(({ data }) => data.message));
      ({ cursor } = page);
    } while (cursor !== undefined);
    expect(seen).toEqual(['5', '4', '3', '2', '1', '0']);
  });

  test.each([
    ['no lines', {}],
    ['an empty list', { lines: [] }],
    ['a line that is no text', { lines: [1] }],
    ['more than 1 000', { lines: Array.from({ length: 1_001 }, () => '') }],
    ['a format that there is not', { lines: ['a'], format: 'xml' }],
    ['a source with a space', { lines: ['a'], source: 'a b' }],
    ['a batch id, which is the stack’s', { lines: ['a'], batchId: 'x' }],
  ])('of %s are refused', async (_, body) => {
    expect((await stack().post(body)).status).toBe(400);
  });

  test.each([
    { day: 'yesterday' },
    { day: '2026-13-01' },
    { severity: 'bad' },
    { source: 'a b' },
    { limit: '0' },
    { limit: '201' },
    { cursor: 'x' },
    { cursor: '\0' },
    { what: '1' },
  ])('a question that cannot be answered is refused: %j', async (query) => {
    const { status, errors } = await stack().logs(query);
    expect([status, Object.keys(errors ?? {})]).toEqual([400, Object.keys(query)]);
  });

  test('when the queue is away it is 503, and nothing is accepted', async () => {
    const { post, logs, drain } = stack([{ kind: 'error', at: 'queue/logs', times: 1 }]);
    expect((await post({ lines: ['one'] })).status).toBe(503);
    await drain();
    expect((await logs()).entries).toEqual([]);
  });
});
