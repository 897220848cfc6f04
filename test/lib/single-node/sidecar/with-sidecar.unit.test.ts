import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import type { Invocation, Outcome, Sidecar } from '#single-node/sidecar/sidecar';
import { withSidecar, type Sidecars, type WithSidecarOptions } from '#single-node/sidecar/with-sidecar';
import { keptLog } from '../../../support/sidecar-place.ts';

const never = (): Promise<never> => new Promise(() => undefined);
const fail = (): Promise<never> => Promise.reject(new Error('sidecar broke'));

/** Writes down what is called. */
const noting = (name: string, notes: string[], own: Partial<Sidecar> = {}): Sidecar => ({
  name,
  start: async () => void notes.push(`start ${name}`),
  before: () => void notes.push(`before ${name}`),
  after: (_, { status }) => void notes.push(`after ${name} ${status}`),
  stop: async () => void notes.push(`stop ${name}`),
  ...own,
});

const world = (sidecars: Sidecars, more: Partial<WithSidecarOptions> = {}) => {
  const clock = memoryClock();
  const log = keptLog();
  const limits = { startMs: 1_000, beforeMs: 200, afterMs: 500, stopMs: 2_000, maxPendingAfter: 3 };
  const calls: unknown[] = [];
  const answer = { status: 200 };
  const handler = withSidecar(
    async (event: string, _context: object) => {
      calls.push(event);
      await clock.sleep(10);
      if (event === 'bad') throw new Error('legacy broke');
      return answer;
    },
    sidecars,
    { clock, log, ...limits, ...more },
  );
  const call = (event = 'good', context: object = {}) => clock.until(handler(event, context));
  return { clock, log, handler, call, calls, answer };
};

test('sidecars start once, look at each call before and after, and stop; required ones first, the ends in reverse', async () => {
  const notes: string[] = [];
  const { handler, call, clock } = world({
    optional: [noting('c', notes), noting('d', notes)],
    required: [noting('a', notes), noting('b', notes)],
  });
  await Promise.all([call(), call()]);
  await clock.advance(0);
  await clock.until(handler.stop());
  expect(notes.filter((note) => note.startsWith('start'))).toEqual(['start a', 'start b', 'start c', 'start d']);
  expect(notes.filter((note) => note.startsWith('stop'))).toEqual(['stop d', 'stop c', 'stop b', 'stop a']);
  for (const hook of ['before', 'after']) expect(notes.filter((note) => note.startsWith(hook))).toHaveLength(8);

  notes.length = 0;
  const one = world({ optional: [noting('c', notes)], required: [noting('a', notes)] });
  await one.call();
  await one.clock.advance(0);
  expect(notes.slice(2)).toEqual(['before a', 'before c', 'after c succeeded', 'after a succeeded']);
});

test("the answer is the function's own object, the error its own error", async () => {
  const { call, answer } = world({ optional: [noting('a', [])] });
  expect(await call()).toBe(answer);
  await expect(call('bad')).rejects.toThrow('legacy broke');
});

test.each([
  ['throw in every hook', { start: fail, before: fail, after: fail, stop: fail }],
  [
    'throw at once',
    {
      before: () => {
        throw new Error('sidecar broke');
      },
      after: () => {
        throw new Error('sidecar broke');
      },
    },
  ],
  ['hang in every hook', { before: never, after: never, stop: never }],
  ['hang at the start', { start: never }],
  ['reject with nothing', { before: () => Promise.reject(undefined as never) }],
])('optional sidecars that %s do not change the answer', async (_, hooks) => {
  const { call, handler, clock, answer } = world({ optional: [{ name: 'broken', ...hooks }] });
  expect(await call()).toBe(answer);
  expect(await call()).toBe(answer);
  await expect(clock.until(handler.stop())).resolves.toBeUndefined();
});

test('all before-hooks of a call together delay it by the limit at most, and a late one is told', async () => {
  const told: string[] = [];
  const slow = (name: string): Sidecar => ({
    name,
    before: (_, signal) => {
      signal.addEventListener('abort', () => told.push(name));
      return never();
    },
  });
  const { call, clock, calls } = world({ optional: [slow('a'), slow('b'), slow('c')] });
  await call();
  expect(clock.monotonicMs()).toBe(200 + 10);
  // There was no time left for the others: they were not called.
  expect(told).toEqual(['a']);
  expect(calls).toEqual(['good']);
});

test('before-hooks leave a call the time that it has', async () => {
  const { call, clock } = world({ optional: [{ name: 'a', before: never }] });
  const context = { awsRequestId: 'r-1', getRemainingTimeInMillis: () => 50 };
  await call('good', context);
  expect(clock.monotonicMs()).toBe(50 + 10);
});

test('the answer does not wait for after-hooks: it is handed over before they begin', async () => {
  const notes: string[] = [];
  const { handler, clock } = world({ optional: [noting('a', notes, { after: () => void notes.push('after') })] });
  await clock.until(handler('good', {}).then(() => notes.push('answered')));
  await clock.advance(0);
  expect(notes.slice(-2)).toEqual(['answered', 'after']);
  const hanging = world({ optional: [{ name: 'a', after: never }] });
  await hanging.call();
  expect(hanging.clock.monotonicMs()).toBe(10);
});

test('after-hooks are bounded in time and number; those left out are counted', async () => {
  const told: string[] = [];
  const { call, handler, clock } = world({
    optional: [
      {
        name: 'slow',
        after: ({ id }, _, signal) => {
          signal.addEventListener('abort', () => told.push(id));
          return never();
        },
      },
    ],
  });
  for (let calls = 0; calls < 5; calls += 1) await call();
  expect(handler.report()).toMatchObject({ invocationCount: 5, pendingAfterCount: 3, skippedAfterCount: 2 });
  await clock.advance(500);
  expect(told).toEqual(['1', '2', '3']);
  expect(handler.report()).toMatchObject({ pendingAfterCount: 0, skippedAfterCount: 2 });
});

test('hooks are told of the call and of how it ended', async () => {
  const seen: [Invocation, Outcome][] = [];
  const { call, clock } = world({ optional: [{ name: 'a', after: (...args) => void seen.push([args[0], args[1]]) }] });
  await call('good', { awsRequestId: 'r-1', getRemainingTimeInMillis: () => 900 });
  await call('bad').catch(() => undefined);
  await clock.advance(0);
  const [[first, good] = [], [second, bad] = []] = seen;
  expect(first).toMatchObject({ id: 'r-1', event: 'good' });
  expect(first?.remainingMs()).toBe(900);
  expect(good).toEqual({ status: 'succeeded', answer: { status: 200 }, tookMs: 10 });
  expect(second).toMatchObject({ id: '2', event: 'bad' });
  expect(bad).toMatchObject({ status: 'failed', error: new Error('legacy broke'), tookMs: 10 });
});

test('the function is not called without a required sidecar; the next call tries to start it again', async () => {
  let starts = 0;
  const flaky: Sidecar = {
    name: 'config',
    start: async () => {
      starts += 1;
      if (starts === 1) throw new Error('no configuration');
    },
  };
  const { call, calls, handler } = world({ required: [noting('a', []), flaky] });
  await expect(call()).rejects.toMatchObject({ code: 'sidecar/start-failed', retryable: true });
  expect(calls).toEqual([]);
  expect(await call()).toEqual({ status: 200 });
  expect(starts).toBe(2);
  expect(handler.report().sidecars.map(({ state }) => state)).toEqual(['running', 'running']);
});

test('the function is not called when a required sidecar is not ready for the call', async () => {
  const { call, calls } = world({ required: [{ name: 'a', before: fail }] });
  await expect(call()).rejects.toMatchObject({ code: 'sidecar/before-failed', retryable: true });
  const late = world({ required: [{ name: 'a', before: never }] });
  await expect(late.call()).rejects.toMatchObject({ code: 'sidecar/before-failed' });
  expect([...calls, ...late.calls]).toEqual([]);
});

test('an optional sidecar that does not start is off: its hooks are not called', async () => {
  const notes: string[] = [];
  const { call, handler } = world({ optional: [noting('a', notes, { start: fail })] });
  await call();
  await call();
  expect(notes).toEqual([]);
  expect(handler.report().sidecars).toEqual([{ name: 'a', need: 'optional', state: 'off' }]);
});

test('a start that was late and succeeds after all is undone, so that nothing is left open', async () => {
  const notes: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { call, clock } = world({ optional: [noting('a', notes, { start: () => promise })] });
  await call();
  expect(notes).toEqual([]);
  resolve();
  await clock.advance(0);
  expect(notes).toEqual(['stop a']);
});

test('many first calls start the sidecars once', async () => {
  let starts = 0;
  const slow: Sidecar = {
    name: 'a',
    start: async ({ clock }) => {
      starts += 1;
      await clock.sleep(100);
    },
  };
  const { handler, clock } = world({ required: [slow] });
  await clock.until(Promise.all(Array.from({ length: 50 }, () => handler('good', {}))));
  expect(starts).toBe(1);
});

test('a stop waits for calls and their after-hooks, tells what runs in the background, and refuses later calls', async () => {
  const notes: string[] = [];
  const background = noting('a', notes, {
    start: async ({ signal }) => signal.addEventListener('abort', () => notes.push('told')),
  });
  const { handler, clock } = world({ optional: [background] });
  const answer = handler('good', {});
  await clock.advance(0);
  const stopped = handler.stop();
  await expect(handler('late', {})).rejects.toMatchObject({ code: 'sidecar/stopped', retryable: true });
  expect(await clock.until(answer)).toEqual({ status: 200 });
  await clock.until(stopped);
  expect(notes).toEqual(['before a', 'after a succeeded', 'told', 'stop a']);
});

test('a stop ends in time although a call, a hook and a stop hang', async () => {
  const { handler, clock } = world({ optional: [{ name: 'a', after: never, stop: never }] }, { afterMs: 600_000 });
  await clock.until(handler('good', {}));
  const beganMs = clock.monotonicMs();
  await clock.until(handler.stop());
  expect(clock.monotonicMs() - beganMs).toBe(2_000 + 2_000);
});

test('the shutdown signal stops everything, once', async () => {
  const notes: string[] = [];
  const ending = new AbortController();
  const { call, handler, clock } = world({ optional: [noting('a', notes)] }, { shutdown: ending.signal });
  await call();
  ending.abort();
  await clock.until(handler.stop());
  expect(notes.filter((note) => note === 'stop a')).toHaveLength(1);
});

test('a stop while the sidecars start leaves none running', async () => {
  const notes: string[] = [];
  const slow = noting('a', notes, { start: ({ clock }) => clock.sleep(500) });
  const { handler, clock } = world({ required: [slow, noting('b', notes)] }, { stopMs: 100 });
  const answer = handler('good', {}).catch((error: unknown) => error);
  await clock.advance(10);
  await clock.until(handler.stop());
  expect(await clock.until(answer)).toMatchObject({ code: 'sidecar/start-failed' });
  expect(notes).toEqual(['stop a']);
});

test('names that clash or are none, unknown options and limits out of range are refused', () => {
  const a: Sidecar = { name: 'a' };
  const sidecars: Sidecars = {};
  const limits: Partial<WithSidecarOptions> = {};
  expect(() => world({ required: [a], optional: [a] })).toThrow(/'sidecar.name' to be unique/);
  expect(() => world({ optional: [{ name: 'A b' }] })).toThrow(/'sidecar.name' to be 1 to 64 characters/);
  expect(() => world(Object.assign({ optinal: [] }, sidecars))).toThrow(InvalidArgumentError);
  expect(() => world({}, Object.assign({ beforMs: 1 }, limits))).toThrow(InvalidArgumentError);
  expect(() => world({}, { beforeMs: 0 })).toThrow(/'beforeMs' to be an integer from 1 to 600000, got 0/);
  expect(() => world({}, { maxPendingAfter: 10_001 })).toThrow(/'maxPendingAfter'/);
});
