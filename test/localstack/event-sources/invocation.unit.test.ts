import { memoryClock } from '#primitives/memory/clock';
import { invokeForBatch } from '../../../localstack/event-sources/invocation.ts';
import type { InvocationOptions, Invoke } from '../../../localstack/event-sources/invocation.ts';

const batch = { functionName: 'fn', payload: '{}', deadlineMs: 30_000 };
const never: Invoke = () => new Promise(() => undefined);

const setUp = (extra: Partial<InvocationOptions>) => {
  const clock = memoryClock();
  const atMs: number[] = [];
  const stop = new AbortController();
  const abandon = new AbortController();
  const inner = extra.invoke ?? (async () => ({ status: 'throttled' }) as const);
  const options: InvocationOptions = {
    hostIsUp: () => true,
    clock,
    signal: stop.signal,
    abandon: abandon.signal,
    onThrottle: () => undefined,
    ...extra,
    invoke: (name, payload) => {
      atMs.push(clock.monotonicMs());
      return inner(name, payload);
    },
  };
  return { clock, atMs, stop, abandon, options };
};

test('a throttled batch is tried again with growing pauses until its visibility ends, and not beyond', async () => {
  const it = setUp({});
  await expect(it.clock.until(invokeForBatch(it.options, batch))).resolves.toEqual({ status: 'throttled' });
  expect(it.atMs.slice(0, 6)).toEqual([0, 50, 150, 350, 750, 1550]);
  expect(it.atMs.at(-1)).toBeLessThan(batch.deadlineMs);
  expect(it.clock.monotonicMs()).toBe(batch.deadlineMs);
  expect(it.clock.sleeperCount()).toBe(0);
});

test('each throttling is told, so that fewer batches run', async () => {
  let told = 0;
  const answers = ['throttled', 'throttled', 'answered'];
  const it = setUp({
    onThrottle: () => {
      told += 1;
    },
    invoke: async () =>
      answers.shift() === 'throttled' ? { status: 'throttled' } : { status: 'answered', payload: '1' },
  });
  await expect(it.clock.until(invokeForBatch(it.options, batch))).resolves.toEqual({
    status: 'answered',
    payload: '1',
  });
  expect(told).toBe(2);
});

test('a batch whose visibility is over is not handed over', async () => {
  const it = setUp({});
  await expect(invokeForBatch(it.options, { ...batch, deadlineMs: 0 })).resolves.toEqual({ status: 'throttled' });
  expect(it.atMs).toEqual([]);
});

test('no invocation begins while no host is up', async () => {
  const it = setUp({
    hostIsUp: () => it.clock.monotonicMs() >= 5000,
    invoke: async () => ({ status: 'answered', payload: '' }),
  });
  await it.clock.until(invokeForBatch(it.options, batch));
  expect(it.atMs).toEqual([5000]);
});

test('an invocation that never answers is failed after the longest time that Lambda allows', async () => {
  const it = setUp({ invoke: never });
  const outcome = await it.clock.until(invokeForBatch(it.options, batch));
  expect(outcome).toMatchObject({ status: 'failed', errorType: 'NoAnswer' });
  expect(it.clock.monotonicMs()).toBe(16 * 60_000);
});

test('a stop ends the waiting for a slot at once, but not an invocation', async () => {
  const waiting = setUp({});
  const first = invokeForBatch(waiting.options, batch);
  await waiting.clock.advance(60);
  waiting.stop.abort();
  await expect(first).resolves.toEqual({ status: 'throttled' });
  expect(waiting.clock.sleeperCount()).toBe(0);

  const answer = Promise.withResolvers<{ readonly status: 'answered'; readonly payload: string }>();
  const running = setUp({ invoke: () => answer.promise });
  const second = invokeForBatch(running.options, batch);
  running.stop.abort();
  answer.resolve({ status: 'answered', payload: 'x' });
  await expect(second).resolves.toEqual({ status: 'answered', payload: 'x' });
});

test('abandoning ends the waiting for an answer, and leaves no timer', async () => {
  const it = setUp({ invoke: never });
  const outcome = invokeForBatch(it.options, batch);
  await it.clock.advance(10);
  it.abandon.abort();
  await expect(outcome).resolves.toMatchObject({ status: 'failed', errorType: 'NoAnswer' });
  expect(it.clock.sleeperCount()).toBe(0);
});
