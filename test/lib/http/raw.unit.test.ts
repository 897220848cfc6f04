import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import type { HttpEvent, HttpResult } from '#http/event';
import type { Handlers } from '#http/handlers';
import { httpFunction } from '#http/http-function';
import { openApi } from '#http/open-api';
import type { RawAnswer, RawRequest } from '#http/raw';
import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { httpContext, httpEvent } from '../../support/http-events.ts';

const api = defineApi({
  pattern: 'proxy',
  part: 'root',
  title: 'A proxy',
  routes: {
    status: route({
      method: 'GET',
      path: '/proxy/{service}/status',
      summary: 'A literal',
      answers: { 200: v.literal('status') },
    }),
    proxy: route({
      method: 'ANY',
      path: '/proxy/{service}/{rest+}',
      summary: 'Hand it on',
      answers: {},
      problems: [502],
      raw: true,
    }),
    change: route({
      method: 'PUT',
      path: '/proxy/{service}/{rest+}',
      summary: 'Not raw',
      answers: { 200: v.string() },
    }),
  },
});

const ANSWER: RawAnswer = { kind: 'raw', status: 200, headers: {}, body: Buffer.from('') };

const proxy = (answer: RawAnswer = ANSWER) => {
  const clock = memoryClock();
  const seen: { service: string; raw: RawRequest }[] = [];
  const handlers: Handlers<typeof api> = {
    status: async () => ({ status: 200, body: 'status' }),
    proxy: async ({ params: { service, rest }, raw }) => {
      expect(rest).toBe(raw.rest);
      seen.push({ service, raw });
      return answer;
    },
    change: async ({ params: { rest } }) => ({ status: 200, body: rest }),
  };
  const call = httpFunction({
    api,
    handlers: () => handlers,
    services: () => ({ clock, random: seededRandom(1), log: jsonLog({ clock, write: () => undefined }) }),
  });
  return { ask: (event: HttpEvent): Promise<HttpResult> => call(event, httpContext()), seen };
};

describe('routing', () => {
  test.each([
    ['/proxy/a/b', 'b'],
    ['/proxy/a/b/c%2Fd/%C3%A9/', 'b/c%2Fd/%C3%A9/'],
    ['/proxy/a/', ''],
    ['/proxy/a', ''],
    ['/proxy/a//b', '/b'],
    ['/proxy/a/../b', '../b'],
  ])('%s goes to the greedy route, whose rest is as it was sent', async (path, rest) => {
    const { ask, seen } = proxy();
    expect((await ask(httpEvent('POST', path))).statusCode).toBe(200);
    expect(seen).toEqual([{ service: 'a', raw: expect.objectContaining({ rest, method: 'POST' }) }]);
  });

  test('a literal goes before the rest, the named method before ANY, and nothing before the rest is empty', async () => {
    const { ask, seen } = proxy();
    expect((await ask(httpEvent('GET', '/proxy/a/status'))).body).toBe('"status"');
    expect((await ask(httpEvent('PUT', '/proxy/a/b/c'))).body).toBe('"b/c"');
    expect((await ask(httpEvent('GET', '/proxy//b'))).statusCode).toBe(404);
    expect((await ask(httpEvent('GET', '/proxy'))).statusCode).toBe(404);
    const { statusCode, headers } = await ask(httpEvent('POST', '/proxy/a/status'));
    expect([statusCode, headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(seen).toEqual([]);
  });

  test.each(['GET', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])('%s is one of ANY', async (method) => {
    const { ask, seen } = proxy();
    expect((await ask(httpEvent(method, '/proxy/a/b'))).statusCode).toBe(200);
    expect(seen.map(({ raw }) => raw.method)).toEqual([method]);
  });

  test.each(['TRACE', 'CONNECT', 'BREW', 'get'])('%s is not, and is told what is', async (method) => {
    const { statusCode, headers } = await proxy().ask(httpEvent(method, '/proxy/a/b'));
    expect([statusCode, headers['allow']?.split(', ').toSorted().join(' ')]).toEqual([
      405,
      'DELETE GET HEAD OPTIONS PATCH POST PUT',
    ]);
  });

  test('a path with a greedy parameter that is not the last is refused', () => {
    for (const path of ['/a/{b+}/c', '/a{b+}', '/{b+}{c+}', '/a/{b+}/'])
      expect(() => route({ method: 'ANY', path, summary: '', answers: {} })).toThrow("Expected 'path' to be like");
    expect(() => route({ method: 'ANY', path: '/a', summary: '', answers: {}, raw: true, body: v.any() })).toThrow(
      "Expected 'raw' to come without",
    );
  });
});

describe('a request that is handed on', () => {
  test('has its query, each value of its headers, and its bytes, whatever their type', async () => {
    const { ask, seen } = proxy();
    const event = httpEvent('POST', '/proxy/a/b', {
      headers: [
        ['Content-Type', 'text/csv'],
        ['X-One', '1'],
        ['X-Many', 'a'],
        ['X-Many', 'b, c'],
      ],
      query: [
        ['q', 'é &='],
        ['q', ''],
        ['__proto__', '1'],
      ],
      body: 'a;"\n{',
    });
    await ask(event);
    expect(seen[0]?.raw.query).toBe('q=%C3%A9%20%26%3D&q=&__proto__=1');
    expect(seen[0]?.raw.headers).toEqual({ 'content-type': ['text/csv'], 'x-one': ['1'], 'x-many': ['a', 'b, c'] });
    expect(Buffer.from(seen[0]?.raw.body ?? []).toString()).toBe('a;"\n{');
    const bytes = Buffer.from([0xff, 0, 0xfe]);
    await ask(httpEvent('POST', '/proxy/a/b', { body: bytes.toString('base64'), isBase64Encoded: true }));
    expect(Buffer.from(seen[1]?.raw.body ?? [])).toEqual(bytes);
  });

  test('leaves behind what is between neighbours, what connection names, and what is the platform’s', async () => {
    const { ask, seen } = proxy();
    const names = [
      'Host',
      'Keep-Alive',
      'TE',
      'Trailer',
      'Upgrade',
      'Proxy-Authorization',
      'Expect',
      'X-Internal-Admin',
      'X-Stack-Fault',
      'X-Amz-Security-Token',
      'X-Amzn-Trace-Id',
      'X-Mine',
      'X-Kept',
    ];
    const headers = names.map((name) => [name, '1'] as const);
    await ask(httpEvent('GET', '/proxy/a/b', { headers: [...headers, ['Connection', 'close, x-mine']] }));
    expect(Object.keys(seen[0]?.raw.headers ?? {})).toEqual(['x-kept']);
  });

  test.each([
    ['CR and LF in a value', [['x-a', 'b\r\nx-evil: 1']]],
    [
      'two lengths',
      [
        ['content-length', '1'],
        ['content-length', '2'],
      ],
    ],
    [
      'a length and chunks',
      [
        ['content-length', '1'],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    [
      'two encodings',
      [
        ['transfer-encoding', 'chunked'],
        ['transfer-encoding', 'identity'],
      ],
    ],
    ['a name that is none', [['x a', '1']]],
    ['a value outside of Latin-1', [['x-a', '\u0100']]],
  ] as const)('%s: 400, and nobody is asked', async (_what, headers) => {
    const { ask, seen } = proxy();
    expect((await ask(httpEvent('POST', '/proxy/a/b', { headers }))).statusCode).toBe(400);
    expect(seen).toEqual([]);
  });

  test('may have 64 KiB and not one byte more: 413', async () => {
    const { ask, seen } = proxy();
    expect((await ask(httpEvent('POST', '/proxy/a/b', { body: 'x'.repeat(65_536) }))).statusCode).toBe(200);
    expect((await ask(httpEvent('POST', '/proxy/a/b', { body: 'x'.repeat(65_537) }))).statusCode).toBe(413);
    expect(seen).toHaveLength(1);
  });
});

describe('an answer that is handed back', () => {
  const give = (answer: Partial<RawAnswer>, method = 'GET') =>
    proxy({ ...ANSWER, ...answer }).ask(httpEvent(method, '/proxy/a/b'));

  test('has its status, headers and text, and the trace', async () => {
    const result = await give({
      status: 418,
      headers: { 'content-type': ['text/plain'], 'set-cookie': ['a=1', 'b=2'], connection: ['x-hop'], 'x-hop': ['1'] },
      body: Buffer.from('\ufeffé'),
    });
    expect(result).toEqual({
      statusCode: 418,
      headers: { 'content-type': 'text/plain', traceparent: expect.stringMatching(/^00-/) },
      multiValueHeaders: { 'set-cookie': ['a=1', 'b=2'] },
      body: '\ufeffé',
    });
  });

  test('has all its headers but those that cannot be written', async () => {
    const result = await give({
      headers: {
        'content-type': ['text/html'],
        'set-cookie': ['a=1', 'b=2'],
        constructor: ['c'],
        traceparent: ['not the one of this request'],
        'x-check': ['\u2713'],
        'x-split': ['a', 'b\r\nx-evil: 1'],
        'x name': ['1'],
      },
    });
    expect(result.headers).toEqual({
      'content-type': 'text/html',
      constructor: 'c',
      traceparent: expect.stringMatching(/^00-/),
    });
    expect(result.multiValueHeaders).toEqual({ 'set-cookie': ['a=1', 'b=2'] });
  });

  test('has its bytes in base64 when they are no text, and none to HEAD', async () => {
    const body = Buffer.from([0xff, 0xd8, 0]);
    expect(await give({ body })).toMatchObject({ isBase64Encoded: true, body: body.toString('base64') });
    const head = await give({ body }, 'HEAD');
    expect([head.body, head.isBase64Encoded]).toEqual(['', undefined]);
  });
});

test('openapi.json has an operation for each method of ANY, with any body and any answer', () => {
  const document = openApi([api], { title: 't', version: '1' }) as unknown;
  const { paths } = v.parse(v.looseObject({ paths: v.record(v.string(), v.record(v.string(), v.any())) }), document);
  expect(Object.keys(paths)).toEqual(['/proxy/{service}/status', '/proxy/{service}/{rest}']);
  const item = paths['/proxy/{service}/{rest}'] ?? {};
  expect(Object.keys(item).toSorted()).toEqual(['delete', 'get', 'head', 'options', 'patch', 'post', 'put']);
  expect(item['post']).toMatchObject({
    operationId: 'proxy.proxy.post',
    requestBody: { content: { '*/*': {} } },
    responses: { 413: expect.anything(), default: expect.anything() },
  });
});
