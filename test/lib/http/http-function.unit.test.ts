import type { APIGatewayProxyEvent } from 'aws-lambda';
import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import type { HttpEvent, HttpResult } from '#http/event';
import type { Handlers } from '#http/handlers';
import { httpFunction } from '#http/http-function';
import { render } from '#http/rendering';
import { httpContext, httpEvent } from '../../support/http-events.ts';
import { example } from './example.ts';

type Options = Parameters<typeof httpEvent>[2];

const ask = (method: string, path: string, options?: Options, shell = example()): Promise<HttpResult> =>
  shell.call(httpEvent(method, path, options), httpContext());

const problemOf = (result: HttpResult): Record<string, unknown> => {
  expect(result.headers['content-type']).toBe('application/problem+json');
  return v.parse(v.record(v.string(), v.unknown()), JSON.parse(result.body));
};

const errorsOf = async (answer: Promise<HttpResult>): Promise<unknown> => {
  const result = await answer;
  expect(result.statusCode).toBe(400);
  return problemOf(result)['errors'];
};

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const JSON_HEADERS = [['Content-Type', 'application/json']] as const;

test('the platform’s own event is one that the shell takes', () => {
  const take = (event: APIGatewayProxyEvent): HttpEvent => event;
  expect(take).toBeDefined();
});

describe('routing', () => {
  test.each([
    ['GET', '/things/a', { id: 'a' }],
    ['GET', '/things/a/', { id: 'a' }],
    ['GET', '/things/a%2Fb%20%C3%A9', { id: 'a/b é' }],
    ['GET', '/things/%2541', { id: '%41' }],
    ['GET', '/things/special', 'special'],
    ['GET', '/things', { limit: null }],
  ])('%s %s goes to its route; parameters are decoded once', async (method, path, body) => {
    const { statusCode, body: text } = await ask(method, path);
    expect([statusCode, JSON.parse(text)]).toEqual([200, body]);
  });

  test.each(['/', '/nothing', '/things/a/b', '//things', '/things//', '/THINGS', '/things/a;/../x/y'])(
    'the unknown path %s is 404',
    async (path) => {
      const result = await ask('GET', path);
      expect(result.statusCode).toBe(404);
      expect(problemOf(result)).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 });
    },
  );

  test.each([
    ['PUT', '/things', 'DELETE, GET, HEAD, OPTIONS, POST'],
    ['TRACE', '/things', 'DELETE, GET, HEAD, OPTIONS, POST'],
    ['get', '/things', 'DELETE, GET, HEAD, OPTIONS, POST'],
    ['POST', '/things/a', 'GET, HEAD, OPTIONS'],
    ['POST', '/things/special', 'GET, HEAD, OPTIONS'],
  ])('another method of a known path, %s %s, is 405 and says which there are', async (method, path, allow) => {
    const result = await ask(method, path);
    expect(result.statusCode).toBe(405);
    expect(problemOf(result)['title']).toBe('Method Not Allowed');
    expect(result.headers['allow']?.split(', ').toSorted().join(', ')).toBe(allow);
  });

  test('OPTIONS says which methods there are, and opens nothing to other origins', async () => {
    const { statusCode, headers, body } = await ask('OPTIONS', '/things/a', {
      headers: [['Origin', 'http://evil.example']],
    });
    expect([statusCode, body, headers['allow']]).toEqual([204, '', 'GET, HEAD, OPTIONS']);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('HEAD is answered as GET is, without the body', async () => {
    const [head, get] = [await ask('HEAD', '/things/a'), await ask('GET', '/things/a')];
    expect(head).toEqual({ ...get, body: '' });
  });

  test.each(['/things/%', '/things/%ff', '/things/%E0%A4', '/%zz', 'things'])(
    'the malformed path %s is 400',
    async (path) => {
      expect((await ask('GET', path)).statusCode).toBe(400);
    },
  );

  test.each([
    ['%00', 'Expected text without NUL.'],
    ['e%CC%81', 'Expected text in Unicode normalization form NFC.'],
    ['a'.repeat(257), 'Expected at most 256 bytes of UTF-8.'],
  ])('a parameter that is no id, %s, is 400 and named', async (text, message) => {
    expect(await errorsOf(ask('GET', `/things/${text}`))).toEqual({ id: [message] });
  });
});

describe('query', () => {
  test('is validated and converted', async () => {
    const { body } = await ask('GET', '/things', { query: [['limit', '20']] });
    expect(JSON.parse(body)).toEqual({ limit: 20 });
  });

  test.each([
    [[['limit', '0']], { limit: ['Expected an integer from 1 to 100.'] }],
    [[['limit', '1e2']], { limit: ['Expected an integer from 1 to 100.'] }],
    [[['limit', '']], { limit: ['Expected an integer from 1 to 100.'] }],
    [
      [
        ['limit', '1'],
        ['limit', '2'],
      ],
      { limit: ['Expected to be given once.'] },
    ],
    [[['limits', '1']], { limits: ['This field is not known.'] }],
    [[['__proto__', '1']], { ['__proto__']: ['This field is not known.'] }],
    [[['toString', '1']], { toString: ['This field is not known.'] }],
  ] as const)('%j is 400 and named', async (query, errors) => {
    const result = await ask('GET', '/things', { query });
    expect(result.statusCode).toBe(400);
    expect(JSON.stringify(problemOf(result)['errors'])).toBe(JSON.stringify(errors));
  });

  test('a route without a query refuses one', async () => {
    expect(await errorsOf(ask('GET', '/things/a', { query: [['debug', '1']] }))).toEqual({
      debug: ['This field is not known.'],
    });
  });
});

describe('body', () => {
  const post = (body: string, headers: readonly (readonly [string, string])[] = JSON_HEADERS) =>
    ask('POST', '/things', { body, headers });

  test.each([
    'application/json',
    'Application/JSON; Charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/cloudevents+json',
  ])('of type %s is taken', async (type) => {
    expect((await post('{"name":"a","data":1}', [['content-type', type]])).statusCode).toBe(201);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'application/jsonx',
    '',
  ])('of type %j is 415', async (type) => {
    expect((await post('{"name":"a","data":1}', [['content-type', type]])).statusCode).toBe(415);
  });

  test('without a type, or compressed, is 415', async () => {
    expect((await post('{}', [])).statusCode).toBe(415);
    expect((await post('{}', [...JSON_HEADERS, ['content-encoding', 'gzip']])).statusCode).toBe(415);
  });

  test.each(['{', '{"name":}', 'nul', "{'name':1}", '{"name":"a",}', '[1 2]'])('%s is 400: not JSON', async (body) => {
    const result = await post(body);
    expect(result.statusCode).toBe(400);
    expect(problemOf(result)).toEqual({
      type: 'malformed-request',
      title: 'Bad Request',
      status: 400,
      detail: 'The body is not JSON.',
    });
  });

  test.each([
    ['"x"', 'a string'],
    ['[]', 'an array'],
    ['[{"name":"a","data":1}]', 'an array'],
    ['null', 'null'],
    ['7', 'a number'],
    ['true', 'a boolean'],
  ])('%s is 400: JSON, but not an object', async (body, kind) => {
    const result = await post(body);
    expect(result.statusCode).toBe(400);
    expect(problemOf(result)).toMatchObject({
      type: 'malformed-request',
      detail: `Expected the body to be a JSON object, got ${kind}.`,
    });
  });

  test.each([
    [null, 4, 'null'],
    ['', 2, 'a string'],
  ])(
    '%j is 400 all the same where its length alone is told, and no body where it has none',
    async (body, length, kind) => {
      const headers = [['content-length', String(length)]] as const;
      const event = Object.assign(httpEvent('POST', '/things', { headers, body: {} }), { body });
      const result = await example().call(event, httpContext());
      expect(result.statusCode).toBe(400);
      expect(problemOf(result)).toMatchObject({ detail: `Expected the body to be a JSON object, got ${kind}.` });
    },
  );

  test.each([0, -0, false])('%s, handed over as it was read, is 400 all the same', async (body) => {
    const event = Object.assign(httpEvent('POST', '/things', { body: {} }), { body });
    const result = await example().call(event, httpContext());
    expect(result.statusCode).toBe(400);
    expect(problemOf(result)).toMatchObject({ type: 'malformed-request' });
  });

  test('of 64 KiB is taken, one byte more is 413, before it is parsed; base64 is measured decoded', async () => {
    const padded = (bytes: number) => `{"name":"a","data":"${'x'.repeat(bytes - 22)}"}`;
    expect((await post(padded(65_536))).statusCode).toBe(201);
    expect((await post(padded(65_537))).statusCode).toBe(413);
    expect((await post('{'.repeat(65_537))).statusCode).toBe(413);
    const encoded = (bytes: number) =>
      ask('POST', '/things', {
        body: Buffer.from(padded(bytes)).toString('base64'),
        isBase64Encoded: true,
        headers: JSON_HEADERS,
      });
    expect((await encoded(65_536)).statusCode).toBe(201);
    expect((await encoded(65_537)).statusCode).toBe(413);
  });

  test('that is not UTF-8 is 400, be it bytes or a text', async () => {
    const bytes = Buffer.from('{"name":"a\xff","data":1}', 'latin1').toString('base64');
    const result = await ask('POST', '/things', { body: bytes, isBase64Encoded: true, headers: JSON_HEADERS });
    expect([result.statusCode, problemOf(result)['detail']]).toEqual([400, 'The body is not UTF-8.']);
    const text = await post('{"name":"a","data":"\ud800"}');
    expect([text.statusCode, problemOf(text)['detail']]).toEqual([400, 'The body is not UTF-8.']);
  });

  test('may nest 32 levels, not 33; brackets in texts do not count', async () => {
    expect((await post(`{"name":"a","data":${deep(31)}}`)).statusCode).toBe(201);
    expect((await post(`{"name":"a","data":${deep(32)}}`)).statusCode).toBe(400);
    expect((await post(deep(32_000))).statusCode).toBe(400);
    expect((await post(`{"name":"a","data":"\\"${'['.repeat(50)}"}`)).statusCode).toBe(201);
  });

  test.each(['__proto__', 'constructor', 'prototype', '\\u005f_proto__'])(
    'an own key %s is 400 and named, at any depth',
    async (key) => {
      const errors = await errorsOf(post(`{"name":"a","data":[{"x":{"${key}":{"admin":true}}}]}`));
      expect(Object.keys(errors ?? {})).toEqual([`data.0.x.${JSON.parse(`"${key}"`)}`]);
    },
  );

  test('a number that JSON can’t write back is 400', async () => {
    expect(await errorsOf(post('{"name":"a","data":1e999}'))).toEqual({ data: ['Expected a finite number.'] });
  });

  test.each([
    [{ data: 1 }, { name: ['This field is missing.'] }],
    [{ name: 'a', data: 1, extra: true }, { extra: ['This field is not known.'] }],
    [
      { name: 'a', data: 1, tags: [{ key: 'k' }, { kei: 'k' }] },
      { 'tags.1.key': ['This field is missing.'], 'tags.1.kei': ['This field is not known.'] },
    ],
    [{ name: 'a\0', data: 1 }, { name: ['Expected text without NUL.'] }],
    [{ name: 'a\ud800', data: 1 }, { name: ['Expected text without lone surrogates.'] }],
    [{ name: 7, data: 1 }, { name: ['Invalid type: Expected string but received 7'] }],
  ])('%j is 400 with errors by field', async (body, errors) => {
    expect(await errorsOf(ask('POST', '/things', { body }))).toEqual(errors);
  });

  test('that is missing is 400; that no route asked for is too, except {}', async () => {
    expect(await errorsOf(ask('POST', '/things'))).toEqual({ body: ['This field is missing.'] });
    expect(
      (await ask('DELETE', '/things', { headers: [['authorization', 'Bearer let-me-in']], body: {} })).statusCode,
    ).toBe(204);
    expect(
      await errorsOf(ask('DELETE', '/things', { headers: [['authorization', 'Bearer let-me-in']], body: { a: 1 } })),
    ).toEqual({
      a: ['This field is not known.'],
    });
  });

  test('an unknown field whose name is no text is named by a text', async () => {
    const errors = await errorsOf(post('{"name":"a","data":1,"\\ud800":1}'));
    expect(errors).toEqual({ '\ufffd': ['This field is not known.'] });
  });

  test('errors name at most 20 fields and quote at most 200 characters', async () => {
    const tags = Array.from({ length: 500 }, () => ({ key: 'x'.repeat(0), nope: 1 }));
    const errors = await errorsOf(
      ask('POST', '/things', { body: { name: { long: 'y'.repeat(9_000) }, data: 1, tags } }),
    );
    expect(Object.keys(errors ?? {})).toHaveLength(20);
    expect(JSON.stringify(errors).length).toBeLessThan(5_000);
  });
});

describe('headers', () => {
  test.each([
    [
      [
        ['Content-Length', '5'],
        ['content-length', '6'],
      ],
    ],
    [
      [
        ['content-length', '5'],
        ['content-length', '5'],
      ],
    ],
    [[['content-length', '5, 5']]],
    [[['content-length', '-1']]],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['Transfer-Encoding', 'identity'],
      ],
    ],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['content-length', '5'],
      ],
    ],
    [[['x-any', 'a\r\nx-other: b']]],
    [
      [
        ['authorization', 'Bearer a'],
        ['Authorization', 'Bearer let-me-in'],
      ],
    ],
  ] as const)('%j are 400', async (headers) => {
    expect((await ask('GET', '/things/a', { headers })).statusCode).toBe(400);
  });

  test('a second idempotency-key is 400 and named: which one was meant is not to be guessed', async () => {
    for (const second of ['k', 'other']) {
      const result = await ask('POST', '/things', {
        body: { name: 'a', data: 1 },
        headers: [
          ['Idempotency-Key', 'k'],
          ['idempotency-key', second],
        ],
      });
      expect([result.statusCode, problemOf(result)['detail']]).toEqual([
        400,
        'The header idempotency-key came more than once.',
      ]);
    }
  });

  test('what a client sent can’t end a header of the answer', async () => {
    const { statusCode, headers } = await ask('POST', '/things', { body: { name: 'a\r\nset-cookie: x=ü', data: 1 } });
    expect([statusCode, headers['location']]).toEqual([201, '/things/a%0D%0Aset-cookie: x=%C3%BC']);
  });

  test('a header is one line of ASCII whatever a handler puts in', () => {
    expect(render({ status: 204, headers: { 'X-Shard': 'a\ud800\n' } }).headers['x-shard']).toBe('a%EF%BF%BD%0A');
  });

  test('answers are not to be stored by caches', async () => {
    expect((await ask('GET', '/things/a')).headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json',
    });
  });
});

describe('traceparent', () => {
  const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('is followed: handler, log and answer have its trace id, and a step of their own', async () => {
    const shell = example();
    const { headers } = await ask(
      'POST',
      '/things',
      { body: { name: 'a', data: 1 }, headers: [['Traceparent', given]] },
      shell,
    );
    expect(headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(headers['traceparent']).not.toBe(given);
    expect(shell.seen[0]?.traceparent).toBe(headers['traceparent']);
    expect(JSON.parse(shell.lines.at(-1) ?? '')).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      route: 'example.create',
      status: 201,
    });
  });

  test('is made where it is missing or invalid, for problems too', async () => {
    for (const headers of [
      [],
      [['traceparent', 'nonsense']],
      [
        ['traceparent', given],
        ['traceparent', given],
      ],
    ] as const) {
      const result = await ask('GET', '/nothing', { headers });
      expect(result.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(result.headers['traceparent']).not.toContain('0af7651916cd43dd8448eb211c80319c');
    }
  });
});

describe('admin routes', () => {
  const wipe = (authorization: string | undefined, services?: Parameters<typeof example>[0]) =>
    ask(
      'DELETE',
      '/things',
      authorization === undefined ? {} : { headers: [['Authorization', authorization]] },
      example(services),
    );

  test('answer who has the token', async () => {
    expect((await wipe('Bearer let-me-in')).statusCode).toBe(204);
    expect((await wipe('bearer let-me-in')).statusCode).toBe(204);
  });

  test.each([
    undefined,
    '',
    'let-me-in',
    'Basic let-me-in',
    'Bearer',
    'Bearer ',
    'Bearer let-me-i',
    'Bearer let-me-in!',
  ])('answer %j with 401 and say what is expected', async (authorization) => {
    const result = await wipe(authorization);
    expect(result.statusCode).toBe(401);
    expect(result.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  test.each([{}, { adminToken: '' }])('are closed to everybody where no token is configured: %j', async (services) => {
    for (const authorization of [undefined, 'Bearer ', 'Bearer undefined', 'Bearer let-me-in']) {
      expect((await wipe(authorization, services)).statusCode).toBe(403);
    }
  });

  test('do not read the body of who may not send it', async () => {
    expect((await ask('DELETE', '/things', { body: 'x'.repeat(70_000) })).statusCode).toBe(401);
  });
});

describe('idempotency-key', () => {
  const create = (shell: ReturnType<typeof example>, key: string, body: unknown, caller?: string) =>
    ask(
      'POST',
      '/things',
      { body, headers: [['Idempotency-Key', key]], ...(caller === undefined ? {} : { caller }) },
      shell,
    );

  test('the same key and body, in whatever order of fields, get the same answer, and the handler runs once', async () => {
    const shell = example();
    const first = await create(shell, 'k', { name: 'a', data: { x: 1, y: 2 } });
    const second = await create(shell, 'k', { data: { y: 2, x: 1 }, name: 'a' });
    expect(second).toMatchObject({ statusCode: first.statusCode, body: first.body });
    expect(second.headers).toMatchObject({ location: '/things/a', 'idempotency-replayed': 'true' });
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(shell.runs).toEqual(['a']);
  });

  test('another body is 422', async () => {
    const shell = example();
    await create(shell, 'k', { name: 'a', data: 1 });
    const result = await create(shell, 'k', { name: 'b', data: 1 });
    expect(result.statusCode).toBe(422);
    expect(problemOf(result)['type']).toBe('idempotency-key-reused');
  });

  test('while the first still runs 409 says when to come again; then its answer is there', async () => {
    const shell = example();
    const first = create(shell, 'k', { name: 'slow', data: 1 });
    await shell.clock.advance(0);
    const second = await create(shell, 'k', { name: 'slow', data: 1 });
    expect([second.statusCode, second.headers['retry-after'], problemOf(second)['type']]).toEqual([
      409,
      '1',
      'idempotency-key-in-progress',
    ]);
    await shell.clock.advance(2_000);
    expect(await create(shell, 'k', { name: 'slow', data: 1 })).toMatchObject({
      statusCode: 201,
      body: (await first).body,
    });
  });

  test('the key of an attempt that ran out of time is free as soon as the platform has ended it', async () => {
    const shell = example();
    const sent = httpEvent('POST', '/things', {
      body: { name: 'slow', data: 1 },
      headers: [['Idempotency-Key', 'k']],
    });
    const first = shell.call(sent, httpContext(1_000));
    await shell.clock.advance(999);
    expect((await first).statusCode).toBe(504);
    expect((await shell.call(sent, httpContext())).statusCode).toBe(409);
    await shell.clock.advance(1);
    const second = await shell.clock.until(shell.call(sent, httpContext()));
    expect([second.statusCode, shell.runs.length]).toEqual([201, 2]);
    expect(new Set(shell.seen.map(({ operationId }) => operationId)).size).toBe(1);
  });

  test('without a key nothing is merged, and each request has an operation id of its own', async () => {
    const shell = example();
    const bodies = [];
    for (let n = 0; n < 2; n += 1)
      bodies.push((await ask('POST', '/things', { body: { name: 'a', data: 1 } }, shell)).body);
    expect(bodies[0]).not.toBe(bodies[1]);
    expect(new Set(shell.seen.map(({ operationId }) => operationId)).size).toBe(2);
  });

  test('callers do not meet, nor do routes', async () => {
    const shell = example();
    await create(shell, 'k', { name: 'a', data: 1 }, 'one');
    expect((await create(shell, 'k', { name: 'b', data: 1 }, 'other')).statusCode).toBe(201);
    expect((await ask('POST', '/failures/x', { headers: [['idempotency-key', 'k']] }, shell)).statusCode).toBe(500);
  });

  test('an invalid request does not use up its key', async () => {
    const shell = example();
    expect((await create(shell, 'k', { name: 'a' })).statusCode).toBe(400);
    expect((await create(shell, 'k', { name: 'a', data: 1 })).statusCode).toBe(201);
  });

  test('a lasting refusal is replayed; one for now, and a failure, are not', async () => {
    const shell = example();
    for (let n = 0; n < 2; n += 1) await create(shell, 'taken', { name: 'taken', data: 1 });
    for (let n = 0; n < 2; n += 1) await create(shell, 'too many', { name: 'too many', data: 1 });
    for (let n = 0; n < 2; n += 1) {
      await ask('POST', '/failures/refused', { headers: [['idempotency-key', 'refused']] }, shell);
    }
    for (let n = 0; n < 2; n += 1) await ask('POST', '/failures/x', { headers: [['idempotency-key', 'k']] }, shell);
    expect(shell.runs).toEqual(['taken', 'too many', 'too many', 'refused', 'refused', 'x', 'x']);
  });

  test.each(['', ' '.repeat(256), 'ü', 'a\tb'])('the key %j is 400', async (key) => {
    expect(await errorsOf(create(example(), key, { name: 'a', data: 1 }))).toEqual({
      'idempotency-key': ['Expected 1 to 255 printable characters of ASCII.'],
    });
  });
});

describe('what goes wrong inside', () => {
  test.each([
    ['unavailable', 503, expect.stringMatching(/^Unavailable for now; /)],
    ['unknown', 503, expect.stringMatching(/^Unavailable for now; /)],
    ['other', 500, expect.stringMatching(/^The request failed through no fault of yours \(trace [0-9a-f]{32}\)\.$/)],
  ])('%s is %i, tells nothing of the insides, and is logged with the trace', async (kind, status, detail) => {
    const shell = example();
    const result = await ask('POST', `/failures/${kind}`, {}, shell);
    const problem = problemOf(result);
    expect([result.statusCode, problem['detail']]).toEqual([status, detail]);
    expect(result.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    expect(result.body).not.toMatch(/things-table|secret-path|\bat\b.*:\d+/);
    const traceId = result.headers['traceparent']?.split('-')[1];
    const logged: unknown = JSON.parse(shell.lines.find((line) => line.includes('"stack"')) ?? '');
    expect(logged).toMatchObject({ level: status === 500 ? 'error' : 'warn', traceId });
  });

  test.each(['hang', 'hang%20deaf'])(
    'a handler that does not end (%s) is 504 before the platform’s own limit',
    async (kind) => {
      const shell = example();
      const answer = shell.call(httpEvent('POST', `/failures/${kind}`), httpContext(6_000));
      await shell.clock.advance(5_499);
      let isAnswered = false;
      void answer.then(() => {
        isAnswered = true;
      });
      await shell.clock.advance(0);
      expect(isAnswered).toBe(false);
      await shell.clock.advance(1);
      expect(await answer).toMatchObject({ statusCode: 504, headers: { 'retry-after': '1' } });
      expect(shell.runs.at(-1)).toBe('aborted');
    },
  );

  test('no timer outlives its request', async () => {
    const shell = example();
    await ask('GET', '/things/a', {}, shell);
    expect(shell.clock.sleeperCount()).toBe(0);
  });

  test('an idempotent route without a table of keys is a fault at the first request, not a silent repeat', async () => {
    const api = defineApi({
      pattern: 'p',
      part: 'batch',
      title: 't',
      routes: {
        a: route({ method: 'POST', path: '/a', summary: 's', idempotent: true, answers: { 204: v.undefined() } }),
      },
    });
    const { clock } = example();
    const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
    const random = { next: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' };
    const handlers: Handlers<typeof api> = { a: async () => ({ status: 204 }) };
    const call = httpFunction({ api, handlers: () => handlers, services: () => ({ log, clock, random }) });
    await expect(call(httpEvent('POST', '/a'), httpContext())).rejects.toThrow(
      "Expected 'services' to have idempotency",
    );
  });
});
