import { toJsonSchema, type ConversionConfig } from '@valibot/to-json-schema';
import type { Json } from '#primitives/table';
import { ANY_METHODS, takesKey, type Api, type Route, type Schema } from './api.ts';
import { BODY_LIMIT_BYTES } from './request-body.ts';
import { paramsSchema } from './request.ts';

type JsonObject = { readonly [name: string]: Json };

const TEXTS: Readonly<Record<number, string>> = {
  400: 'Malformed or invalid; `errors` says which fields.',
  401: 'The admin token is missing or wrong.',
  403: 'The caller is no admin, or admin routes are closed here.',
  404: 'Unknown.',
  409: 'In conflict with what is there, or the first request with this idempotency key still runs.',
  410: 'Gone.',
  413: `The body is longer than ${BODY_LIMIT_BYTES} bytes.`,
  415: 'The body is not JSON.',
  422: 'The idempotency key came with another request before.',
  429: 'Too many requests; come again after `retry-after`.',
  500: 'A fault of this service.',
  502: 'What stands behind this route did not answer, or not as it should; what was asked for may have been done.',
  503: 'Unavailable for now; come again after `retry-after`.',
  504: 'Not answered in time; come again after `retry-after`.',
};

const PROBLEM: JsonObject = {
  type: 'object',
  description: 'RFC 9457',
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
  },
  required: ['type', 'title', 'status', 'detail'],
};

const HEADER_TRACEPARENT: JsonObject = {
  name: 'traceparent',
  in: 'header',
  required: false,
  description: 'W3C trace context; made when it is missing, returned in every answer.',
  schema: { type: 'string' },
};

const HEADER_IDEMPOTENCY_KEY: JsonObject = {
  name: 'idempotency-key',
  in: 'header',
  required: false,
  description:
    'Makes the request safe to repeat: the same key and request get the same answer, and the effect is there once.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const objectOf = (json: Json | undefined): JsonObject => (isObject(json) ? json : {});

/** Converts schemas and collects the definitions that recursive ones need. */
const converter = (prefix: string, definitions: Map<string, Json>) => {
  const convert = (schema: Schema, part: string): JsonObject => {
    const config: ConversionConfig = {
      target: 'draft-2020-12',
      // What is sent, in either direction: what a client writes, and what a handler gives.
      typeMode: 'input',
      // A check that JSON Schema has no word for is still made by the server.
      errorMode: 'ignore',
      overrideRef: ({ referenceId }) => `#/components/schemas/${prefix}.${part}.${referenceId}`,
    };
    // Through JSON, because the converter's own types know values that JSON does not.
    const converted = JSON.parse(JSON.stringify(toJsonSchema(schema, config))) as JsonObject;
    const { $schema: _, $defs, ...rest } = converted;
    for (const [name, definition] of Object.entries(objectOf($defs))) {
      definitions.set(`${prefix}.${part}.${name}`, definition);
    }
    return rest;
  };
  return convert;
};

type Convert = ReturnType<typeof converter>;

const parametersIn = (place: 'path' | 'query', schema: JsonObject): Json[] => {
  const { properties, required } = schema;
  const names: readonly unknown[] = Array.isArray(required) ? required : [];
  return Object.entries(objectOf(properties)).map(([name, inner]) => ({
    name,
    in: place,
    required: place === 'path' || names.includes(name),
    schema: inner,
  }));
};

const problemStatuses = (route: Route): readonly number[] =>
  [
    ...new Set([
      400,
      ...(route.admin === true ? [401, 403] : []),
      ...(route.method === 'GET' ? [] : route.raw === true ? [413] : [413, 415]),
      ...(takesKey(route) ? [409, 422] : []),
      ...(route.problems ?? []),
      500,
      503,
      504,
    ]),
  ].toSorted((one, other) => one - other);

const PROBLEM_CONTENT: JsonObject = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
};

const answersOf = (route: Route, convert: Convert): JsonObject => {
  const { contentType = 'application/json', summary: description } = route;
  const problems = problemStatuses(route);
  const answers = Object.entries(route.answers).map(([status, schema]): [string, Json] => {
    // A status that the route and the shell both answer with has two media types.
    const more = problems.includes(Number(status)) ? PROBLEM_CONTENT : {};
    return [
      status,
      schema.type === 'undefined'
        ? { description }
        : { description, content: { [contentType]: { schema: convert(schema, `answer-${status}`) }, ...more } },
    ];
  });
  const others = problems
    .filter((status) => route.answers[status] === undefined)
    .map((status): [string, Json] => [String(status), { $ref: `#/components/responses/problem-${status}` }]);
  const behind: [string, Json][] =
    route.raw === true ? [['default', { description: 'What the service behind it answers, as it is.' }]] : [];
  return Object.fromEntries([...answers, ...others, ...behind]);
};

const operation = (
  api: Api,
  name: string,
  route: Route,
  method: string,
  definitions: Map<string, Json>,
): JsonObject => {
  const convert = converter(`${api.pattern}.${name}`, definitions);
  return {
    operationId: `${api.pattern}.${name}${route.method === 'ANY' ? `.${method.toLowerCase()}` : ''}`,
    tags: [api.pattern],
    summary: route.summary,
    parameters: [
      ...parametersIn('path', convert(paramsSchema(route), 'params')),
      ...(route.query === undefined ? [] : parametersIn('query', convert(route.query, 'query'))),
      ...(takesKey(route) ? [HEADER_IDEMPOTENCY_KEY] : []),
      HEADER_TRACEPARENT,
    ],
    ...(route.raw === true ? { requestBody: ANY_BODY } : {}),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body.type !== 'optional',
            content: { 'application/json': { schema: convert(route.body, 'body') } },
          },
        }),
    responses: answersOf(route, convert),
    ...(route.admin === true ? { security: [{ adminToken: [] }] } : {}),
  };
};

const ANY_BODY: JsonObject = {
  description: `Of any type, at most ${BODY_LIMIT_BYTES} bytes; handed on as it is.`,
  content: { '*/*': { schema: {} } },
};

/** OpenAPI has no greedy parameters, and no method that stands for all. */
const pathIn = ({ path }: Route): string => path.replace(/\+\}$/, '}');
const methodsOf = ({ method }: Route): readonly string[] => (method === 'ANY' ? ANY_METHODS : [method]);

const problemResponse = (description: string): JsonObject => ({
  description,
  content: PROBLEM_CONTENT,
});

/**
 * The OpenAPI 3.1 document of some APIs, made of the schemas that validate the requests: what it says and what the
 * functions do can't differ.
 *
 * @see https://spec.openapis.org/oas/v3.1.1.html
 */
export const openApi = (
  apis: readonly Api[],
  info: { readonly title: string; readonly version: string },
): JsonObject & { readonly openapi: string } => {
  const definitions = new Map<string, Json>([['Problem', PROBLEM]]);
  const paths = new Map<string, Record<string, Json>>();
  for (const api of apis) {
    for (const [name, route] of Object.entries(api.routes)) {
      const item = paths.get(pathIn(route)) ?? {};
      for (const method of methodsOf(route)) {
        item[method.toLowerCase()] = operation(api, name, route, method, definitions);
      }
      paths.set(pathIn(route), item);
    }
  }
  return {
    openapi: '3.1.1',
    info: { ...info },
    tags: apis.map(({ pattern, title }) => ({ name: pattern, description: title })),
    paths: Object.fromEntries(paths),
    components: {
      schemas: Object.fromEntries(definitions),
      responses: Object.fromEntries(
        Object.entries(TEXTS).map(([status, text]) => [`problem-${status}`, problemResponse(text)]),
      ),
      securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } },
    },
  };
};
