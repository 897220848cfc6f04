import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { problem, type Handlers } from '#http/handlers';
import { httpFunction } from '#http/http-function';
import { openApi } from '#http/open-api';
import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { httpContext, httpEvent } from '../../support/http-events.ts';

const state = v.strictObject({ status: v.string() });
const api = defineApi({
  pattern: 'types',
  part: 'batch',
  title: 'Answers of other media types',
  routes: {
    text: route({
      method: 'GET',
      path: '/text',
      summary: 'Text',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      answers: { 200: v.string() },
    }),
    json: route({ method: 'GET', path: '/json', summary: 'A text as JSON', answers: { 200: v.string() } }),
    health: route({
      method: 'GET',
      path: '/health/{kind}',
      summary: 'JSON of another name',
      contentType: 'application/health+json',
      answers: { 200: state, 503: state },
    }),
  },
});

const clock = memoryClock();
const handlers: Handlers<typeof api> = {
  text: async () => ({ status: 200, body: 'a "b"\n' }),
  json: async () => ({ status: 200, body: 'a "b"\n' }),
  health: async ({ params: { kind } }) => {
    if (kind === 'unknown') return problem(404, { detail: 'No.' });
    return kind === 'fail' ? { status: 503, body: { status: 'fail' } } : { status: 200, body: { status: 'pass' } };
  },
};
const handler = httpFunction({
  api,
  handlers: () => handlers,
  services: () => ({ clock, random: seededRandom(1), log: jsonLog({ clock, write: () => undefined }) }),
});
const ask = async (path: string) => {
  const { statusCode, headers, body } = await handler(httpEvent('GET', path), httpContext());
  return [statusCode, headers['content-type'], body];
};

test('a route may answer with text of its own type, which is sent as it is', async () => {
  expect(await ask('/text')).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'a "b"\n']);
});

test('without one a text is JSON like any other value', async () => {
  expect(await ask('/json')).toEqual([200, 'application/json', '"a \\"b\\"\\n"']);
});

test('a type on top of JSON is JSON, whatever the status', async () => {
  expect(await ask('/health/pass')).toEqual([200, 'application/health+json', '{"status":"pass"}']);
  expect(await ask('/health/fail')).toEqual([503, 'application/health+json', '{"status":"fail"}']);
});

test('a problem is a problem by its type, on such a route too', async () => {
  const [status, type] = await ask('/health/unknown');
  expect([status, type]).toEqual([404, 'application/problem+json']);
  expect((await ask('/nothing')).slice(0, 2)).toEqual([404, 'application/problem+json']);
});

test('openapi.json says so; a status that is an answer of the route and a problem of the shell has both types', () => {
  const { paths } = openApi([api], { title: 't', version: '1' }) as object as {
    paths: Record<string, { get: { responses: Record<string, { content?: object; $ref?: string }> } }>;
  };
  const types = (path: string, status: string) => Object.keys(paths[path]?.get.responses[status]?.content ?? {});
  expect(types('/text', '200')).toEqual(['text/plain; version=0.0.4; charset=utf-8']);
  expect(types('/health/{kind}', '200')).toEqual(['application/health+json']);
  expect(types('/health/{kind}', '503')).toEqual(['application/health+json', 'application/problem+json']);
  expect(paths['/text']?.get.responses['503']).toEqual({ $ref: '#/components/responses/problem-503' });
});
