import * as v from 'valibot';
import { ANY_METHODS, pathParameters, type Api } from '#http/api';
import { httpFunction } from '#http/http-function';
import { openApi } from '#http/open-api';
import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { catalogue } from '../../../functions/catalogue.ts';
import { rootApi } from '../../../functions/root/api.ts';
import { rootHandlers } from '../../../functions/root/handlers.ts';
import { exampleApi } from '../../lib/http/example.ts';
import { httpContext, httpEvent } from '../../support/http-events.ts';

const ask = async (method: string, path: string) => {
  const clock = memoryClock();
  const call = httpFunction({
    api: rootApi,
    handlers: () => rootHandlers({ apis: catalogue, prefix: 'service-stage', version: '1.2.3' }),
    services: () => ({ clock, random: seededRandom(1), log: jsonLog({ clock, write: () => undefined }) }),
  });
  const { statusCode, headers, body } = await call(httpEvent(method, path), httpContext());
  const parsed: unknown = JSON.parse(body);
  return { statusCode, headers, body: parsed };
};

type Node = Readonly<Record<string, unknown>>;

/** Every object in a document, with where it stands as a JSON pointer. */
function* objectsOf(value: unknown, at = '#'): Generator<{ readonly at: string; readonly node: Node }> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { at, node: { ...value } };
  for (const [name, inner] of Object.entries(value)) {
    yield* objectsOf(inner, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

const allApis: readonly Api[] = [rootApi, ...catalogue, exampleApi];
const document = openApi(allApis, { title: 't', version: '1' });
const objects = [...objectsOf(document)];

const operations = allApis.flatMap((api) =>
  Object.entries(api.routes).flatMap(([name, route]) => {
    const id = `${api.pattern}.${name}`;
    const methods = route.method === 'ANY' ? ANY_METHODS : [route.method];
    return methods.map((method) => {
      const operationId = route.method === 'ANY' ? `${id}.${method.toLowerCase()}` : id;
      const operation = objects.find(({ node }) => node['operationId'] === operationId);
      return { api, name: operationId, route, method, operation };
    });
  }),
);

test('GET / lists each pattern with part, chapter, routes, and queues by their full names', async () => {
  const { statusCode, body } = await ask('GET', '/');
  expect(statusCode).toBe(200);
  const { patterns } = v.parse(rootApi.routes.patterns.answers[200], body);
  expect(patterns.map(({ name }) => name)).toEqual(catalogue.map(({ pattern }) => pattern));
  const workQueue = patterns.find(({ name }) => name === 'work-queue');
  expect(workQueue).toMatchObject({ part: 'batch', chapter: 11 });
  expect(workQueue?.routes).toEqual(expect.arrayContaining(['POST /work-queue/jobs', 'GET /work-queue/jobs/{id}']));
  expect(workQueue?.queues).toContain('service-stage-work-queue-items');
});

test('GET /health answers without asking anything', async () => {
  expect(await ask('GET', '/health')).toMatchObject({ statusCode: 200, body: { status: 'ok' } });
});

test('what no pattern takes is 404, and another method of a root route 405', async () => {
  expect((await ask('GET', '/nothing/here')).statusCode).toBe(404);
  expect((await ask('DELETE', '/anything')).statusCode).toBe(404);
  expect(await ask('POST', '/openapi.json')).toMatchObject({
    statusCode: 405,
    headers: { allow: 'GET, HEAD, OPTIONS' },
  });
});

test('the document is served as it is generated, its own route included', async () => {
  const { statusCode, body } = await ask('GET', '/openapi.json');
  expect(statusCode).toBe(200);
  const generated = openApi([rootApi, ...catalogue], { title: 'service-stage', version: '1.2.3' });
  expect(body).toEqual(JSON.parse(JSON.stringify(generated)));
  expect(body).toMatchObject({ openapi: '3.1.1', paths: { '/openapi.json': {} } });
});

test.each(operations)('$name is in the document, under its path and method', ({ route, method, operation }) => {
  const path = route.path.replace('+}', '}').replaceAll('/', '~1');
  expect(operation?.at).toBe(`#/paths/${path}/${method.toLowerCase()}`);
});

test('operation ids are unique, and no two paths differ in the names of parameters only', () => {
  const ids = objects.flatMap(({ node }) => node['operationId'] ?? []);
  expect(new Set(ids).size).toBe(operations.length);
  const paths = new Set(operations.map(({ route }) => route.path));
  const shapes = new Set([...paths].map((path) => path.replaceAll(/\{[^}]+\}/g, '{}')));
  expect(shapes.size).toBe(paths.size);
});

test.each(operations)('$name declares every parameter of its path, and no others', ({ route, operation }) => {
  const declared = [...objectsOf(operation?.node['parameters'])].filter(({ node }) => node['in'] === 'path');
  expect(declared.map(({ node }) => node['name'])).toEqual(pathParameters(route.path));
  expect(declared.every(({ node }) => node['required'] === true)).toBe(true);
});

test('every reference leads to something', () => {
  const places = new Set(objects.map(({ at }) => at));
  const references = objects.flatMap(({ node }) => (typeof node['$ref'] === 'string' ? [node['$ref']] : []));
  expect(references.length).toBeGreaterThan(10);
  expect(references.filter((reference) => !places.has(reference))).toEqual([]);
});

test.each(operations)('$name has the answers that the shell and its handler give', ({ route, operation }) => {
  const responses = Object.keys(operation?.node['responses'] ?? {});
  expect(responses.includes('default')).toBe(route.raw === true);
  const statuses = responses.filter((status) => status !== 'default').map(Number);
  const expected = [400, 500, 503, 504, ...Object.keys(route.answers).map(Number), ...(route.problems ?? [])];
  if (route.admin === true) expected.push(401, 403);
  if (route.idempotent === true) expected.push(409, 422);
  if (route.method !== 'GET') expected.push(413, ...(route.raw === true ? [] : [415]));
  expect(new Set(statuses)).toEqual(new Set(expected));
});

test.each(operations)('$name refuses unknown fields, at any depth, or says that it takes them', ({ operation }) => {
  const silent = [...objectsOf(operation?.node['requestBody'])].filter(
    ({ node }) => node['type'] === 'object' && node['additionalProperties'] === undefined,
  );
  expect(silent).toEqual([]);
});
