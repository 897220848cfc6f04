import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parseNginx } from '#single-node/adapter/formats/nginx';

const RECORDED = readFileSync(path.join(import.meta.dirname, '../fixtures/nginx-1.22-access.log'), 'utf8')
  .trimEnd()
  .split('\n');
const parse = (line: string) => parseNginx(line, 0);

test('lines that nginx 1.22 wrote are read, whatever its clients sent', () => {
  const read = RECORDED.map(parse);
  expect(read.map((line) => line?.fields)).toEqual([
    {
      client: '127.0.0.1',
      method: 'GET',
      target: '/',
      protocol: 'HTTP/1.1',
      status: 200,
      sizeBytes: 3,
      userAgent: 'curl/7.88.1',
    },
    {
      client: '127.0.0.1',
      user: 'al ice [x]',
      method: 'GET',
      target: '/x?a=1',
      protocol: 'HTTP/1.1',
      status: 500,
      sizeBytes: 177,
      userAgent: 'curl/7.88.1',
    },
    {
      client: '127.0.0.1',
      method: 'GET',
      target: '/',
      protocol: 'HTTP/1.1',
      status: 200,
      sizeBytes: 3,
      referer: 'http://e/"x"',
      userAgent: 'quo"te \\ back é',
    },
    { client: '127.0.0.1', method: 'GET', target: '/%22%00', protocol: 'HTTP/1.1', status: 400, sizeBytes: 157 },
    { client: '127.0.0.1', method: 'POST', target: '/y', protocol: 'HTTP/1.1', status: 200, sizeBytes: 3 },
    { client: '127.0.0.1', request: 'GARBAGE\u007f\u0001"\\ x', status: 400, sizeBytes: 157 },
    { client: '127.0.0.1', request: '', status: 400, sizeBytes: 0 },
  ]);
  expect(read.map((line) => line?.severity)).toEqual(['info', 'error', 'info', 'warn', 'info', 'warn', 'warn']);
  expect(read[0]?.timeMs).toBe(Date.parse('2026-11-25T22:46:54Z'));
});

test('the common format, other zones, IPv6, and what somebody put behind the user agent', () => {
  expect(parse('::1 - - [05/Feb/2024:01:02:03 +0530] "GET / HTTP/2.0" 304 -')).toMatchObject({
    timeMs: Date.parse('2024-02-05T01:02:03+05:30'),
    fields: { client: '::1', status: 304 },
  });
  expect(
    parse('1.2.3.4 - - [31/Dec/2023:23:59:60 -0800] "GET / HTTP/1.1" 200 1 "-" "a" "10.0.0.1" 0.003'),
  ).toMatchObject({
    timeMs: Date.parse('2023-12-31T23:59:59-08:00'),
    fields: { rest: '"10.0.0.1" 0.003' },
  });
});

test('a user who calls himself like the rest of a line deceives nobody: nginx escapes his quotes', () => {
  const user = 'x [25/Nov/2026:00:00:00 +0000] \\x22GET /evil HTTP/1.1\\x22 200 1';
  const line = `127.0.0.1 - ${user} [25/Nov/2026:22:46:54 +0000] "GET /x HTTP/1.1" 401 0 "-" "-"`;
  expect(parse(line)?.fields).toMatchObject({
    user: 'x [25/Nov/2026:00:00:00 +0000] "GET /evil HTTP/1.1" 200 1',
    target: '/x',
    status: 401,
  });
});

test.each([
  ['nothing', ''],
  ['no time', '127.0.0.1 - - "GET / HTTP/1.1" 200 3 "-" "-"'],
  ['a day that there is not', '127.0.0.1 - - [30/Feb/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 3 "-" "-"'],
  ['a month that there is not', '127.0.0.1 - - [25/Nop/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 3 "-" "-"'],
  ['a request without its end', '127.0.0.1 - - [25/Nov/2026:22:46:54 +0000] "GET / HTTP/1.1 200 3'],
  ['no status', '127.0.0.1 - - [25/Nov/2026:22:46:54 +0000] "GET / HTTP/1.1" - 3 "-" "-"'],
  ['words before it', 'it said 127.0.0.1 - - [25/Nov/2026:22:46:54 +0000] "GET / HTTP/1.1" 200 3 "-" "-"'],
])('%s is not of the format', (_, line) => {
  expect(parse(line)).toBeUndefined();
});

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');
/** Writes as nginx does: what is not printable ASCII, quote and backslash as bytes. */
const escape = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
        ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
const dash = (text: string): string => (text === '' ? '-' : escape(text));
const written = (
  date: Date,
  of: { user: string; request: string; referer: string; userAgent: string; status: number; size: number },
) =>
  `10.1.2.3 - ${dash(of.user)} [${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:` +
  `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000] "${escape(of.request)}" ` +
  `${of.status} ${of.size} "${dash(of.referer)}" "${dash(of.userAgent)}"`;

test('whatever is written as nginx writes it is read back as it was', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((value) => value !== '-');
  const of = fc.record({
    user: text.filter((value) => value.trim() === value),
    request: fc.oneof(
      text,
      text.map((target) => `GET /${target.replaceAll(' ', '')} HTTP/1.1`),
    ),
    referer: text,
    userAgent: text,
    status: fc.integer({ min: 100, max: 599 }),
    size: fc.nat(),
  });
  const date = fc.date({ min: new Date('1970-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(date, of, (at, value) => {
      const { user, request, referer, userAgent, status, size: sizeBytes } = value;
      const { timeMs, fields = {} } = parse(written(at, value)) ?? {};
      const given = (name: string, word: string) => (word === '' ? {} : { [name]: word });
      expect(timeMs).toBe(Math.floor(at.getTime() / 1_000) * 1_000);
      const { method, target, protocol, request: rest, ...others } = fields;
      expect(rest ?? `${method as string} ${target as string} ${protocol as string}`).toBe(request);
      expect(others).toEqual({
        client: '10.1.2.3',
        ...given('user', user),
        status,
        sizeBytes,
        ...given('referer', referer),
        ...given('userAgent', userAgent),
      });
    }),
  );
});

test('what other servers escape with a backslash alone is read too, and a backslash at an end is one', () => {
  const line = String.raw`127.0.0.1 - a\ [25/Nov/2026:22:46:54 +0000] "GET /\"\\\😀\xzz HTTP/1.1" 200 1 "-" "-"`;
  expect(parse(line)?.fields).toMatchObject({ user: 'a\\', target: '/"\\😀xzz' });
});
