import fc from 'fast-check';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { ReceivedMessage } from '#primitives/queue';
import { LOG_FORMATS, type LogFormat } from '#single-node/adapter/log-line';
import type { LogEntry } from '#single-node/adapter/log-entry';
import { logSender } from '#single-node/adapter/log-sender';
import { logStore } from '#single-node/adapter/log-store';
import { normaliser } from '#single-node/adapter/normaliser';
import { readLine } from '#single-node/adapter/read-line';

const NGINX = '127.0.0.1 - - [25/Nov/2026:22:46:54 +0000] "GET / HTTP/1.1" 200 3 "-" "curl/7.88.1"';
const SYSLOG = '<14>1 2026-11-25T22:46:55Z host app - - - a message';
const SLOWLOG = '[1,1795646813,15000,["KEYS","*"]]';
const JSON_LINE = '{"level":"error","time":"2026-11-25T22:46:56Z","msg":"broken"}';
const DAY_MS = 86_400_000;

const place = () => {
  const clock = memoryClock({ startMs: Date.parse('2026-11-25T23:00:00Z') });
  const wire = memoryWire();
  const queue = memoryQueue({ name: 'logs', clock, wire });
  const table = memoryTable({ name: 'logs', clock, wire });
  const store = logStore({ table, keepMs: 30 * DAY_MS });
  const normalise = normaliser({ store });
  const send = logSender({ queue, clock });
  /** Gives what waits to the normaliser, as it is delivered. */
  const drain = async (): Promise<readonly ReceivedMessage[]> => {
    const messages = await queue.receive({ maxCount: 10 });
    for (const message of messages) await normalise(message);
    await queue.deleteBatch(messages.map(({ receipt }) => receipt));
    return messages;
  };
  const entries = (): readonly LogEntry[] =>
    table
      .dump()
      .flatMap(({ fields }) =>
        fields['entry'] === undefined ? [] : [JSON.parse(fields['entry'] as string) as LogEntry],
      );
  return { clock, wire, queue, table, store, normalise, send, drain, entries };
};

const message = (body: string, id = 'm1'): ReceivedMessage => ({
  id,
  receipt: 'r',
  body,
  attributes: {},
  receiveCount: 1,
  sentAtMs: Date.parse('2026-11-25T23:00:00Z'),
});
const batch = (lines: readonly string[], more: object = {}): string => JSON.stringify({ source: 's', lines, ...more });

test('what was accepted becomes entries of one schema, by the format of each line', async () => {
  const { send, drain, entries } = place();
  const lines = [NGINX, SYSLOG, SLOWLOG, JSON_LINE, 'just text'];
  await send(
    { source: 'web-1', format: 'auto', identity: 'batch', lines, batchId: 'b' },
    `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  );
  await drain();
  const all = entries().toSorted((one, other) => (one.id < other.id ? -1 : 1));
  expect(all.map(({ data, severitytext, time }) => [data.format, severitytext, time])).toEqual([
    ['nginx', 'info', '2026-11-25T22:46:54.000Z'],
    ['syslog', 'info', '2026-11-25T22:46:55.000Z'],
    ['redis-slowlog', 'warn', '2026-11-25T22:46:53.000Z'],
    ['json', 'error', '2026-11-25T22:46:56.000Z'],
    ['text', undefined, '2026-11-25T23:00:00.000Z'],
  ]);
  expect(all[3]).toEqual({
    specversion: '1.0',
    id: expect.stringMatching(/^00003-[\w-]{22}$/),
    source: 'web-1',
    type: 'distributed-patterns.log',
    time: '2026-11-25T22:46:56.000Z',
    datacontenttype: 'application/json',
    severitytext: 'error',
    severitynumber: 17,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    data: { message: 'broken', format: 'json', fields: JSON.parse(JSON_LINE) },
  });
});

test.each(LOG_FORMATS.filter((format) => format !== 'text'))(
  'a line that was said to be %s and is not is kept as it is, and marked',
  async (format) => {
    const { normalise, entries } = place();
    const { unparsedCount } = await normalise(message(batch(['what is this?'], { format })));
    expect(unparsedCount).toBe(1);
    expect(entries()[0]?.data).toEqual({ message: 'what is this?', format, unparsed: true });
  },
);

test.each([
  ['no JSON', 'hello'],
  ['no batch', '{"lines":"hello"}'],
  ['a line that is no text', '{"lines":["a",1]}'],
  ['a format that there is not', '{"lines":["a"],"format":"xml"}'],
  ['a source that is none', '{"lines":["a"],"source":"a b"}'],
  ['a field that is not known', '{"lines":["a"],"retries":3}'],
  ['a batch id that no key can have', '{"lines":["a"],"batchId":"\\ud800"}'],
  ['a batch id that could be that of another source', '{"lines":["a"],"batchId":"b/c"}'],
  ['a list', '[]'],
])('a message of %s is kept as one entry, and marked', async (_, body) => {
  const { normalise, entries } = place();
  expect(await normalise(message(body))).toEqual({ entryCounts: { message: 1 }, unparsedCount: 1 });
  expect(entries().map(({ data }) => data)).toEqual([{ message: body, format: 'message', unparsed: true }]);
});

test('a batch of no lines is nothing, and costs no write', async () => {
  const { normalise, wire } = place();
  await normalise(message(batch([])));
  expect(wire.counts()).toEqual({});
});

describe('what makes two lines one', () => {
  test('a batch that comes again, by delivery or by its id, leaves the entries that it left', async () => {
    const { normalise, entries } = place();
    const lines = [NGINX, 'text', 'text'];
    await normalise(message(batch(lines)));
    await normalise(message(batch(lines)));
    expect(entries()).toHaveLength(3);
    await normalise(message(batch(lines, { batchId: 'b', receivedAtMs: 5 }), 'm2'));
    await normalise(message(batch(lines, { batchId: 'b', receivedAtMs: 86_400_000 }), 'm3'));
    expect(entries()).toHaveLength(6);
  });

  test('the same line in another batch, or from another source, is another', async () => {
    const { normalise, entries } = place();
    await normalise(message(batch([NGINX]), 'm1'));
    await normalise(message(batch([NGINX]), 'm2'));
    await normalise(message(batch([NGINX], { source: 't' }), 'm1'));
    expect(new Set(entries().map(({ id }) => id)).size).toBe(3);
  });

  test('by content: what a shipper sends again in another batch is there once, and what was written twice twice', async () => {
    const { normalise, entries } = place();
    const again = (lines: readonly string[], id: string) =>
      normalise(message(batch(lines, { identity: 'content' }), id));
    await again([NGINX, NGINX, JSON_LINE], 'm1');
    await again([JSON_LINE, NGINX, NGINX], 'm2');
    expect(entries()).toHaveLength(3);
    // A line without a time of its own is one of its batch.
    await again(['text'], 'm3');
    await again(['text'], 'm4');
    expect(entries()).toHaveLength(5);
  });

  test('two lone surrogates that UTF-8 writes alike are two lines', async () => {
    const { normalise, entries } = place();
    const of = (unit: string) => `{"time":"2026-11-25T00:00:00Z","msg":"${unit}"}`;
    await normalise(message(batch([of('\ud800'), of('\ud801')], { identity: 'content' })));
    expect(entries()).toHaveLength(2);
  });
});

describe('hostile lines', () => {
  const long = 64 * 1_024;
  const lines: readonly (readonly [string, string])[] = [
    ['64 KiB of one letter', 'a'.repeat(long)],
    ['64 KiB of NUL', '\0'.repeat(long)],
    ['64 KiB of quotes', '"'.repeat(long)],
    ['64 KiB of backslashes', '\\'.repeat(long)],
    ['64 KiB of brackets', '['.repeat(long)],
    ['64 KiB of braces', '{"a":'.repeat(long / 5)],
    ['64 KiB of spaces and brackets', ' ['.repeat(long / 2)],
    ['lone surrogates', '\ud800\udfff\ud800'],
    ['control characters and escapes of terminals', '\u001b[2J\u0007\r\n\u0000'],
    ['nothing', ''],
    [
      'an nginx line whose user agent is 64 KiB of escapes',
      NGINX.replace('curl/7.88.1', String.raw`\x22`.repeat(long / 4)),
    ],
    [
      'an nginx line whose user is many times',
      NGINX.replace('- - [', `- ${' [25/Nov/2026:22:46:54 +0000'.repeat(2_000)} [`),
    ],
    ['a syslog line of 10 000 parameters', `<14>1 - - - - - [x${' a="1"'.repeat(10_000)}] m`],
    ['a syslog value of 64 KiB of escapes', `<14>1 - - - - - [x a="${String.raw`\"`.repeat(long / 2)}"] m`],
    ['a syslog line of many elements', `<14>1 - - - - - ${'[x]'.repeat(20_000)} m`],
    ['a slow command of 10 000 words', `[1,1,1,[${'"a",'.repeat(10_000)}"a"]]`],
    ['an object of 10 000 names', `{${Array.from({ length: 10_000 }, (_, at) => `"${at}":1`).join()}}`],
  ];
  test.each(lines)('%s is kept, whatever format it is said to be of', async (_, line) => {
    for (const format of ['auto', ...LOG_FORMATS] as const) {
      const { normalise, entries, queue, clock } = place();
      await logSender({ queue, clock })({ source: 's', format, identity: 'content', lines: [line], batchId: 'b' });
      for (const received of await queue.receive({ maxCount: 1 })) await normalise(received);
      expect(entries()).toHaveLength(1);
      expect(entries()[0]?.data.message.isWellFormed()).toBe(true);
    }
  });

  test('what would not fit into a record is cut, and says how long it was', async () => {
    const { normalise, entries } = place();
    const line = JSON.stringify({ msg: 'short', blob: '\u0001'.repeat(100_000) });
    await normalise(message(batch(['\0'.repeat(150_000), line])));
    const [nul, json] = entries().toSorted((one, other) => (one.id < other.id ? -1 : 1));
    expect([nul?.data.cutFrom, nul?.data.message.length]).toEqual([150_000, 40_000]);
    expect(json?.data).toMatchObject({ format: 'json', cutFrom: line.length, message: line.slice(0, 40_000) });
    expect(json?.data).not.toHaveProperty('fields');
  });

  test('a time outside of what a table sorts by is when the line came', async () => {
    const { normalise, entries } = place();
    const times = ['9999-12-31T23:59:59-23:59', '1970-01-01T00:00:00+23:59', '1969-12-31T23:59:59Z'];
    await normalise(message(batch(times.map((time) => JSON.stringify({ time })))));
    expect(entries().map(({ time }) => time)).toEqual(times.map(() => '2026-11-25T23:00:00.000Z'));
  });

  test('any text in any format is read or marked, in steps that grow with its length', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        NGINX,
        SYSLOG,
        SLOWLOG,
        JSON_LINE,
        ' [',
        '] "',
        '"',
        '\\',
        '<14>',
        '<14>1 ',
        ' - ',
        '[',
        ']',
        '{',
        '}',
        '\\x2',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.constantFrom<LogFormat | 'auto'>('auto', ...LOG_FORMATS),
        (pieces, format) => {
          const line = pieces.join('');
          const { parsed, isUnparsed } = readLine(line, format, 0);
          if (isUnparsed) expect(parsed).toEqual({ message: line });
          if (format === 'auto' || format === 'text') expect(isUnparsed).toBe(false);
        },
      ),
    );
  });
});

describe('the store', () => {
  const filled = async (count: number) => {
    const made = place();
    const lines = Array.from({ length: count }, (_, at) =>
      JSON.stringify({
        time: Date.parse('2026-11-25T00:00:00Z') + (at >> 2) * 1_000,
        msg: `${at}`,
        level: at % 3 === 0 ? 'error' : 'info',
      }),
    );
    await made.normalise(message(batch(lines)));
    return made;
  };
  const all = async (store: ReturnType<typeof logStore>, limit: number, filter?: (entry: LogEntry) => boolean) => {
    const seen: number[] = [];
    let before: string | undefined;
    let pages = 0;
    do {
      const page = await store.page({
        day: '2026-11-25',
        limit,
        ...(before === undefined ? {} : { before }),
        ...(filter === undefined ? {} : { filter }),
      });
      seen.push(...(page?.entries ?? []).map(({ data }) => Number(data.message)));
      before = page?.next;
      pages += 1;
    } while (before !== undefined && pages < 1_000);
    return seen;
  };
  const newestFirst = (count: number) => Array.from({ length: count }, (_, at) => count - 1 - at);

  test.each([1, 7, 100, 1_000])(
    'pages of %i hold every entry once, newest first, those of one instant in their order',
    async (limit) => {
      const { store } = await filled(300);
      expect(await all(store, limit)).toEqual(newestFirst(300));
    },
  );

  test('pages that end early, as those of DynamoDB do, are put together right', async () => {
    const { store, table } = await filled(200);
    let turn = 0;
    const early: typeof table = {
      ...table,
      query: (options) => {
        turn += 1;
        return table.query({ ...options, limit: Math.min(options.limit ?? 1_000, 1 + ((turn * 7) % 11)) });
      },
    };
    expect(await all(store, 1_000)).toEqual(newestFirst(200));
    expect(await all(logStore({ table: early, keepMs: DAY_MS }), 100)).toEqual(newestFirst(200));
  });

  test('a page is at most 1 MB, and one entry at least', async () => {
    const { normalise, store } = place();
    const time = '2026-11-25T00:00:00Z';
    const lines = Array.from({ length: 30 }, (_, at) =>
      JSON.stringify({ time, msg: `${at}`, blob: 'x'.repeat(200_000) }),
    );
    await normalise(message(JSON.stringify({ lines })));
    const page = await store.page({ day: '2026-11-25', limit: 1_000 });
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(1_010_000);
    expect(await all(store, 1_000)).toEqual(newestFirst(30));
  });

  test('a filter leaves out, and the pages go on', async () => {
    const { store } = await filled(100);
    const errors = await all(store, 10, ({ severitytext }) => severitytext === 'error');
    expect(errors).toEqual(newestFirst(100).filter((at) => at % 3 === 0));
  });

  test('entries are written a hundred to a call, one alone by a put; a batch with an id is one more, a page is four', async () => {
    const { normalise, wire, store } = place();
    await normalise(message(batch(Array.from({ length: 250 }, () => 'x'))));
    expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 3 });
    wire.resetCounts();
    await normalise(message(batch(['x']), 'm2'));
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
    wire.resetCounts();
    await normalise(message(batch(['x', 'y'], { batchId: 'b' }), 'm3'));
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1, 'dynamodb.TransactWriteItems': 1 });
    wire.resetCounts();
    await store.page({ day: '2026-11-25', limit: 100 });
    expect(wire.counts()).toEqual({ 'dynamodb.Query': 4 });
  });

  test('long entries are written in calls of less than 4 MB', async () => {
    const { normalise, wire, entries } = place();
    const line = 'x'.repeat(200_000);
    await normalise(message(JSON.stringify({ lines: Array.from({ length: 40 }, () => line) })));
    expect(entries()).toHaveLength(40);
    expect(wire.counts()['dynamodb.TransactWriteItems']).toBe(3);
  });

  test('another day has other entries, and what is no day or no cursor of it has none', async () => {
    const { store } = await filled(3);
    expect(await store.page({ day: '2026-11-24', limit: 10 })).toEqual({ entries: [] });
    const { next = '' } = (await store.page({ day: '2026-11-25', limit: 1 })) ?? {};
    for (const [day, before] of [
      ['yesterday', undefined],
      ['2026-11-24', next],
      ['2026-11-25', 'x'],
      ['2026-11-25', `${next}x`],
    ] as const)
      expect(await store.page({ day, limit: 1, ...(before === undefined ? {} : { before }) })).toBeUndefined();
  });
});

test('a queue that does not take the lines is an error of ours, so that the client comes again', async () => {
  const { clock, queue } = place();
  const full = { ...queue, sendBatch: async () => [{ ok: false, reason: 'no', retryable: true } as const] };
  const sending = logSender({ queue: full, clock })({
    source: 's',
    format: 'auto',
    identity: 'batch',
    lines: ['x'],
    batchId: 'b',
  });
  await expect(sending).rejects.toMatchObject({ code: 'primitives/unavailable', retryable: true });
});
