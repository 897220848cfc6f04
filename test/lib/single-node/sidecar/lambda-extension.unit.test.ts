import { systemClock } from '#primitives/system-clock';
import { lambdaExtension, type LambdaExtensionOptions } from '#single-node/sidecar/lambda-extension';
import type { Sidecar } from '#single-node/sidecar/sidecar';
import { extensionsApi } from '../../../support/extensions-api.ts';
import { keptLog } from '../../../support/sidecar-place.ts';
import { eventually } from '../../../support/eventually.ts';

type Api = Awaited<ReturnType<typeof extensionsApi>>;
const open: Api[] = [];
afterEach(() => {
  for (const api of open.splice(0)) api.close();
});

const clock = systemClock();
const inMs = (ms: number): number => clock.nowMs() + ms;

const run = async (
  sidecars: readonly Sidecar[],
  more: Partial<LambdaExtensionOptions> & { readonly registerStatus?: number } = {},
) => {
  const { registerStatus, ...options } = more;
  const api = await extensionsApi(registerStatus === undefined ? {} : { registerStatus });
  open.push(api);
  const log = keptLog();
  const ending = new AbortController();
  const done = lambdaExtension({
    sidecars,
    api: api.address,
    name: 'companion',
    clock,
    log,
    startMs: 5_000,
    beforeMs: 5_000,
    stopMs: 5_000,
    signal: ending.signal,
    ...options,
  });
  done.catch(() => undefined);
  return { api, log, done, end: () => ending.abort() };
};

test('it registers under the name of its file for both events, and starts before it asks for the first', async () => {
  const release = Promise.withResolvers<void>();
  const { api, done } = await run([{ name: 'a', start: () => release.promise }]);
  await eventually(() => api.calls.length === 1);
  release.resolve();
  await eventually(() => api.isFrozen());
  expect(api.calls[0]).toMatchObject({
    method: 'POST',
    path: '/2020-01-01/extension/register',
    headers: { 'lambda-extension-name': 'companion' },
  });
  expect(JSON.parse(api.calls[0]?.body ?? '')).toEqual({ events: ['INVOKE', 'SHUTDOWN'] });
  expect(api.paths()).toEqual(['/register', '/event/next']);
  api.shutdown(inMs(2_000));
  expect(await done).toBe(true);
});

test('a hook ends before the environment may be frozen, and gets the call with the time that it has', async () => {
  const release = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  const hook: Sidecar = {
    name: 'a',
    before: async ({ id, remainingMs }) => {
      seen.push(id, remainingMs() > 50_000 && remainingMs() <= 60_000);
      await release.promise;
    },
  };
  const { api, done } = await run([hook]);
  api.invoke('r-1', inMs(60_000));
  await eventually(() => seen.length > 0);
  expect(seen).toEqual(['r-1', true]);
  expect(api.isFrozen()).toBe(false);
  release.resolve();
  await eventually(() => api.isFrozen());
  api.shutdown(inMs(2_000));
  expect(await done).toBe(true);
});

test('hooks that fail or hang are logged, and neither keeps the next call or another sidecar from being served', async () => {
  const seen: string[] = [];
  const broken: Sidecar = { name: 'broken', before: () => Promise.reject(new Error('broke')) };
  const hanging: Sidecar = { name: 'hanging', before: () => new Promise(() => undefined) };
  const good: Sidecar = { name: 'good', before: ({ id }) => void seen.push(id) };
  const { api, done, log } = await run([broken, good, hanging], { beforeMs: 100 });
  for (const id of ['r-1', 'r-2']) {
    api.invoke(id, inMs(60_000));
    await eventually(() => api.isFrozen() && seen.includes(id));
  }
  expect(log.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields['sidecar'])).toEqual([
    'broken',
    'hanging',
    'broken',
    'hanging',
  ]);
  api.shutdown(inMs(2_000));
  expect(await done).toBe(true);
});

test('a call that has no time left is not held up by a hook', async () => {
  const seen: string[] = [];
  const { api, done } = await run([{ name: 'a', before: ({ id }) => void seen.push(id) }]);
  api.invoke('late', inMs(-1_000));
  await eventually(() => api.isFrozen() && api.calls.length >= 3);
  expect(seen).toEqual([]);
  api.shutdown(inMs(2_000));
  expect(await done).toBe(true);
});

test('at a shutdown it stops within what Lambda leaves, and says when it did not', async () => {
  const told: boolean[] = [];
  const hanging: Sidecar = {
    name: 'a',
    stop: (signal) => {
      signal.addEventListener('abort', () => told.push(true));
      return new Promise(() => undefined);
    },
  };
  const { api, done } = await run([hanging], { stopMs: 600_000 });
  api.shutdown(inMs(300), 'timeout');
  expect(await done).toBe(false);
  expect(told).toEqual([true]);
});

test('a start that fails is reported as an error of the initialisation, and no event is asked for', async () => {
  const { api, done } = await run([{ name: 'a', start: () => Promise.reject(new Error('no disk')) }]);
  expect(await done).toBe(false);
  expect(api.paths()).toEqual(['/register', '/init/error']);
  expect(api.calls[1]?.headers['lambda-extension-function-error-type']).toBe('Extension.StartFailed');
  expect(JSON.parse(api.calls[1]?.body ?? '')).toMatchObject({ errorMessage: expect.stringContaining('a') });
});

test('without a next event it says so, stops its sidecars and ends', async () => {
  let stops = 0;
  const { api, done } = await run([{ name: 'a', stop: async () => void (stops += 1) }]);
  api.push({ status: 500 });
  expect(await done).toBe(false);
  expect(api.paths()).toEqual(['/register', '/event/next', '/exit/error']);
  expect(stops).toBe(1);
});

test('events that are unknown or no JSON are passed over', async () => {
  const { api, done } = await run([]);
  api.push({ status: 200, body: { eventType: 'THAW' } });
  api.push({ status: 200, body: '<html>' });
  api.push({ status: 200, body: { eventType: 'INVOKE' } });
  api.shutdown(inMs(2_000));
  expect(await done).toBe(true);
  expect(api.paths().filter((path) => path === '/event/next')).toHaveLength(4);
});

test('a registration that is refused, or that nobody answers, is an error', async () => {
  const refused = await run([], { registerStatus: 403 });
  await expect(refused.done).rejects.toMatchObject({ code: 'sidecar/extension' });
  const nobody = await run([], { api: '127.0.0.1:1' });
  await expect(nobody.done).rejects.toMatchObject({ code: 'sidecar/extension' });
});

test('a signal ends it although it waits for an event', async () => {
  let stops = 0;
  const { api, done, end } = await run([{ name: 'a', stop: async () => void (stops += 1) }]);
  await eventually(() => api.isFrozen());
  end();
  expect(await done).toBe(true);
  expect(stops).toBe(1);
});
