import * as v from 'valibot';
import type { Admins } from '#http/admin';
import { defineApi, route } from '#http/api';
import { problem, type Handlers } from '#http/handlers';
import { httpFunction, type HttpServices } from '#http/http-function';
import { id, integerText } from '#http/schemas';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';

interface Part {
  readonly name: string;
  readonly parts?: readonly Part[] | undefined;
}

const part: v.GenericSchema<Part> = v.strictObject({
  name: v.string(),
  parts: v.optional(v.array(v.lazy(() => part))),
});

const thing = v.strictObject({
  name: id(),
  tags: v.optional(v.array(v.strictObject({ key: v.string() }))),
  parts: v.optional(v.array(part)),
  data: v.unknown(),
});

/** An API with one route of each kind. */
export const exampleApi = defineApi({
  pattern: 'example',
  part: 'batch',
  title: 'Things',
  routes: {
    list: route({
      method: 'GET',
      path: '/things',
      summary: 'All things',
      query: v.strictObject({ limit: v.optional(integerText({ min: 1, max: 100 })) }),
      answers: { 200: v.strictObject({ limit: v.nullable(v.number()) }) },
    }),
    create: route({
      method: 'POST',
      path: '/things',
      summary: 'A new thing',
      body: thing,
      answers: { 201: v.strictObject({ id: v.string(), run: v.number() }) },
      problems: [409, 429],
      idempotent: true,
    }),
    read: route({
      method: 'GET',
      path: '/things/{id}',
      summary: 'One thing',
      answers: { 200: v.strictObject({ id: v.string() }) },
    }),
    special: route({
      method: 'GET',
      path: '/things/special',
      summary: 'A literal',
      answers: { 200: v.literal('special') },
    }),
    wipe: route({
      method: 'DELETE',
      path: '/things',
      summary: 'Forget all',
      admin: true,
      answers: { 204: v.undefined() },
    }),
    fail: route({
      method: 'POST',
      path: '/failures/{kind}',
      summary: 'What goes wrong inside',
      answers: { 204: v.undefined() },
      idempotent: true,
    }),
  },
});

/** The example's function on memory, and what it logged, ran and was asked. */
export const example = (services: Admins = { adminToken: 'let-me-in' }) => {
  const clock = memoryClock();
  const random = seededRandom(1);
  const lines: string[] = [];
  const runs: string[] = [];
  const seen: { readonly operationId: string; readonly traceparent: string }[] = [];
  const handlers: Handlers<typeof exampleApi> = {
    list: async ({ query }) => ({ status: 200, body: { limit: query.limit ?? null } }),
    create: async ({ body, operationId, traceparent }) => {
      runs.push(body.name);
      seen.push({ operationId, traceparent });
      if (body.name === 'taken') return problem(409, { detail: 'Taken.' });
      if (body.name === 'too many') return problem(429, { detail: 'Later.' });
      if (body.name === 'slow') await clock.sleep(2_000);
      return { status: 201, body: { id: body.name, run: runs.length }, headers: { location: `/things/${body.name}` } };
    },
    read: async ({ params }) => ({ status: 200, body: { id: params.id } }),
    special: async () => ({ status: 200, body: 'special' }),
    wipe: async () => ({ status: 204 }),
    fail: async ({ params: { kind }, signal, log }) => {
      runs.push(kind);
      if (kind === 'unavailable') throw new UnavailableError('table things-table');
      if (kind === 'unknown') throw new OutcomeUnknownError('table things-table');
      if (kind === 'refused') return problem(502, { detail: 'Refused by another.' });
      signal.addEventListener('abort', () => runs.push('aborted'));
      if (kind === 'hang') await clock.sleep(60_000, signal);
      if (kind === 'hang deaf') await clock.sleep(60_000);
      log.info('failing');
      throw new Error('insides at /srv/secret-path.ts');
    },
  };
  const shell: HttpServices = {
    clock,
    random,
    log: jsonLog({ clock, write: (line) => void lines.push(line) }),
    idempotency: idempotency({
      table: memoryTable({ name: 'idempotency', clock }),
      clock,
      random,
      inProgressMs: 30_000,
      keepMs: 60_000,
    }),
    ...services,
  };
  const call = httpFunction({ api: exampleApi, handlers: () => handlers, services: () => shell });
  return { call, clock, lines, runs, seen };
};
