import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import type { Handlers, Problem } from '#http/handlers';
import { httpFunction } from '#http/http-function';
import { OutcomeUnknownError, UnavailableError, type PatternError } from '#primitives/errors';
import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { TimeoutError } from '#resilience/errors';
import { idempotency } from '#resilience/idempotency';
import { httpContext, httpEvent } from '../../support/http-events.ts';

const answers = { 204: v.undefined() };

const api = defineApi({
  pattern: 'example',
  part: 'root',
  title: 'Two writes, of which the second meets an error',
  routes: {
    read: route({ method: 'GET', path: '/read', summary: 's', answers }),
    change: route({ method: 'PUT', path: '/change', summary: 's', answers }),
    create: route({ method: 'POST', path: '/create', summary: 's', answers, idempotent: true }),
    createBySelf: route({ method: 'POST', path: '/by-handler', summary: 's', answers, idempotent: 'by-handler' }),
  },
});

const errors: readonly PatternError[] = [
  new UnavailableError('the second write'),
  new OutcomeUnknownError('the second write'),
  new TimeoutError(100),
];

const shell = (error: PatternError) => {
  const [clock, random] = [memoryClock(), seededRandom(1)];
  let writeCount = 0;
  const writeTwice = async () => {
    writeCount += 1;
    throw error;
  };
  const handlers: Handlers<typeof api> = {
    read: writeTwice,
    change: writeTwice,
    create: writeTwice,
    createBySelf: writeTwice,
  };
  const call = httpFunction({
    api,
    handlers: () => handlers,
    services: () => ({
      clock,
      random,
      log: jsonLog({ clock, write: () => undefined }),
      idempotency: idempotency({
        table: memoryTable({ name: 'keys', clock }),
        clock,
        random,
        inProgressMs: 30_000,
        keepMs: 60_000,
      }),
    }),
  });
  return {
    detailOf: async (method: string, path: string, key?: string): Promise<unknown> => {
      const headers: [string, string][] = key === undefined ? [] : [['Idempotency-Key', key]];
      const answer = await call(httpEvent(method, path, { headers }), httpContext());
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
      return (JSON.parse(answer.body) as Problem).detail;
    },
    writeCount: () => writeCount,
  };
};

const OPEN = 'Unavailable for now; what was asked for may have been done, or a part of it.';
const KEYED = `${OPEN} Ask again with the same idempotency-key.`;

describe.each(errors)('a handler that has written something meets $code', (error) => {
  test.each([
    ['PUT', '/change', undefined, OPEN],
    ['PUT', '/change', 'a key that the route does not know', OPEN],
    ['POST', '/create', undefined, OPEN],
    ['POST', '/create', 'k', KEYED],
    ['POST', '/by-handler', 'k', KEYED],
    ['GET', '/read', undefined, 'Unavailable for now; ask again.'],
  ])('%s %s with the key %j is told what is true', async (method, path, key, detail) => {
    const { detailOf, writeCount } = shell(error);
    expect(await detailOf(method, path, key)).toBe(detail);
    expect(writeCount()).toBe(1);
  });
});
