import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { HealthReport } from '#single-node/adapter/health';
import type { LogEntry } from '#single-node/adapter/log-entry';
import { askPatiently, http, until } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';
import { outputOf, testWith } from '../../../support/programs.ts';

const PATIENCE_MS = 60_000;
const TEST_MS = 2 * PATIENCE_MS;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const api = (path: string): string => `${place.info.apiUrl}/adapter${path}`;
/** All entries of a source; the day is that of the test's own lines. */
const entriesOf = async (source: string, day: string): Promise<readonly LogEntry[]> => {
  const found: LogEntry[] = [];
  let cursor: string | undefined;
  do {
    const more: string = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { json } = await http('GET', api(`/logs?day=${day}&source=${source}&limit=200${more}`));
    const page = json as { readonly entries: readonly LogEntry[]; readonly cursor?: string };
    found.push(...page.entries);
    ({ cursor } = page);
  } while (cursor !== undefined);
  return found;
};

const DAY = '2021-03-04';
const lineOf = (at: number): string =>
  JSON.stringify({ time: `${DAY}T05:06:07.${String(at).padStart(3, '0')}Z`, level: 'warn', msg: `line ${at}` });

test(
  'lines by HTTP become entries, each once, although the request is repeated',
  async () => {
    const source = `e2e-${randomUUID()}`;
    const lines = Array.from({ length: 250 }, (_, at) => lineOf(at));
    const headers = { 'idempotency-key': source };
    for (let times = 0; times < 2; times += 1)
      expect((await askPatiently('POST', api('/logs'), { body: { source, lines }, headers }, PATIENCE_MS)).status).toBe(
        202,
      );
    const entries = await until(
      () => entriesOf(source, DAY),
      ({ length }) => length >= lines.length,
      PATIENCE_MS,
      500,
    );
    expect(entries.map(({ data }) => data.message)).toEqual(lines.map((_, at) => `line ${249 - at}`));
    expect(entries[0]).toMatchObject({ specversion: '1.0', source, severitytext: 'warn', severitynumber: 13 });
  },
  TEST_MS,
);

test(
  'the same body by queue message becomes entries, and what is no batch is kept, marked',
  async () => {
    const source = `e2e-${randomUUID()}`;
    const QueueUrl = place.queue('adapter-logs');
    const send = (MessageBody: string) => place.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    await send(JSON.stringify({ source, lines: [lineOf(1), lineOf(2)] }));
    const [newest, ...others] = await until(
      () => entriesOf(source, DAY),
      ({ length }) => length >= 2,
      PATIENCE_MS,
      500,
    );
    expect([newest?.data.message, others.length]).toEqual(['line 2', 1]);
    const rubbish = `{"no": "batch ${source}`;
    await send(rubbish);
    const today = new Date().toISOString().slice(0, 10);
    const kept = await until(
      async () => (await entriesOf('unknown', today)).find(({ data }) => data.message === rubbish),
      (entry) => entry !== undefined,
      PATIENCE_MS,
      500,
    );
    expect(kept?.data).toEqual({ message: rubbish, format: 'message', unparsed: true });
  },
  TEST_MS,
);

test(
  'the page of metrics tells of the queues and tables of the stack, and that all could be read',
  async () => {
    // What is asked for the first time may be too late for the page.
    const { headers, text } = await until(
      () => http('GET', api('/metrics')),
      (page) => page.status === 200 && !/^adapter_source_up.* 0$/m.test(page.text),
      PATIENCE_MS,
      500,
    );
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toMatch(/^queue_messages\{queue="adapter-logs",state="visible"\} \d+$/m);
    expect(text).toMatch(/^table_size_bytes\{table="adapter-logs"\} \d+$/m);
    expect(text).toMatch(/^adapter_source_up.* 1$/m);
  },
  TEST_MS,
);

testWith('promtool')(
  'promtool has nothing to say of the page of metrics',
  async () => {
    expect(outputOf('promtool', ['check', 'metrics'], (await http('GET', api('/metrics'))).text)).toBe('');
  },
  TEST_MS,
);

test(
  'health is that of the table and the queues, which were asked',
  async () => {
    const { status, headers, json } = await http('GET', api('/health'));
    const { checks } = json as HealthReport;
    expect([status, headers.get('content-type')]).toEqual([200, 'application/health+json']);
    expect(checks['table:responseTime']?.[0]).toMatchObject({
      componentId: 'adapter-logs',
      observedUnit: 'ms',
      observedValue: expect.any(Number),
    });
    expect(checks['queue:depth']?.map(({ componentId }) => componentId)).toEqual([
      'adapter-logs',
      'adapter-logs-dead-letters',
    ]);
  },
  TEST_MS,
);
