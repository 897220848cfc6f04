import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { idempotency } from '#resilience/idempotency';
import {
  authenticated,
  compressed,
  decorated,
  defaults,
  each,
  idempotent,
  validated,
  type Headers,
  type TextAnswer,
} from '#serving/functions-and-events/index';

describe('defaults', () => {
  interface Draft {
    readonly currency?: string | undefined;
    readonly note?: string | null;
    readonly lines: readonly { readonly sku: string; readonly quantity?: number }[];
  }
  const fill = decorated<{ readonly draft: Draft }>()
    .with(defaults({ currency: 'EUR', note: 'none', lines: each({ quantity: 1 }) }))
    .handle(({ draft }) => draft);

  test('fill in what is absent or undefined, also in the objects of a list, and nothing else', async () => {
    const lines = [{ sku: 'a' }, { sku: 'b', quantity: 0 }];
    expect(await fill({ draft: { lines } })).toEqual({
      currency: 'EUR',
      note: 'none',
      lines: [
        { sku: 'a', quantity: 1 },
        { sku: 'b', quantity: 0 },
      ],
    });
    expect(await fill({ draft: { currency: undefined, note: null, lines: [] } })).toEqual({
      currency: 'EUR',
      note: null,
      lines: [],
    });
  });

  test('do not change what was sent', async () => {
    const draft = Object.freeze({ lines: Object.freeze([Object.freeze({ sku: 'a' })]) });
    await fill({ draft });
    expect(draft).toEqual({ lines: [{ sku: 'a' }] });
  });

  test.each([[null], ['text'], [[1]], [{ lines: 'no list' }], [{ lines: [null, 1] }]])(
    'leave to the validation what it is to judge: %j',
    async (draft) => {
      const filled: unknown = await fill({ draft: draft as never });
      const isObject = typeof draft === 'object' && draft !== null && !Array.isArray(draft);
      expect(filled).toEqual(isObject ? { currency: 'EUR', note: 'none', ...draft } : draft);
    },
  );

  test('a name that was sent is taken as own only: no default comes from a prototype', async () => {
    const run = decorated<{ readonly draft: object }>()
      .with(defaults({ toString: 'own' }))
      .handle(({ draft }) => draft);
    expect(await run({ draft: {} })).toEqual({ toString: 'own' });
  });

  test('that calls would share, or that reach a prototype, are refused', () => {
    expect(() => defaults({ lines: [] })).toThrow("Expected 'defaults.lines' to be a plain value");
    expect(() => defaults(JSON.parse('{"__proto__": 1}') as { readonly x: 1 })).toThrow('without __proto__');
  });
});

describe('validated', () => {
  const schema = v.strictObject({ name: v.pipe(v.string(), v.minLength(1, 'Too short.')), age: v.number() });
  const validate = decorated<{ readonly draft: unknown }>()
    .with(validated(schema))
    .handle(({ body, draft }) => ({ body, draft }));

  test('gives the schema’s output as body, and the draft is gone', async () => {
    expect(await validate({ draft: { name: 'Ada', age: 36 } })).toEqual({
      body: { name: 'Ada', age: 36 },
      draft: undefined,
    });
  });

  test('refuses with what is wrong by field', async () => {
    expect(await validate({ draft: { name: '', age: 'x' } })).toEqual({
      refusal: 'invalid',
      errors: { name: ['Too short.'], age: ['Invalid type: Expected number but received "x"'] },
    });
    expect(await validate({ draft: 1 })).toMatchObject({ refusal: 'invalid', errors: { body: [expect.anything()] } });
  });

  test('takes schemas that validate later, and names 20 fields at most, __proto__ like any other', async () => {
    const issues = ['__proto__', ...Array.from({ length: 30 }, (_, n) => `f${n}`)].map((key) => ({
      message: 'no',
      path: [{ key }],
    }));
    const run = decorated<{ readonly draft: unknown }>()
      .with(validated({ '~standard': { version: 1, vendor: 'test', validate: async () => ({ issues }) } }))
      .handle(() => 'never');
    const outcome = await run({ draft: {} });
    const names = typeof outcome === 'string' ? [] : Object.keys(outcome.errors);
    expect(names).toHaveLength(20);
    expect(names[0]).toBe('__proto__');
    expect(Object.hasOwn(Object.prototype, 'no')).toBe(false);
  });
});

describe('authenticated', () => {
  const admit = decorated<{ readonly headers: Headers }>()
    .with(authenticated({ verify: (token) => (token === 'secret-1' ? { user: 'ada' } : undefined) }))
    .handle(({ caller }) => caller.user);

  test.each([
    ['Bearer secret-1', 'ada'],
    ['bearer  secret-1', 'ada'],
    ['Bearer wrong', { refusal: 'unauthenticated', reason: 'unknown' }],
    ['Basic secret-1', { refusal: 'unauthenticated', reason: 'missing' }],
    ['Bearer', { refusal: 'unauthenticated', reason: 'missing' }],
    ['Bearer a b', { refusal: 'unauthenticated', reason: 'missing' }],
    [`Bearer ${'x'.repeat(5_000)}`, { refusal: 'unauthenticated', reason: 'missing' }],
    [undefined, { refusal: 'unauthenticated', reason: 'missing' }],
  ])('%s', async (authorization, outcome) => {
    expect(await admit({ headers: { authorization } })).toEqual(outcome);
  });

  test('asks somebody who answers later, too', async () => {
    const run = decorated<{ readonly headers: Headers }>()
      .with(authenticated({ verify: async (token) => ({ user: token }) }))
      .handle(({ caller }) => caller.user);
    expect(await run({ headers: { authorization: 'Bearer ada' } })).toBe('ada');
  });
});

describe('compressed', () => {
  const body = 'the same again and again, '.repeat(100);
  const send = decorated<{ readonly headers: Headers }>()
    .with(compressed())
    .handle(() => ({ statusCode: 200, headers: { 'content-type': 'text/plain' }, body }));

  test.each(['gzip', 'br, gzip;q=0.5', '*', 'GZIP'])(
    'a client that says %s gets gzip, and the same text',
    async (accept) => {
      const sent = await send({ headers: { 'accept-encoding': accept } });
      expect(sent).toMatchObject({
        isBase64Encoded: true,
        headers: { 'content-encoding': 'gzip', vary: 'accept-encoding' },
      });
      expect(sent.body.length).toBeLessThan(body.length / 5);
      expect(gunzipSync(Buffer.from(sent.body, 'base64')).toString()).toBe(body);
    },
  );

  test.each([undefined, '', 'br', 'gzip;q=0', '*;q=0', 'gzip;q=no'])(
    'a client that says %s gets it as it is, and caches learn that others may not',
    async (accept) => {
      const sent = await send({ headers: { 'accept-encoding': accept } });
      expect(sent).toMatchObject({ body, isBase64Encoded: false, headers: { vary: 'accept-encoding' } });
    },
  );

  test('what is short, or encoded already, stays as it is', async () => {
    const run = decorated<{ readonly headers: Headers; readonly text: string; readonly encoding?: string }>()
      .with(compressed({ minBytes: 100 }))
      .handle(({ text, encoding }) => ({
        statusCode: 200,
        headers: encoding === undefined ? {} : { 'content-encoding': encoding },
        body: text,
      }));
    const headers = { 'accept-encoding': 'gzip' };
    expect(await run({ headers, text: 'x'.repeat(99) })).toMatchObject({ isBase64Encoded: false });
    expect(await run({ headers, text: 'x'.repeat(100) })).toMatchObject({ isBase64Encoded: true });
    expect(await run({ headers, text: body, encoding: 'br' })).toMatchObject({ body, isBase64Encoded: false });
  });
});

describe('what compression leaves of an answer', () => {
  const gzip = { 'accept-encoding': 'gzip' };
  const text = 'x'.repeat(2_000);
  const sentOf = async (answer: Omit<TextAnswer, 'statusCode'>, headers: Headers = gzip) =>
    decorated<{ readonly headers: Headers }>()
      .with(compressed())
      .handle(() => ({ statusCode: 200, ...answer }))({ headers });

  test.each([
    [{ Vary: 'Origin' }, { vary: 'Origin, accept-encoding' }],
    [{ vary: 'Accept-Encoding, origin' }, { vary: 'Accept-Encoding, origin' }],
    [{ Vary: '*' }, { Vary: '*' }],
    [{ vary: 'a', Vary: 'b' }, { vary: 'a, b, accept-encoding' }],
  ])('what it varied by before (%j) still counts', async (headers, expected) => {
    const { 'content-encoding': encoding, ...sent } = (await sentOf({ headers, body: text })).headers;
    expect([encoding, sent]).toEqual(['gzip', expected]);
    expect((await sentOf({ headers, body: text }, {})).headers).toEqual(expected);
  });

  test('the length of the text, and a strong ETag, do not stand for the compressed bytes', async () => {
    const headers = { 'Content-Length': '2000', ETag: '"v1"', 'x-more': '1' };
    expect((await sentOf({ headers, body: text })).headers).toEqual({
      'x-more': '1',
      etag: 'W/"v1"',
      'content-encoding': 'gzip',
      vary: 'accept-encoding',
    });
    expect((await sentOf({ headers: { etag: 'W/"v1"' }, body: text })).headers).toMatchObject({ etag: 'W/"v1"' });
    expect((await sentOf({ headers, body: text }, {})).headers).toEqual({ ...headers, vary: 'accept-encoding' });
  });

  test('an encoding under a name of any case, and a body that stands for bytes, are left alone', async () => {
    const encoded = { headers: { 'Content-Encoding': 'br' }, body: text };
    expect(await sentOf(encoded)).toMatchObject({ body: text, isBase64Encoded: false });
    const bytes = { headers: { 'content-type': 'image/png' }, body: text, isBase64Encoded: true };
    expect(await sentOf(bytes)).toEqual({ statusCode: 200, ...bytes });
  });

  test('what else an answer has stays with it', async () => {
    const answer: TextAnswer & { readonly cookies: readonly string[] } = {
      statusCode: 200,
      body: text,
      cookies: ['a'],
    };
    expect(await sentOf(answer)).toMatchObject({ cookies: ['a'], isBase64Encoded: true });
  });

  test('a refusal from further in passes as it is, by `refuse` and by `around`', async () => {
    const keys = idempotency({
      table: memoryTable({ name: 'keys', clock: memoryClock() }),
      clock: memoryClock(),
      random: seededRandom(1),
      inProgressMs: 10_000,
      keepMs: 60_000,
    });
    const once = idempotent<{ readonly body: unknown }, TextAnswer>({
      idempotency: keys,
      scope: () => 'f',
      key: () => 'k',
      request: ({ body }) => body,
      withoutKey: 'refuse',
    });
    const run = decorated<{ readonly headers: Headers; readonly draft: unknown }>()
      .with(compressed({ minBytes: 0 }))
      .with(validated(v.number()))
      .with(once)
      .handle(({ body }) => ({ statusCode: 200, body: String(body) }));
    expect(await run({ headers: gzip, draft: 1 })).toMatchObject({ statusCode: 200, isBase64Encoded: true });
    // Kept as text: whoever cannot read gzip gets the same answer.
    expect(await run({ headers: {}, draft: 1 })).toMatchObject({ body: '1', isBase64Encoded: false });
    expect(await run({ headers: gzip, draft: 2 })).toEqual({ refusal: 'key-reused' });
    expect(await run({ headers: gzip, draft: 'x' })).toMatchObject({ refusal: 'invalid' });
  });
});

describe('idempotent', () => {
  const place = (options: { readonly withoutKey?: 'refuse'; readonly scope?: string } = {}) => {
    const clock = memoryClock();
    const wire = memoryWire();
    const table = memoryTable({ name: 'keys', clock, wire });
    const keys = idempotency({ table, clock, random: seededRandom(1), inProgressMs: 10_000, keepMs: 60_000 });
    const runs: string[] = [];
    const made = { count: 0 };
    const make = (scope: string) =>
      decorated<{ readonly key?: string; readonly draft: unknown }>()
        .with(validated(v.strictObject({ n: v.number(), m: v.optional(v.number()) })))
        .with(
          idempotent({
            idempotency: keys,
            scope: () => scope,
            key: ({ key }) => key,
            request: ({ body }) => body,
            withoutKey: options.withoutKey ?? (() => `own-${(made.count += 1)}`),
            isLasting: (answer: { readonly n: number; readonly replayed: boolean }) => answer.n >= 0,
            replayed: (answer) => ({ ...answer, replayed: true }),
          }),
        )
        .handle(({ body, operationId }) => {
          runs.push(operationId);
          return { n: body.n, replayed: false };
        });
    return { run: make(options.scope ?? 'f'), make, runs, wire };
  };

  test('one run for a key, whose answer says when it is given again; fields in any order are the same request', async () => {
    const { run, runs } = place();
    expect(await run({ key: 'k', draft: { n: 1, m: 2 } })).toEqual({ n: 1, replayed: false });
    expect(await run({ key: 'k', draft: { m: 2, n: 1 } })).toEqual({ n: 1, replayed: true });
    expect(runs).toHaveLength(1);
  });

  test('what was sent is compared as JSON, whatever the order of its fields', async () => {
    const clock = memoryClock();
    const table = memoryTable({ name: 'keys', clock });
    const keys = idempotency({ table, clock, random: seededRandom(1), inProgressMs: 10_000, keepMs: 60_000 });
    let runs = 0;
    const run = decorated<{ readonly body: object }>()
      .with(
        idempotent({
          idempotency: keys,
          scope: () => 'f',
          key: () => 'k',
          request: ({ body }) => body,
          withoutKey: 'refuse',
        }),
      )
      .handle(() => (runs += 1));
    const answers = [
      await run({ body: { a: [1, { x: 1, y: 2 }], b: 2 } }),
      await run({ body: { b: 2, a: [1, { y: 2, x: 1 }] } }),
    ];
    expect(answers).toEqual([1, 1]);
    expect(await run({ body: { a: [{ x: 1, y: 2 }, 1], b: 2 } })).toEqual({ refusal: 'key-reused' });
  });

  test('requests that differ in a Date alone are two, and what JSON would lose is refused before anything runs', async () => {
    const clock = memoryClock();
    const table = memoryTable({ name: 'keys', clock });
    const keys = idempotency({ table, clock, random: seededRandom(1), inProgressMs: 10_000, keepMs: 60_000 });
    let runs = 0;
    const run = decorated<{ readonly body: unknown }>()
      .with(
        idempotent({
          idempotency: keys,
          scope: () => 'f',
          key: () => 'k',
          request: ({ body }) => body,
          withoutKey: 'refuse',
        }),
      )
      .handle(() => (runs += 1));
    expect(await run({ body: { at: new Date(0) } })).toBe(1);
    expect(await run({ body: { at: new Date(1) } })).toEqual({ refusal: 'key-reused' });
    expect(await run({ body: { at: new Date(0), note: undefined } })).toBe(1);
    for (const lost of [new Set([1]), new Map(), Number.NaN])
      await expect(run({ body: { lost } })).rejects.toThrow("Expected 'request' to be JSON");
    expect(runs).toBe(1);
  });

  test('calls without a key are never merged, and have ids of their own (typescript#1501)', async () => {
    const { run, runs, wire } = place();
    for (const key of [undefined, undefined, '', ''])
      await run({ draft: { n: 1 }, ...(key === undefined ? {} : { key }) });
    expect(runs).toEqual(['own-1', 'own-2', 'own-3', 'own-4']);
    expect(wire.counts()).toEqual({});
  });

  test('where a key is asked for, a call without one is refused', async () => {
    const { run, runs } = place({ withoutKey: 'refuse' });
    expect(await run({ draft: { n: 1 } })).toEqual({ refusal: 'key-missing' });
    expect(runs).toEqual([]);
  });

  test('two functions with the same key do not meet (python#855)', async () => {
    const { make, runs } = place();
    expect(await make('one')({ key: 'k', draft: { n: 1 } })).toEqual({ n: 1, replayed: false });
    expect(await make('other')({ key: 'k', draft: { n: 2 } })).toEqual({ n: 2, replayed: false });
    expect(new Set(runs).size).toBe(2);
  });

  test('another request is refused, and one that is invalid is so also when its key has an answer (python#3821)', async () => {
    const { run } = place();
    await run({ key: 'k', draft: { n: 1 } });
    expect(await run({ key: 'k', draft: { n: 2 } })).toEqual({ refusal: 'key-reused' });
    expect(await run({ key: 'k', draft: { n: 'x' } })).toMatchObject({ refusal: 'invalid' });
  });

  test('an answer that is not lasting is not kept', async () => {
    const { run, runs } = place();
    await run({ key: 'k', draft: { n: -1 } });
    expect(await run({ key: 'k', draft: { n: -1 } })).toEqual({ n: -1, replayed: false });
    expect(runs).toHaveLength(2);
    expect(new Set(runs).size).toBe(1);
  });

  test('while the first runs the outcome says when to come again', async () => {
    const clock = memoryClock();
    const table = memoryTable({ name: 'keys', clock });
    const keys = idempotency({ table, clock, random: seededRandom(1), inProgressMs: 10_000, keepMs: 60_000 });
    const { promise, resolve } = Promise.withResolvers<string>();
    const run = decorated<{ readonly body: number }>()
      .with(idempotent({ idempotency: keys, scope: () => 'f', key: () => 'k', request: () => 1, withoutKey: 'refuse' }))
      .handle(() => promise);
    const first = run({ body: 1 });
    await clock.advance(0);
    expect(await run({ body: 1 })).toEqual({ refusal: 'in-progress', retryAfterMs: 1_000 });
    resolve('done');
    expect(await first).toBe('done');
  });
});
