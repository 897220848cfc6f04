import * as fc from 'fast-check';
import * as v from 'valibot';
import type { HttpEvent, HttpResult } from '#http/event';
import { nestsTooDeep } from '#http/request-body';
import { httpContext } from '../../support/http-events.ts';
import { example } from './example.ts';

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    'content-type',
    'Content-Length',
    'transfer-encoding',
    'authorization',
    'idempotency-key',
    'traceparent',
    '__proto__',
    'limit',
  ),
);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'application/json',
    'Bearer let-me-in',
    '12',
    'chunked',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ),
);
const values = fc.option(fc.dictionary(name, fc.array(value, { maxLength: 3 }), { maxKeys: 6 }));
const single = fc.option(fc.dictionary(name, value, { maxKeys: 6 }));

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('base64'));
const json = fc.oneof(
  fc.json({ maxDepth: 40 }),
  fc
    .record({ name: fc.string({ unit: 'binary' }), data: fc.jsonValue(), tags: fc.anything() }, { requiredKeys: [] })
    .map((body) => {
      try {
        return JSON.stringify(body) ?? '';
      } catch {
        return '{';
      }
    }),
);
const segment = fc.oneof(
  fc.constantFrom('things', 'special', '%', '%ff', '%00', '..', ''),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const path = fc.oneof(
  fc.constantFrom('/things', '/things/a', '/'),
  fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  fc.string({ unit: 'binary' }),
);

const event: fc.Arbitrary<HttpEvent> = fc
  .record({
    httpMethod: fc.oneof(fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS'), fc.string({ maxLength: 8 })),
    path,
    headers: single,
    multiValueHeaders: values,
    queryStringParameters: single,
    multiValueQueryStringParameters: values,
    body: fc.oneof(
      fc.constant({ body: null, isBase64Encoded: false }),
      fc.string({ unit: 'binary' }).map((body) => ({ body, isBase64Encoded: false })),
      fc.string({ unit: 'binary' }).map((body) => ({ body, isBase64Encoded: true })),
      bytes.map((body) => ({ body, isBase64Encoded: true })),
      json.map((body) => ({ body, isBase64Encoded: false })),
    ),
  })
  .map(({ body, ...rest }) => ({ ...rest, ...body, requestContext: { identity: null } }));

const withJson = fc.record({ path: fc.constant('/things'), body: json }).map(({ body, ...rest }): HttpEvent => ({
  ...rest,
  httpMethod: 'POST',
  headers: null,
  multiValueHeaders: { 'content-type': ['application/json'] },
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  body,
  isBase64Encoded: false,
  requestContext: {},
}));

const problem = v.strictObject({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  errors: v.optional(v.record(v.string(), v.pipe(v.array(v.string()), v.minLength(1)))),
});

const checkAnswer = ({ statusCode, headers, body }: HttpResult, isHead: boolean): void => {
  expect(statusCode).toBeGreaterThanOrEqual(200);
  expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  expect(Object.values(headers).join('')).toMatch(/^[\x20-\x7e]*$/);
  if (statusCode < 400) return;
  expect(headers['content-type']).toBe('application/problem+json');
  if (isHead) return;
  expect(body.isWellFormed()).toBe(true);
  expect(v.parse(problem, JSON.parse(body)).status).toBe(statusCode);
};

test('whatever bytes, headers, path and query come, the answer is no 5xx, and a refusal is a valid problem', async () => {
  await fc.assert(
    fc.asyncProperty(event, async (given) => {
      const result = await example().call(given, httpContext());
      expect(result.statusCode).toBeLessThan(500);
      checkAnswer(result, given.httpMethod === 'HEAD');
    }),
    { numRuns: 1_000 },
  );
});

test('whatever JSON comes to a route that takes JSON, it is taken or refused by field', async () => {
  await fc.assert(
    fc.asyncProperty(withJson, async (given) => {
      const result = await example().call(given, httpContext());
      checkAnswer(result, false);
      expect([201, 400, 409, 429]).toContain(result.statusCode);
    }),
    { numRuns: 1_000 },
  );
});

const depthOf = (parsed: unknown): number =>
  typeof parsed === 'object' && parsed !== null ? 1 + Math.max(0, ...Object.values(parsed).map(depthOf)) : 0;

test('the scan of the text finds the depth that the parsed value has', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 12, stringUnit: 'binary' }), fc.integer({ min: 0, max: 12 }), (text, limit) => {
      expect(nestsTooDeep(text, limit)).toBe(depthOf(JSON.parse(text)) > limit);
    }),
  );
});
