import * as fc from 'fast-check';
import * as v from 'valibot';
import { PatternError } from '#primitives/errors';
import { formatLogLine, jsonLog } from '#primitives/json-log';
import type { LogFields, LogLevel } from '#primitives/log';
import { memoryClock } from '#primitives/memory/clock';
import { redact } from '#primitives/redaction';

const entry = v.record(v.string(), v.unknown());

const logged = (options: { level?: LogLevel; fields?: LogFields } = {}) => {
  const lines: string[] = [];
  const log = jsonLog({ write: (line) => void lines.push(line), clock: memoryClock({ startMs: 0 }), ...options });
  return { log, lines, last: () => v.parse(entry, JSON.parse(lines.at(-1) ?? '')) };
};

test('an entry is one line of JSON: time, level, message, then the fields', () => {
  const { log, lines } = logged({ fields: { service: 's' } });
  log.child({ traceId: 't' }).info('hello\nworld', { count: 1 });
  expect(lines).toEqual([
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"hello\\nworld","service":"s","traceId":"t","count":1}',
  ]);
});

test('what is under the level is not written', () => {
  const { log, lines } = logged({ level: 'warn' });
  log.debug('a');
  log.info('b');
  log.child({}).info('c');
  log.warn('d');
  log.error('e');
  expect(lines.map((line) => v.parse(entry, JSON.parse(line))['message'])).toEqual(['d', 'e']);
  expect(() => jsonLog({ write: () => undefined, clock: memoryClock(), level: 'loud' as LogLevel })).toThrow(
    "Expected 'level'",
  );
});

test('fields can’t pass for time, level or message', () => {
  const { log, last } = logged();
  log.warn('real', { message: 'false', level: 'info', time: 'never' });
  expect(last()).toMatchObject({ message: 'real', level: 'warn', message_: 'false', level_: 'info', time_: 'never' });
});

test('a field whose name the log has taken hides no other field', () => {
  const { log, last } = logged();
  log.warn('real', { message: 1, message_: 2, leftOut: 3 });
  expect(last()).toMatchObject({ message: 'real', message_: 1, message__: 2, leftOut_: 3 });
});

const CANARY = 'CANARY-7f3a';

test.each([
  'authorization',
  'Authorization',
  'x-api-key',
  'api key',
  'api/key',
  'apiKey',
  'adminToken',
  'access_token',
  'sessionToken',
  'password',
  'passwd',
  'db.password',
  'Set-Cookie',
  'clientSecret',
  'code',
  'otp',
  'pin',
  'idempotency-key',
  'Idempotency-Key',
  'privateKey',
  'credentials',
  'signature',
  'secretAccessKey',
])('the value of %s is never written, at any depth, in any container', (name) => {
  const { log, lines } = logged({ fields: { [name]: CANARY } });
  log.child({ [name]: CANARY }).error('x', {
    [name]: CANARY,
    list: [{ deeper: { [name]: { inner: CANARY } } }],
    map: new Map([[name, CANARY]]),
    error: new Error('outer', { cause: { [name]: CANARY } }),
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain(CANARY);
});

test('a bearer token is not written wherever it stands', () => {
  const { log, lines } = logged();
  log.error(`sent Bearer ${CANARY}`, {
    note: `authorization: bearer ${CANARY}`,
    error: new Error(`got Bearer ${CANARY}`),
  });
  expect(lines[0]).not.toContain(CANARY);
});

test('what only sounds like a secret is written', () => {
  const { log, last } = logged();
  log.info('x', { fencingToken: 7, statusCode: 200, exitCode: 1, key: 'k', author: 'a' });
  expect(last()).toMatchObject({ fencingToken: 7, statusCode: 200, exitCode: 1, key: 'k', author: 'a' });
});

test('errors are written with name, message, code, stack and cause', () => {
  const { log, last } = logged();
  log.error('x', { error: new PatternError('area/kind', 'outer', { cause: new TypeError('inner') }) });
  expect(last()['error']).toMatchObject({
    name: 'PatternError',
    code: 'area/kind',
    message: 'outer',
    cause: { name: 'TypeError', message: 'inner' },
  });
  expect(JSON.stringify(last()['error'])).toContain('json-log.unit.test');
});

test('lines are bounded: long texts, many entries, deep and circular values', () => {
  const { log, lines, last } = logged();
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  log.info('x', { text: 'y'.repeat(1_000_000), list: Array.from({ length: 10_000 }, () => 'z'), circle });
  log.info('x', Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`field${n}`, 'y'.repeat(2_000)])));
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(16_384);
  expect(last()['leftOut']).toContain('field39');
});

describe('of a line that would be too long', () => {
  const large = (chars: number) => Array.from({ length: Math.ceil(chars / 1_000) }, () => 'y'.repeat(1_000));

  test('only the largest fields are left out, and named, wherever they were added', () => {
    const { log, last } = logged({ fields: { service: 's', origin: large(20_000) } });
    log.child({ traceId: 't' }).error('x', { rows: large(15_000), page: large(9_000), count: 1 });
    expect(last()).toMatchObject({ service: 's', traceId: 't', count: 1, page: large(9_000) });
    expect(last()['leftOut']).toEqual(['origin', 'rows']);
  });

  test('the fields of the log itself come first: they are what it is found by', () => {
    const { log, last } = logged({ fields: { request: large(9_000) } });
    log.error('x', { rows: large(8_000) });
    expect(last()).toMatchObject({ request: large(9_000), leftOut: ['rows'] });
  });

  test('no name is so long, and no message so odd, that the line is', () => {
    const { log, lines, last } = logged();
    log.error('\u0000'.repeat(2_000), {
      ...Object.fromEntries(Array.from({ length: 49 }, (_, n) => [`${n}-${'\u0001'.repeat(2_000)}`, large(9_000)])),
      short: 1,
    });
    expect(lines[0]?.length).toBeLessThanOrEqual(16_384);
    expect(last()['short']).toBe(1);
  });
});

test('an error with its causes fits, however long their texts: each has half the room of what it caused', () => {
  const { log, last } = logged();
  const chain = (depth: number): Error =>
    new Error(`${depth} ${'y'.repeat(3_000)}`, depth === 5 ? {} : { cause: chain(depth + 1) });
  log.child({ traceId: 't' }).error('The request failed', { error: chain(0) });
  expect(last()).toMatchObject({ traceId: 't', error: { cause: { cause: { cause: { cause: { name: 'Error' } } } } } });
  expect(last()['leftOut']).toBeUndefined();
});

test('what refers to itself in many ways is written in no time, and takes no room from other fields', () => {
  const { log, last } = logged();
  const nodes = Array.from({ length: 20 }, (): Record<string, unknown> => ({}));
  for (const node of nodes) for (const [at, other] of nodes.entries()) node[`f${at}`] = other;
  log.error('x', { graph: nodes[0], list: nodes, note: 'short' });
  expect(last()['note']).toBe('short');
  expect(JSON.stringify(redact(nodes)).length).toBeLessThan(20_000);
  expect(JSON.stringify(redact(nodes))).toContain('[more]');
});

test('the log never throws, whatever it is given and whatever the writer does', () => {
  const trap = {
    get bad() {
      throw new Error('trap');
    },
  };
  const { log, lines } = logged();
  log.info('x', { trap });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'x', unwritable: true });
  const broken = jsonLog({
    clock: memoryClock(),
    write: () => {
      throw new Error('EPIPE');
    },
  });
  expect(() => broken.error('x')).not.toThrow();
});

test('any value gives one line of well-formed JSON, and its readable form holds no control character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.dictionary(
        fc.string({ unit: 'binary' }),
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
      ),
      (message, fields) => {
        const { log, lines } = logged();
        log.info(message, fields);
        const [line = ''] = lines;
        expect(lines).toHaveLength(1);
        expect(JSON.parse(line)).toMatchObject({ level: 'info' });
        expect(line).not.toContain('\n');
        expect(formatLogLine(line, { colors: false })).not.toMatch(/\p{Cc}/u);
      },
    ),
  );
});

describe('on a terminal', () => {
  const line =
    '{"time":"2026-01-02T03:04:05.678Z","level":"warn","message":"slow","route":"a.b","tookMs":7,"note":"two words"}';

  test('a line is time of day, level, message and fields', () => {
    expect(formatLogLine(line, { colors: false })).toBe('03:04:05.678 WARN  slow route=a.b tookMs=7 note="two words"');
    expect(formatLogLine(line, { colors: true })).toContain('\u001b[33mWARN \u001b[0m slow');
  });

  test('a level that no log has is shown without a colour', () => {
    const odd = '{"time":"2026-01-02T03:04:05.678Z","level":"constructor","message":"odd"}';
    expect(formatLogLine(odd, { colors: true })).toBe('\u001b[2m03:04:05.678\u001b[0m CONSTRUCTOR odd');
  });

  test('the stack of an error stands on lines of its own', () => {
    const { log, lines } = logged();
    log.error('x', { error: new Error('why') });
    const [head, ...rest] = formatLogLine(lines[0] ?? '', { colors: false }).split('\n');
    expect(head).toBe('00:00:00.000 ERROR x error={"name":"Error","message":"why"}');
    expect(rest.join('\n')).toContain('Error: why\n    at ');
  });

  test.each(['plain text', '{"level":1}', '[1]', '{'])('%s, which is not of the log, comes back as it is', (text) => {
    expect(formatLogLine(text, { colors: true })).toBe(text);
  });

  test('escape sequences are not obeyed', () => {
    expect(formatLogLine('\u001b[2J\u0007gone', { colors: false })).toBe('\ufffdgone');
    expect(
      formatLogLine(JSON.stringify({ level: 'info', message: 'a\u001b]0;title\u0007\r\nb' }), { colors: false }),
    ).not.toMatch(/\p{Cc}/u);
  });
});
