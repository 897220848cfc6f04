import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpFunction } from '#http/http-function';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { systemClock } from '#primitives/system-clock';
import { configStore } from '#single-node/sidecar/config-sync/config-store';
import { configSync } from '#single-node/sidecar/config-sync/config-sync';
import { tableConfigSource } from '#single-node/sidecar/config-sync/sources';
import type { SyncOutcome } from '#single-node/sidecar/git-sync/deployer';
import { UnavailableError } from '#primitives/errors';
import type { GitSync } from '#single-node/sidecar/git-sync/git-sync';
import type { Act } from '#single-node/sidecar/git-sync/stage';
import { processSource } from '#single-node/sidecar/topz/process-source';
import { topz } from '#single-node/sidecar/topz/topz';
import { sidecarApi } from '../../../../functions/single-node/sidecar/api.ts';
import { sidecarHandlers, type SidecarParts } from '../../../../functions/single-node/sidecar/handlers.ts';
import { initialConfig, validateConfig } from '../../../../functions/single-node/sidecar/program-config.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';
import { memoryFiles } from '../../../support/memory-files.ts';
import { quietLog } from '../../../support/probe-log.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A program that is only a server, as the version of this name. */
const act = async (commit: string, listener: RequestListener): Promise<Act & { end(): void }> => {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    commit,
    program: { url, pid: process.pid, ended, stop: async () => undefined },
    end: () => resolve('ended'),
  };
};

const world = (
  options: Partial<Pick<SidecarParts, 'repository'>> & { readonly outcomes?: readonly SyncOutcome[] } = {},
) => {
  const clock = systemClock();
  const table = memoryTable({ name: 'config', clock: memoryClock() });
  const random = seededRandom(1);
  const outcomes = [...(options.outcomes ?? [])];
  const asked: unknown[] = [];
  let current: Act | undefined;
  const versions: GitSync = {
    name: 'git-sync',
    current: () => current,
    use: async (work) => {
      if (current === undefined) throw new UnavailableError('none');
      return work(current);
    },
    sync: async (how) => {
      asked.push(how);
      return outcomes.shift() ?? { status: 'failed', running: null, reason: 'nothing to do' };
    },
    report: () => null,
  };
  const parts: SidecarParts = {
    store: configStore({ table }),
    config: configSync({
      source: tableConfigSource({ table, name: 'legacy' }),
      file: '/program/settings.json',
      validate: validateConfig,
      initial: { ...initialConfig },
      intervalMs: 1,
      readMs: 1_000,
      waitMs: 1_000,
      looks: 'calls',
      files: memoryFiles().of(),
      clock,
      random,
      log: quietLog,
    }),
    versions,
    repository: options.repository ?? { declared: true },
    nameOf: (commit) => (commit === 'first' ? 'bundled' : commit),
    usage: topz({ source: processSource({ clock }), clock }),
    programUsage: async () => {
      throw new Error('gone');
    },
    clock,
  };
  const serve = httpFunction({
    api: sidecarApi,
    handlers: () => sidecarHandlers(parts),
    services: () => ({ log: quietLog, clock, random, adminToken: 'token' }),
  });
  const call = async (method: string, path: string, more: Parameters<typeof httpEvent>[2] = {}) => {
    const headers = [['authorization', 'Bearer token'] as const];
    const { statusCode, body } = await serve(httpEvent(method, path, { headers, ...more }), httpContext(20_000));
    return { status: statusCode, body: JSON.parse(body) as Record<string, unknown> };
  };
  return {
    call,
    asked,
    store: parts.store,
    usage: parts.usage,
    play: (next: Act | undefined) => {
      current = next;
    },
  };
};

const json =
  (value: unknown): RequestListener =>
  (_, response) =>
    void response.end(JSON.stringify(value));

test("the program's answer is passed on with the version that the program says", async () => {
  const { call, play } = world();
  play(await act('first', (request, response) => void response.end(JSON.stringify({ url: request.url, settings: 7 }))));
  expect(await call('GET', '/sidecar/legacy', { query: [['name', 'a b&c=d']] })).toEqual({
    status: 200,
    body: { answer: { url: '/?name=a%20b%26c%3Dd', settings: 7 }, configVersion: 7, programVersion: 'bundled' },
  });
});

test('a program that says no version runs by what is in its file', async () => {
  const { call, play } = world();
  for (const answer of [1, null, [], {}, { settings: 'x' }, { settings: -1 }]) {
    play(await act('abc', json(answer)));
    expect(await call('GET', '/sidecar/legacy')).toEqual({
      status: 200,
      body: { answer, configVersion: null, programVersion: 'abc' },
    });
  }
});

test.each<readonly [string, RequestListener]>([
  ['an error', (_, response) => void response.writeHead(500).end('{}')],
  ['a redirect', (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['no JSON', (_, response) => void response.end('hello')],
  ['too much', json('x'.repeat(70_000))],
  ['nothing', (request) => void request.socket.destroy()],
])('a program that answers with %s is a 502', async (_, listener) => {
  const { call, play } = world();
  const playing = await act('abc', listener);
  play(playing);
  expect((await call('GET', '/sidecar/legacy')).status).toBe(502);
});

test.each([
  ['an answer', 200, /^Expected the program to answer with at most 65536 bytes/],
  ['an error', 500, /^The program answered with status 500/],
])('%s without an end is read no further than the limit, and the connection is closed', async (_, status, detail) => {
  const { call, play } = world();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const endless: RequestListener = (_request, response) => {
    response.writeHead(status);
    // One piece more than the limit, and then neither more nor an end.
    response.write('x'.repeat(65_537));
    response.once('close', () => resolve());
  };
  play(await act('abc', endless));
  const answered = await call('GET', '/sidecar/legacy');
  expect(answered).toMatchObject({ status: 502, body: { detail: expect.stringMatching(detail) } });
  await closed;
});

test('an answer of the very limit is passed on whole, wherever its characters were cut', async () => {
  const { call, play } = world();
  const answer = 'é'.repeat(32_767);
  play(
    await act('abc', (_, response) => {
      const bytes = Buffer.from(JSON.stringify(answer));
      response.write(bytes.subarray(0, 1_000));
      setImmediate(() => response.end(bytes.subarray(1_000)));
    }),
  );
  expect(await call('GET', '/sidecar/legacy')).toMatchObject({ status: 200, body: { answer } });
});

test('when the program ends instead of answering, the one in its place is asked', async () => {
  const { call, play } = world();
  const next = await act('def', json('here'));
  const dying = await act('abc', (request) => {
    play(next);
    dying.end();
    request.socket.destroy();
  });
  play(dying);
  expect(await call('GET', '/sidecar/legacy')).toMatchObject({
    status: 200,
    body: { answer: 'here', programVersion: 'def' },
  });
});

test('while no program runs, one is asked for, and there is a 503 when it does not come', async () => {
  const { call, asked } = world();
  expect((await call('GET', '/sidecar/legacy')).status).toBe(503);
  expect(asked).toHaveLength(1);
});

test("the outcome of a sync is told, and where it can't be done, why", async () => {
  const outcomes: readonly SyncOutcome[] = [
    { status: 'deployed', commit: 'abc', running: 'abc' },
    { status: 'refused', commit: 'bad', running: 'first', reason: 'it has a link' },
    { status: 'known-bad', commit: 'bad', running: null, reason: 'it has a link' },
    { status: 'failed', running: 'abc', reason: 'the repository is gone' },
  ];
  const { call, asked } = world({ outcomes });
  expect(await call('POST', '/sidecar/sync')).toEqual({ status: 200, body: outcomes[0] });
  expect(await call('POST', '/sidecar/sync', { query: [['retry', 'true']] })).toEqual({
    status: 200,
    body: { ...outcomes[1], running: 'bundled' },
  });
  expect(await call('POST', '/sidecar/sync', { body: {} })).toEqual({ status: 200, body: outcomes[2] });
  expect(await call('POST', '/sidecar/sync')).toMatchObject({
    status: 503,
    body: { detail: /the repository is gone/ },
  });
  expect(asked).toEqual([{ retry: false }, { retry: true }, { retry: false }, { retry: false }]);
  expect((await call('POST', '/sidecar/sync', { query: [['retry', 'perhaps']] })).status).toBe(400);
  for (const status of [409, 503] as const) {
    const none = world({ repository: { declared: false, status, reason: 'None is declared.' } });
    expect(await none.call('POST', '/sidecar/sync')).toMatchObject({ status, body: { detail: 'None is declared.' } });
  }
});

test('configurations of any name are kept, each with its versions; the program takes only what its schema takes', async () => {
  const { call, store } = world();
  const put = (name: string, body: unknown) => call('PUT', `/sidecar/config/${name}`, { body });
  expect(await put('canary', { value: { greeting: 'Hi' } })).toEqual({
    status: 200,
    body: { name: 'canary', version: 1 },
  });
  expect(await store.get('canary')).toEqual({ version: 1, value: { greeting: 'Hi', repeat: 1 } });
  expect((await put('canary', { value: { greeting: 'Ho' }, expectedVersion: 0 })).status).toBe(409);
  const rubbish: readonly unknown[] = [
    {},
    { value: null },
    { value: 'x' },
    { value: {} },
    { value: { greeting: 'x', repeat: 0.5 } },
    { value: { greeting: 'x\0' } },
    { value: { greeting: '\ud800' } },
    { value: { greeting: 'x'.repeat(201) } },
    { value: { greeting: 'x' }, expectedVersion: -1 },
    { value: { greeting: 'x' }, more: 1 },
    '{"value": {"greeting": "x", "__proto__": {}}}',
  ];
  for (const body of rubbish) {
    const headers = [
      ['authorization', 'Bearer token'],
      ['content-type', 'application/json'],
    ] as const;
    expect((await call('PUT', '/sidecar/config/canary', { body, headers })).status).toBe(400);
  }
  for (const name of ['%00', '%ff', 'x'.repeat(257), '%ED%A0%80'])
    expect((await put(name, { value: { greeting: 'x' } })).status).toBe(400);
  expect(await store.get('canary')).toEqual({ version: 1, value: { greeting: 'Hi', repeat: 1 } });
});

test('a put whose answer was lost may be repeated with its expected version: it is answered as the first one', async () => {
  const { call } = world();
  const put = () => call('PUT', '/sidecar/config/canary', { body: { value: { greeting: 'Hi' }, expectedVersion: 0 } });
  expect(await put()).toEqual({ status: 200, body: { name: 'canary', version: 1 } });
  expect(await put()).toEqual({ status: 200, body: { name: 'canary', version: 1 } });
});

test('what is used is told, also while no program can be asked', async () => {
  const { call, play, usage } = world();
  expect(await call('GET', '/sidecar/topz')).toMatchObject({ status: 200, body: { program: null } });
  play(await act('abc', json(1)));
  const { body } = await call('GET', '/sidecar/topz');
  expect(body).toMatchObject({ program: null, function: { pid: process.pid }, config: { lastLook: 'none' } });
  await usage.stop?.(new AbortController().signal);
});
